"""The faults: each function lets something go wrong, for some time, and returns what was lost."""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stage import HERE, Stage, StageError, wait

Outcome = dict[str, Any]
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
        _running(stage, 10 if short else 50, 0.02)
        stage.wait_for(lambda: len(stage.consumer.got) == (10 if short else 50))
        stage.device.end(signal.SIGTERM)
        path = stage.state / "outbox.sqlite"
        path.write_bytes(b"damage" * 1000)
        before = len(stage.device.made)
        stage.device.made.clear()
        delivered = len(stage.consumer.got)
        stage.device.start(events=10, every_s=0.02)
        stage.wait_for(lambda: len(stage.consumer.got) == delivered + 10)
        if not any(".damaged-" in p.name for p in stage.state.iterdir()):
            raise StageError(f"{path} was not set aside")
        del stage.consumer.got[:delivered]  # the fresh outbox starts with number 1 again
        outcome = _over(stage, "outbox damaged", lambda: None)
        outcome["made"] += before
        outcome["delivered"] += delivered
        return outcome


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
    clock_jumps,
)
