"""The faults: each function lets something go wrong, for some time, and returns what was lost."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from stage import HERE, Stage, StageError, wait

Outcome = dict[str, Any]
MALFORMED = (
    b"\x90\x06\x00\x01\x00\x01\x01\x01",  # a SUBACK with three codes
    b"\x90\x03\x00\x01\x00",  # one with none
    b"\x30\x07\x00\x03\xff\xfe\xfd\x00x",  # a PUBLISH whose topic is not UTF-8
    b"\x20\x03\x00\x00\x00",  # a second CONNACK
    b"\x40\x01\x00",  # half of a PUBACK
    b"\xf0\x00\x00\x00",  # an AUTH that nobody asked for
)
DAY_S = 86400


def _running(stage: Stage, events: int, every_s: float) -> None:
    """The device is on line, and has delivered."""
    stage.consumer.ready()
    stage.device.start(events=events, every_s=every_s)
    if not stage.wait_for(lambda: stage.consumer.got):
        raise StageError("nothing arrives although nothing is wrong")


def _over(stage: Stage, fault: str, heal: Callable[[], object]) -> Outcome:
    healed_s = time.monotonic()
    heal()
    return stage.outcome(fault, healed_s)


def broker_refused(*, short: bool) -> Outcome:
    """Nobody listens for 30 s. Meanwhile the device makes 120 events and restarts without warning."""
    outage_s, every_s = (4.0, 0.05) if short else (30.0, 0.2)
    with Stage() as stage:
        _running(stage, 1000, every_s)
        stage.proxy.refuse()
        wait(outage_s / 2)
        stage.device.end()
        stage.device.start(events=75, every_s=every_s)
        wait(outage_s / 2)
        return _over(stage, f"broker refused for {outage_s:.0f} s, device restarted", stage.proxy.accept)


def absent_at_boot(*, short: bool) -> Outcome:
    """The broker starts after the device."""
    with Stage(broker=False) as stage:
        stage.device.start(events=40, every_s=0.1)
        wait(4.0 if short else 30.0)

        def start() -> None:
            stage.proxy.refuse()
            stage.broker.start()
            stage.consumer.ready()
            stage.proxy.accept()

        return _over(stage, "broker absent at boot", start)


def connection_cut(*, short: bool) -> Outcome:
    """Every connection is cut after a moment, again and again."""
    with Stage() as stage:
        _running(stage, 200, 0.05)
        for _ in range(3 if short else 20):
            wait(1.0)
            stage.proxy.cut()
        return _over(stage, "connection cut again and again", lambda: None)


def black_hole(*, short: bool) -> Outcome:
    """For 150 s the network swallows everything, but connections stay open."""
    with Stage(keepalive_s=2 if short else 10) as stage:
        _running(stage, 100 if short else 600, 0.1 if short else 0.25)
        stage.proxy.swallow()
        seconds = 8 if short else 150
        wait(seconds)
        return _over(stage, f"black hole of {seconds} s", stage.proxy.heal)


def slow_link(*, short: bool) -> Outcome:
    """The link carries 1,000 bytes a second, and ten events of 700 bytes come each second."""
    with Stage() as stage:
        _running(stage, 40, 0.1)
        stage.proxy.slow(1000)
        wait(5.0 if short else 40.0)
        return _over(stage, "slow link", stage.proxy.accept)


def forgetful_broker(*, short: bool) -> Outcome:
    """The broker restarts and has forgotten everything."""
    with Stage() as stage:
        _running(stage, 60, 0.05 if short else 0.25)
        stage.proxy.refuse()
        wait(0.5)  # the consumer gets what the broker already has
        stage.broker.stop()
        wait(1.0 if short else 10.0)
        stage.broker.start()
        stage.consumer.ready()
        return _over(stage, "broker restarted without persistence", stage.proxy.accept)


@contextmanager
def _small_disk() -> Iterator[Path]:
    disk = Path(tempfile.mkdtemp(prefix="maskgate-disk-"))
    if os.geteuid() != 0:
        raise StageError("a small tmpfs can be mounted by root only: run it as root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], check=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
        disk.rmdir()


def disk_full(*, short: bool) -> Outcome:
    """The disk has no room for events that happen while the broker is away."""
    with _small_disk() as disk, Stage(state=disk / "state") as stage:
        _running(stage, 100, 0.05)
        filler = disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        stage.proxy.refuse()
        wait(3.0 if short else 15.0)

        def heal() -> None:
            filler.unlink(missing_ok=True)
            stage.proxy.accept()

        return _over(stage, "disk full, broker away", heal)


def kill_9(*, short: bool) -> Outcome:
    """Killed at random, just after a write, and just after an acknowledgement reached the device."""
    kills, dice = 24 if short else 210, random.Random(1)
    with Stage() as stage:
        stage.consumer.ready()
        for number in range(kills):
            due = threading.Event()
            stage.device.on_made = due.set if number % 3 == 1 else lambda: None
            stage.proxy.on_puback = due.set if number % 3 == 2 else lambda: None
            stage.device.start(events=1000, every_s=0.005)
            due.wait(dice.uniform(0.0, 0.4) if number % 3 == 0 else 5.0)
            stage.device.end(signal.SIGKILL)
        stage.device.start(events=5, every_s=0.01)
        return _over(stage, f"kill -9, {kills} times", lambda: None)


def power_cut(*, short: bool) -> Outcome:
    """After each power cut, the disk has only what was synced."""
    cuts, dice = 6 if short else 60, random.Random(2)
    folder = Path(tempfile.mkdtemp(prefix="maskgate-power-"))
    disk, kept, shim = folder / "disk", folder / "kept", folder / "power.so"
    disk.mkdir()
    kept.mkdir()
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, HERE / "power.c", "-ldl"], check=True)
    environment = {"LD_PRELOAD": str(shim), "POWER_DISK": str(disk), "POWER_KEPT": str(kept)}
    with Stage(environment=environment, state=disk) as stage:
        stage.consumer.ready()
        for _ in range(cuts):
            stage.device.start(events=1000, every_s=0.005)
            wait(dice.uniform(0.05, 0.5))
            stage.device.end(signal.SIGKILL)
            for lost in disk.iterdir():
                lost.unlink()
            for file in kept.glob("*[!w]"):  # without *.new, a copy that was not completed
                shutil.copy(file, disk)
        stage.device.start(events=5, every_s=0.01)
        outcome = _over(stage, f"power cut, {cuts} times", lambda: None)
    shutil.rmtree(folder)
    return outcome


def damaged(*, short: bool) -> Outcome:
    """The whole file is damaged while the device is off: it is set aside, and a fresh one is started."""
    with Stage() as stage:
        _offline(stage, events=20 if short else 100)
        path = stage.state / "outbox.sqlite"
        path.write_bytes(b"damage" * 1000)
        stage.device.start(events=10, every_s=0.02)
        stage.wait_for(lambda: stage.device.done)
        if not any(".damaged-" in p.name for p in stage.state.iterdir()):
            raise StageError(f"{path} was not set aside")
        return _over(stage, "outbox damaged, broker away", stage.proxy.accept)


def _offline(stage: Stage, events: int) -> None:
    """The device has delivered some events, makes more without a broker, and is killed."""
    _running(stage, 10, 0.01)
    stage.wait_for(lambda: len(stage.consumer.got) == 10)
    wait(0.3)  # the acknowledgements reach the device
    stage.proxy.refuse()
    stage.device.end(signal.SIGKILL)
    stage.device.start(events=events, every_s=0.001)
    stage.wait_for(lambda: stage.device.done)
    stage.device.end(signal.SIGKILL)


def rows_damaged(*, short: bool) -> Outcome:
    """Every tenth row that waits is damaged: not UTF-8, not JSON, or changed."""
    changes = ("CAST(X'ff' || body AS TEXT)", "replace(body, '{', '#')", "replace(body, 'covered', 'opened')")
    with Stage() as stage:
        _offline(stage, events=30 if short else 300)
        with closing(sqlite3.connect(stage.state / "outbox.sqlite")) as db, db:
            for turn, (number,) in enumerate(db.execute("SELECT sequence FROM events").fetchall()[::10]):
                change = changes[turn % len(changes)]
                db.execute(f"UPDATE events SET body = {change} WHERE sequence = ?", (number,))  # noqa: S608
        # Damage is found when its row's turn comes, and reported by the next event after that.
        stage.device.start(events=10, every_s=0.2 if short else 1.0)
        return _over(stage, "rows damaged, broker away", stage.proxy.accept)


def wal_damaged(*, short: bool) -> Outcome:
    """Again and again, the device is killed and a bit of its write-ahead log is turned."""
    turns, dice = 3 if short else 30, random.Random(3)
    with Stage() as stage:
        _offline(stage, events=50)
        for _ in range(turns):
            wal = stage.state / "outbox.sqlite-wal"
            content = bytearray(wal.read_bytes())
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
            wal.write_bytes(content)
            stage.device.start(events=20, every_s=0.001)
            stage.wait_for(lambda: stage.device.done)
            stage.device.end(signal.SIGKILL)
        stage.device.start(events=10, every_s=0.02)
        return _over(stage, f"write-ahead log damaged, {turns} times", stage.proxy.accept)


def malformed_packets(*, short: bool) -> Outcome:
    """The broker sends what is not MQTT, again and again."""
    dice = random.Random(4)
    with Stage() as stage:
        _running(stage, 100 if short else 400, 0.05)
        for _ in range(8 if short else 60):
            stage.proxy.inject(dice.choice(MALFORMED) + dice.randbytes(dice.randint(0, 20)))
            wait(0.3)
        return _over(stage, "malformed packets", lambda: None)


def clock_jumps_months(*, short: bool) -> Outcome:
    """The device starts with its clock 95 days ahead, then 95 days behind, while events wait."""
    with Stage() as stage:
        _offline(stage, events=20 if short else 100)
        for skew_s in (95 * DAY_S, -95 * DAY_S, 4000 * DAY_S, 0):
            stage.skew.write_text(str(skew_s))
            stage.device.start(events=5, every_s=0.02)
            stage.wait_for(lambda: stage.device.done)
            stage.device.end(signal.SIGTERM)
        stage.device.start(events=5, every_s=0.02)
        return _over(stage, "clock months off at the start", stage.proxy.accept)


def clock_jumps(*, short: bool) -> Outcome:
    """The clock jumps a day ahead and a day back, with and without a broker."""
    with Stage() as stage:
        _running(stage, 80, 0.05 if short else 0.25)
        for skew_s in (DAY_S, -DAY_S, 0):
            stage.skew.write_text(str(skew_s))
            wait(0.5 if short else 3.0)
        stage.proxy.refuse()
        for skew_s in (-DAY_S, DAY_S):
            stage.skew.write_text(str(skew_s))
            wait(0.5 if short else 3.0)
        return _over(stage, "clock jumps a day", stage.proxy.accept)


FAULTS = (
    broker_refused,
    absent_at_boot,
    connection_cut,
    black_hole,
    slow_link,
    forgetful_broker,
    disk_full,
    kill_9,
    power_cut,
    damaged,
    rows_damaged,
    wal_damaged,
    malformed_packets,
    clock_jumps,
    clock_jumps_months,
)
