"""The power may fail at every step of an update. What fsync and sync did not write to disk is lost then."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from releases import Device, Key, application, make_final, make_key, put_on_trial, serving

from edge.errors import UpdateError
from edge.releases.update_disk import UpdateDisk
from edge.releases.update_messages import UpdateRequest
from edge.update.fetch import fetch
from edge.update.install import with_signature
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
    make_final(device, "2.0.0")
    return device


class PowerCutError(BaseException):
    """Not an Exception, so that no code under test catches it."""


class CutDisk(UpdateDisk):
    """Loses power before the n-th change; then all that the real fsync and sync did not write is lost."""

    def __init__(self, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = at
        self.contents = set[int]()
        """Inodes of files whose content is not on the disk yet."""
        self.renamed: list[tuple[Path, Path, bytes | None]] = []
        """Renames not on the disk yet: old name, new name, and the content that the new name had before."""
        fsync, sync, replace, open_ = os.fsync, os.sync, os.replace, os.open

        def noted_open(path: str | Path, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            handle = open_(path, flags, mode, dir_fd=dir_fd)
            if flags & os.O_CREAT:
                self.contents.add(os.fstat(handle).st_ino)
            return handle

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

        noted = {"fsync": noted_fsync, "sync": noted_sync, "replace": noted_replace, "open": noted_open}
        for name, function in noted.items():
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
        """Undo renames and cut files in half. What was removed stays removed."""
        for old, new, before in reversed(self.renamed):
            if new.exists():
                old.parent.mkdir(exist_ok=True)
                new.rename(old)
            if before is not None:
                new.write_bytes(before)
        for path in root.rglob("*"):
            if path.is_file() and path.stat().st_ino in self.contents:
                os.truncate(path, path.stat().st_size // 2)


Work = Callable[[Device, UpdateDisk | None], None]


def take_incoming(device: Device, disk: UpdateDisk | None) -> None:
    device.updater(disk).attend()


def take_from_card(device: Device, disk: UpdateDisk | None) -> None:
    device.updater(disk).install_from(device.root / "card")


def start(device: Device, disk: UpdateDisk | None) -> None:
    device.updater(disk).count_start()


def time_is_up(device: Device, disk: UpdateDisk | None) -> None:
    device.updater(disk).end_trial("it took too long")


def download(device: Device, disk: UpdateDisk | None) -> None:
    if device.exchange().request_path.exists():
        with contextlib.suppress(UpdateError):
            fetch(device.exchange(disk), disk or UpdateDisk())
    take_incoming(device, disk)


def attend_and_download(device: Device, disk: UpdateDisk | None) -> None:
    """At boot both units are started, and the updater may be the first."""
    take_incoming(device, disk)
    download(device, disk)


def confirmed(device: Device) -> None:
    put_on_trial(device)
    device.exchange().confirm(device.on_trial())


def once_too_often(device: Device) -> None:
    put_on_trial(device)
    for _ in range(STARTS_MAX):
        device.updater().count_start()


def asked_back(device: Device) -> None:
    make_final(device, "3.0.0")
    device.exchange().ask_rollback()


OLD, NEW = "application-2.0.0", "application-3.0.0"
IS_BACK = "update to application 3.0.0 was taken back, 2.0.0 is in use"


def cut_at_every_step(prepared: Device, work: Work, after: str, outcome: str | None) -> None:
    """After each cut a whole release starts, the work can be repeated, and ops gets one report."""
    is_cut = True
    for cuts in itertools.count():
        device = prepared.copied(prepared.root.with_name(f"cut-{cuts}"))
        with pytest.MonkeyPatch.context() as monkeypatch:
            disk = CutDisk(cuts, monkeypatch)
            with contextlib.suppress(PowerCutError):
                work(device, disk)
                is_cut = False
        disk.lose(device.root)
        assert device.in_use()[0] in (OLD, NEW)  # and it is whole
        if (device.kept / "trial.json").exists() and work is not start:
            device.updater().count_start()  # at boot, as the unit does
            assert device.in_use()[0] in (OLD, NEW)
        reported = device.report()
        work(device, None)
        assert device.in_use() == (after, "shipped")
        reported |= device.report()
        assert len(reported) == (outcome is not None)
        assert outcome is None or next(iter(reported.values())).startswith(outcome)
        shutil.rmtree(device.root)
        if not is_cut:
            break
    assert cuts > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "work", "after", "outcome"),
    [
        (lambda d: d.arrives(application("3.0.0")), take_incoming, NEW, None),
        (lambda d: d.bundle(application("3.0.0"), d.root / "card"), take_from_card, NEW, None),
        (confirmed, take_incoming, NEW, "update to application 3.0.0 is final"),
        (put_on_trial, start, NEW, None),
        (once_too_often, start, OLD, IS_BACK),
        (put_on_trial, time_is_up, OLD, IS_BACK),
        (asked_back, take_incoming, OLD, IS_BACK),
    ],
    ids=["install", "card", "confirm", "start", "fourth start", "time is up", "roll back"],
)
def test_the_power_may_fail_at_every_step(
    before: Callable[[Device], None], work: Work, after: str, outcome: str | None, prepared: Device
) -> None:
    before(prepared)
    cut_at_every_step(prepared, work, after, outcome)


@pytest.mark.slow
def test_a_refusal_is_reported_under_one_id_even_if_the_power_fails(prepared: Device, other: Key) -> None:
    prepared.arrives(application("3.0.0"), key=other)
    cut_at_every_step(prepared, take_incoming, OLD, "update to version 3.0.0 failed: ")
    prepared.exchange().clear_incoming()
    prepared.bundle(application("3.0.0"), prepared.root / "card", key=other)
    cut_at_every_step(prepared, take_from_card, OLD, "update failed: ")


@pytest.mark.slow
@pytest.mark.parametrize("work", [download, attend_and_download])
@pytest.mark.parametrize(
    ("name", "after", "outcome"),
    [("3.0.0.bundle", NEW, None), ("none.bundle", OLD, "update to version 3.0.0 failed: http")],
)
def test_the_power_may_fail_at_every_step_of_a_download_and_a_complete_one_is_not_repeated(
    name: str, after: str, outcome: str | None, work: Work, prepared: Device
) -> None:
    folder, requested = prepared.root / "server", list[str]()
    bundle = prepared.bundle(application("3.0.0"), folder)
    with_signature(bundle).signature.rename(folder / "3.0.0.bundle.minisig")
    bundle.rename(folder / "3.0.0.bundle")

    def once(device: Device, disk: UpdateDisk | None) -> None:
        is_complete, before = device.exchange().bundle.exists(), len(requested)
        work(device, disk)
        assert not (is_complete and len(requested) > before)

    with serving(folder, requested) as url:
        prepared.exchange().ask(UpdateRequest(url=f"{url}/{name}", version="3.0.0"))
        cut_at_every_step(prepared, once, after, outcome)


@pytest.mark.slow
def test_a_complete_download_is_not_repeated_even_if_the_request_is_still_there(prepared: Device) -> None:
    """To repeat it would fail, because no server is there."""
    prepared.arrives(application("3.0.0"))
    shutil.copy(prepared.exchange().wanted_path, prepared.exchange().request_path)
    cut_at_every_step(prepared, attend_and_download, NEW, None)
