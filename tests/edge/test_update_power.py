"""The power may go at every step of an update."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from releases import Device, Key, application, final, make_key, on_trial

from edge.releases.disk import Disk
from edge.update.duty import STARTS_MAX


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


class PowerCutError(BaseException):
    """Nothing below catches it."""


class CutDisk(Disk):
    """Loses its power before the n-th change: what was not synced by then is torn in half."""

    def __init__(self, at: int) -> None:
        self.left, self.unsynced = at, set[Path]()
        self.steps: list[str] = []

    def step(self, what: str) -> None:
        if self.left == 0:
            raise PowerCutError
        self.left -= 1
        self.steps.append(what)

    @contextmanager
    def create(self, path: Path) -> Iterator[BinaryIO]:
        with super().create(path) as file:
            self.unsynced.add(path)
            yield file

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.unsynced = {new / p.relative_to(old) if p.is_relative_to(old) else p for p in self.unsynced}

    def settled(self, *paths: Path) -> None:
        self.unsynced = self.unsynced - set(paths) if paths else set()

    def tear(self) -> None:
        for path in self.unsynced:
            if path.exists():
                os.truncate(path, path.stat().st_size // 2)


def take_incoming(device: Device, disk: Disk | None) -> None:
    device.duty(disk).attend()


def take_from_card(device: Device, disk: Disk | None) -> None:
    device.duty(disk).take_from(device.root / "card")


def start(device: Device, disk: Disk | None) -> None:
    device.duty(disk).started()


def time_is_up(device: Device, disk: Disk | None) -> None:
    device.duty(disk).give_back("it took too long")


def confirmed(device: Device) -> None:
    on_trial(device)
    device.exchange().confirm(device.exchange().trial())


def once_too_often(device: Device) -> None:
    on_trial(device)
    for _ in range(STARTS_MAX):
        device.duty().started()


def asked_back(device: Device) -> None:
    final(device, "3.0.0")
    device.exchange().ask_rollback()


OLD, NEW = "application-2.0.0", "application-3.0.0"


@pytest.mark.parametrize(
    ("before", "work", "after", "outcome"),
    [
        (lambda d: d.arrives(application("3.0.0")), take_incoming, NEW, None),
        (lambda d: d.bundle(application("3.0.0"), d.root / "card"), take_from_card, NEW, None),
        (confirmed, take_incoming, NEW, "update to application 3.0.0 is final"),
        (on_trial, start, NEW, None),
        (once_too_often, start, OLD, "update to application 3.0.0 was taken back, 2.0.0 is in use"),
        (on_trial, time_is_up, OLD, "update to application 3.0.0 was taken back, 2.0.0 is in use"),
        (asked_back, take_incoming, OLD, "update to application 3.0.0 was taken back, 2.0.0 is in use"),
    ],
    ids=["install", "card", "confirm", "start", "fourth start", "time is up", "roll back"],
)
def test_the_power_may_go_at_every_step(
    before: Callable[[Device], None],
    work: Callable[[Device, Disk | None], None],
    after: str,
    outcome: str | None,
    tmp_path: Path,
    ops: Key,
) -> None:
    """Whatever starts next is whole; and who asks again gets what they asked for."""
    prepared = Device(tmp_path / "device", ops)
    final(prepared, "2.0.0")
    before(prepared)
    cuts = 0
    while True:
        root = tmp_path / f"cut-{cuts}"
        shutil.copytree(prepared.root, root, symlinks=True)
        device = Device.__new__(Device)
        device.__dict__.update(prepared.__dict__)
        device.root, device.kept, device.shipped = root, root / "kept", root / "shipped"
        device.exchange_folder = device.kept / "exchange"
        disk = CutDisk(cuts)
        try:
            work(device, disk)
        except PowerCutError:
            disk.tear()
        else:
            break
        assert device.in_use()[0] in (OLD, NEW)  # and whole
        if (device.kept / "trial.json").exists() and work is not start:
            device.duty().started()  # the boot: as the unit does
            assert device.in_use()[0] in (OLD, NEW)
        work(device, None)
        assert device.in_use() == (after, "shipped")
        said = device.outcomes()
        assert len(said) == (outcome is not None)
        assert outcome is None or said[0].startswith(outcome)
        shutil.rmtree(root)
        cuts += 1
    assert device.in_use() == (after, "shipped")
    assert cuts > 2
