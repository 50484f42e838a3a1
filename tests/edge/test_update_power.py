"""The power may go at every step of an update: what fsync and sync did not make last is lost then."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from releases import Device, Key, application, final, make_key, on_trial, serving

from edge.errors import UpdateError
from edge.releases.disk import Disk
from edge.releases.update_messages import UpdateRequest
from edge.update.fetch import fetch
from edge.update.install import beside
from edge.update.updater import STARTS_MAX


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture
def prepared(tmp_path: Path, ops: Key) -> Device:
    device = Device(tmp_path / "device", ops)
    final(device, "2.0.0")
    return device


class PowerCutError(BaseException):
    """Nothing below catches it."""


class CutDisk(Disk):
    """Loses its power before the n-th change, and then what the real fsync and sync did not make last."""

    def __init__(self, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = at
        self.contents = set[int]()
        """By their inodes."""
        self.renamed: list[tuple[Path, Path, bytes | None]] = []
        """Old name, new name, and the file that had that before."""
        fsync, sync, replace = os.fsync, os.sync, os.replace

        def noted_fsync(handle: int) -> None:
            fsync(handle)
            synced = os.fstat(handle).st_ino
            self.contents.discard(synced)
            self.renamed = [r for r in self.renamed if r[1].parent.stat().st_ino != synced]

        def noted_sync() -> None:
            sync()
            self.contents.clear()
            self.renamed.clear()

        def noted_replace(old: Path, new: Path) -> None:
            before = new.read_bytes() if new.is_file() else None
            replace(old, new)
            self.renamed.append((old, new, before))

        for name, function in {"fsync": noted_fsync, "sync": noted_sync, "replace": noted_replace}.items():
            monkeypatch.setattr(os, name, function)

    def step(self, what: str) -> None:
        if self.left == 0:
            raise PowerCutError
        self.left -= 1

    @contextmanager
    def create(self, path: Path) -> Iterator[BinaryIO]:
        with super().create(path) as file:
            self.contents.add(os.fstat(file.fileno()).st_ino)
            yield file

    def lose(self, root: Path) -> None:
        """Names go back to what they were, files are torn in half; what was removed stays so."""
        for old, new, before in reversed(self.renamed):
            if new.exists():
                old.parent.mkdir(exist_ok=True)
                new.rename(old)
            if before is not None:
                new.write_bytes(before)
        for path in root.rglob("*"):
            if path.is_file() and path.stat().st_ino in self.contents:
                os.truncate(path, path.stat().st_size // 2)


Work = Callable[[Device, Disk | None], None]


def take_incoming(device: Device, disk: Disk | None) -> None:
    device.updater(disk).attend()


def take_from_card(device: Device, disk: Disk | None) -> None:
    device.updater(disk).take_from(device.root / "card")


def start(device: Device, disk: Disk | None) -> None:
    device.updater(disk).started()


def time_is_up(device: Device, disk: Disk | None) -> None:
    device.updater(disk).give_back("it took too long")


def download(device: Device, disk: Disk | None) -> None:
    if device.exchange().request_path.exists():
        with contextlib.suppress(UpdateError):
            fetch(device.exchange(disk), disk or Disk())
    take_incoming(device, disk)


def attend_and_download(device: Device, disk: Disk | None) -> None:
    """Both units are started at boot; this one is the first."""
    take_incoming(device, disk)
    download(device, disk)


def confirmed(device: Device) -> None:
    on_trial(device)
    device.exchange().confirm(device.exchange().trial())


def once_too_often(device: Device) -> None:
    on_trial(device)
    for _ in range(STARTS_MAX):
        device.updater().started()


def asked_back(device: Device) -> None:
    final(device, "3.0.0")
    device.exchange().ask_rollback()


OLD, NEW = "application-2.0.0", "application-3.0.0"
IS_BACK = "update to application 3.0.0 was taken back, 2.0.0 is in use"


def cut_at_every_step(prepared: Device, work: Work, after: str, outcome: str | None) -> None:
    """Whatever starts next is whole; who asks again gets what they asked for; ops hears of it, once."""
    is_cut = True
    for cuts in itertools.count():
        device = prepared.copied(prepared.root.with_name(f"cut-{cuts}"))
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = CutDisk(cuts, monkeypatch)
            with contextlib.suppress(PowerCutError):
                work(device, disk)
                is_cut = False
        disk.lose(device.root)
        assert device.in_use()[0] in (OLD, NEW)  # and whole
        if (device.kept / "trial.json").exists() and work is not start:
            device.updater().started()  # the boot: as the unit does
            assert device.in_use()[0] in (OLD, NEW)
        told = device.tell()
        work(device, None)
        assert device.in_use() == (after, "shipped")
        told |= device.tell()
        assert len(told) == (outcome is not None)
        assert outcome is None or next(iter(told.values())).startswith(outcome)
        shutil.rmtree(device.root)
        if not is_cut:
            break
    assert cuts > 2


@pytest.mark.parametrize(
    ("before", "work", "after", "outcome"),
    [
        (lambda d: d.arrives(application("3.0.0")), take_incoming, NEW, None),
        (lambda d: d.bundle(application("3.0.0"), d.root / "card"), take_from_card, NEW, None),
        (confirmed, take_incoming, NEW, "update to application 3.0.0 is final"),
        (on_trial, start, NEW, None),
        (once_too_often, start, OLD, IS_BACK),
        (on_trial, time_is_up, OLD, IS_BACK),
        (asked_back, take_incoming, OLD, IS_BACK),
    ],
    ids=["install", "card", "confirm", "start", "fourth start", "time is up", "roll back"],
)
def test_the_power_may_go_at_every_step(
    before: Callable[[Device], None], work: Work, after: str, outcome: str | None, prepared: Device
) -> None:
    before(prepared)
    cut_at_every_step(prepared, work, after, outcome)


def test_what_is_refused_is_told_under_one_id_though_the_power_goes(prepared: Device, other: Key) -> None:
    prepared.arrives(application("3.0.0"), key=other)
    cut_at_every_step(prepared, take_incoming, OLD, "update to version 3.0.0 failed: ")
    prepared.exchange().clear_incoming()
    prepared.bundle(application("3.0.0"), prepared.root / "card", key=other)
    cut_at_every_step(prepared, take_from_card, OLD, "update failed: ")


@pytest.mark.parametrize("work", [download, attend_and_download])
@pytest.mark.parametrize(
    ("name", "after", "outcome"),
    [("3.0.0.bundle", NEW, None), ("none.bundle", OLD, "update to version 3.0.0 failed: http")],
)
def test_the_power_may_go_at_every_step_of_a_download_and_what_came_is_not_asked_for_again(
    name: str, after: str, outcome: str | None, work: Work, prepared: Device
) -> None:
    folder, asked = prepared.root / "server", list[str]()
    bundle = prepared.bundle(application("3.0.0"), folder)
    beside(bundle).signature.rename(folder / "3.0.0.bundle.minisig")
    bundle.rename(folder / "3.0.0.bundle")

    def once(device: Device, disk: Disk | None) -> None:
        has_come, before = device.exchange().bundle.exists(), len(asked)
        work(device, disk)
        assert not (has_come and len(asked) > before)

    with serving(folder, asked) as url:
        prepared.exchange().ask(UpdateRequest(url=f"{url}/{name}", version="3.0.0"))
        cut_at_every_step(prepared, once, after, outcome)


def test_what_came_is_not_asked_for_again_though_the_request_is_still_there(prepared: Device) -> None:
    """Which would fail: nobody is there."""
    prepared.arrives(application("3.0.0"))
    shutil.copy(prepared.exchange().wanted_path, prepared.exchange().request_path)
    cut_at_every_step(prepared, attend_and_download, NEW, None)
