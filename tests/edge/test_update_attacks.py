"""The service is in an attacker's hands: what it writes into its folder neither fools root nor stops it."""

import errno
import json
import os
import pwd
import resource
import secrets
import struct
import subprocess
import sys
import tempfile
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pytest
from releases import Device, Key, application, make_key, names, put_on_trial, tree_of

from edge.errors import UpdateError
from edge.releases import update_disk
from edge.releases.exchange import RESULTS_MAX
from edge.releases.update_disk import UpdateDisk, read_small
from edge.releases.update_messages import UpdateRequest, UpdateResult
from edge.update.bundle import pack, read_manifest
from edge.update.install import install, reason_to_skip, with_signature
from edge.update.signature import PublicKey, load_keys
from edge.update.updater import LIMIT, SERVICE, SPEAKER


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


@pytest.fixture
def device(tmp_path: Path, ops: Key) -> Device:
    return Device(tmp_path / "device", ops)


class Swapping(list[PublicKey]):
    """Trusted keys. When root uses them, it has read the bundle once: then another manifest appears in it."""

    def __init__(self, keys: list[PublicKey], bundle: Path, forged: bytes) -> None:
        super().__init__(keys)
        self._bundle, self._forged = bundle, forged

    def __iter__(self) -> Iterator[PublicKey]:
        overwrite(self._bundle, self._forged)
        return super().__iter__()


class SwappingBack(UpdateDisk):
    """Writes what was signed back into the bundle just before root copies it."""

    def __init__(self, bundle: Path) -> None:
        self._bundle, self._signed = bundle, bundle.read_bytes()

    def step(self, what: str) -> None:
        if what == "create bundle":
            overwrite(self._bundle, self._signed)


def overwrite(bundle: Path, start: bytes) -> None:
    with bundle.open("r+b") as file:
        file.write(start)


def test_an_old_signed_release_is_not_installed_under_another_manifest(device: Device, ops: Key) -> None:
    old = tree_of(device.root / "old", application("0.9.0"), noise=secrets.token_hex(20_000))
    bundle = pack(old, device.exchange_folder, preset=0)
    ops.sign(bundle)
    (device.root / "forged").mkdir()
    forged = pack(tree_of(device.root / "tree", application("9.0.0")), device.root / "forged", preset=0)
    assert forged.stat().st_size < bundle.stat().st_size
    back = SwappingBack(bundle)
    keys = Swapping(load_keys(device.keys), bundle, forged.read_bytes())
    with pytest.raises(UpdateError, match=r"application 0\.9\.0 is not newer than 1\.0\.0"):
        install(with_signature(bundle), device.store(back), keys, device.tested.append)
    assert device.in_use() == ("shipped", "shipped")
    assert names(device.kept) == ["exchange"]


class Meddler(UpdateDisk):
    """Writes to the bundle while root copies it."""

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle

    def step(self, what: str) -> None:
        if what == "create bundle":
            content = self.bundle.read_bytes()
            self.bundle.write_bytes(content[:-20] + b"x" * 20)


def test_a_bundle_that_changes_while_it_is_copied_is_refused(device: Device) -> None:
    device.arrives(application("2.0.0"))
    device.updater(Meddler(device.exchange().bundle)).attend()
    assert device.reported_texts() == [
        (
            "update to version 2.0.0 failed: incoming.bundle: its signature is not valid: "
            "the file or the signature was changed"
        )
    ]
    assert device.in_use() == ("shipped", "shipped")


class Growing(UpdateDisk):
    """Makes the bundle longer while root copies it."""

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle

    def step(self, what: str) -> None:
        if what == "create bundle":
            with self.bundle.open("ab") as file:
                file.truncate(10**12)


def test_no_more_of_a_bundle_is_copied_than_it_had_at_first(device: Device) -> None:
    device.arrives(application("2.0.0"))
    assert device.updater(Growing(device.exchange().bundle)).attend()
    assert device.in_use() == ("application-2.0.0", "shipped")


def test_a_file_that_grows_while_it_is_read_is_read_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, open_ = tmp_path / "confirmed", update_disk.open_plain
    path.write_bytes(b"x")

    @contextmanager
    def opened_then_grown(path: Path, size_max: int) -> Iterator[BinaryIO]:
        with open_(path, size_max) as file:
            os.truncate(path, 10**12)
            yield file

    monkeypatch.setattr(update_disk, "open_plain", opened_then_grown)
    with pytest.raises(UpdateError, match=r"confirmed: has more than the limit of 10 bytes"):
        read_small(path, 10)


REPOSITORY = Path(__file__).resolve().parents[2]
EXPECTED = ["outcome-{}.json", "confirmed", "rollback", "request.json", "incoming.json", "incoming.minisig"]
"""Names in the exchange that anybody knows; the braces stand for an id."""


def block(folder: Path, name: str) -> None:
    """Put a folder there that is not empty."""
    (folder / name / "x").mkdir(parents=True)


def guessed_ids(device: Device) -> list[str]:
    """All that the service can read of root's: what it could make names of."""
    trial = json.loads((device.kept / "trial.json").read_bytes())
    return [str(uuid.uuid5(uuid.UUID(trial["id"]), r)) for r in ("returned", "finished")] + [trial["id"]]


def test_names_that_are_blocked_do_not_keep_root_from_going_back(device: Device) -> None:
    put_on_trial(device, "2.0.0")
    for name in {pattern.format(id_) for pattern in EXPECTED for id_ in guessed_ids(device)}:
        block(device.exchange_folder, name)
    device.systemctl_calls.clear()
    device.updater().end_trial("it took too long")
    assert device.in_use() == ("shipped", "shipped")
    assert not (device.kept / "trial.json").exists()
    assert ("restart", "--no-block", SERVICE) in device.systemctl_calls
    assert ("stop", LIMIT) in device.systemctl_calls
    texts = device.reported_texts()
    assert "update to application 2.0.0 was taken back, 1.0.0 is in use: it took too long" in texts


class FullExchange(UpdateDisk):
    """A disk on which nothing can be written into the exchange."""

    def save(
        self, path: Path, content: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None
    ) -> None:
        if path.parent.name == "exchange":
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        super().save(path, content, mode, owner)


def test_a_result_that_cannot_be_published_stops_nothing_and_comes_later(device: Device) -> None:
    put_on_trial(device, "2.0.0")
    device.updater(FullExchange()).end_trial("it took too long")
    assert device.in_use() == ("shipped", "shipped")
    assert device.systemctl_calls[-1] == ("try-restart", "--no-block", SPEAKER)
    assert device.reported_texts() == []
    device.updater().count_start()
    assert device.reported_texts() == [
        "update to application 2.0.0 was taken back, 1.0.0 is in use: it took too long"
    ]
    device.updater().count_start()
    assert device.reported_texts() == []


@pytest.mark.slow
def test_results_that_wait_are_bounded_and_not_readable_for_others(device: Device) -> None:
    for n in range(RESULTS_MAX + 3):
        device.arrives(application("0.9.0"))
        device.exchange().wanted_path.write_text(f'{{"url": "https://x/y", "version": "0.9.{n}"}}')
        device.updater(FullExchange()).attend()
    waiting = device.kept / "reports.json"
    assert len(json.loads(waiting.read_bytes())["results"]) == RESULTS_MAX
    for file in (waiting, device.kept / "report-key"):  # with either of them one could know an id
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_of_the_ids_is_replaced(device: Device) -> None:
    (device.kept / "report-key").write_bytes(b"x")
    device.arrives(application("0.9.0"))
    device.updater().attend()
    assert len(device.reported_texts()) == 1
    assert (device.kept / "report-key").stat().st_size == 32


def test_a_full_disk_does_not_keep_root_from_going_back(device: Device) -> None:
    put_on_trial(device, "2.0.0")

    class Full(UpdateDisk):
        def step(self, what: str) -> None:
            if what.endswith(("reports.json", "last.json")):
                raise OSError(errno.ENOSPC, "No space left on device")

    device.updater(Full()).end_trial("it took too long")
    assert device.in_use() == ("shipped", "shipped")
    assert ("restart", "--no-block", SERVICE) in device.systemctl_calls


@pytest.mark.slow
@pytest.mark.parametrize("name", ["incoming.bundle", "confirmed", "rollback"])
def test_a_folder_in_place_of_a_file_is_set_aside_at_once(name: str, device: Device) -> None:
    deep = device.exchange_folder / name
    handle = os.open(device.exchange_folder, os.O_RDONLY)
    try:
        os.mkdir(name, dir_fd=handle)
        for _ in range(1200):  # deeper than Python recurses
            below = os.open(name if handle else ".", os.O_RDONLY, dir_fd=handle)
            os.mkdir("d", dir_fd=below)
            os.close(handle)
            handle, name = below, "d"
    finally:
        os.close(handle)
    device.updater().attend()
    assert not os.path.lexists(deep)
    device.reported_texts()
    (aside,) = names(device.exchange_folder)
    assert aside.startswith("set-aside-")
    device.arrives(application("2.0.0"))
    assert device.updater().attend()
    assert device.in_use() == ("application-2.0.0", "shipped")
    subprocess.run(["rm", "-rf", device.exchange_folder / aside], check=True)


def test_the_service_sets_aside_what_blocks_its_own_files(device: Device) -> None:
    for name in ("request.json", "outcome-1.json"):
        block(device.exchange_folder, name)
    exchange = device.exchange()
    assert exchange.results() == []
    with pytest.raises(UpdateError, match="Another update is under way"):
        exchange.ask(UpdateRequest(url="https://x/y", version="2.0.0"))
    put_on_trial(device, "2.0.0")
    block(device.exchange_folder, "confirmed")
    exchange.confirm(device.on_trial())
    assert exchange.confirmed() == "application-2.0.0"


def test_a_result_that_cannot_be_deleted_is_reported_once(device: Device) -> None:
    class ReadOnly(UpdateDisk):
        def step(self, what: str) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

    device.exchange().publish(UpdateResult(result="failed", reason="no"))
    exchange = device.exchange(ReadOnly())
    (result,) = exchange.results()
    exchange.discard(result)
    assert exchange.results() == []


@pytest.mark.slow
def test_a_folder_with_many_names_costs_root_little(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(1500):
        (device.exchange_folder / f"outcome-{n}.json").touch()
    looked: list[str] = []
    lstat = Path.lstat

    def counted(path: Path) -> os.stat_result:
        looked.append(path.name)
        return lstat(path)

    monkeypatch.setattr(Path, "lstat", counted)
    device.exchange().publish(UpdateResult(result="failed", reason="no"))
    assert len(looked) <= 1001


HOLD = """
import fcntl, os, sys
try:
    lock = os.open(sys.argv[1], os.O_RDONLY)
except PermissionError:
    print("refused", flush=True)
else:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print("held", flush=True)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_cannot_hold_the_updaters_lock(ops: Key) -> None:
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as folder:  # tmp_path may lie in a folder that others can't enter
        root = Path(folder)
        root.chmod(0o755)
        device = Device(root / "device", ops)
        lock = device.kept / "lock"
        lock.touch(0o644)  # as version 0.1.0 left it
        device.updater().count_start()
        done = subprocess.run(
            ["/usr/bin/python3", "-c", HOLD, lock], capture_output=True, text=True, check=True,
            user=nobody.pw_uid, group=nobody.pw_gid,
        )  # fmt: skip
    assert done.stdout == "refused\n"


RETURN = """
import sys
from pathlib import Path
from edge.releases.exchange import Exchange
from edge.releases.store import ReleaseStore
from edge.update.updater import Updater

root = Path(sys.argv[1])
exchange = Exchange(root / "kept", keys=root)
updater = Updater(
    ReleaseStore(root / "kept", root / "shipped"), exchange, lambda _: None, root, lambda *_: None
)
getattr(updater, sys.argv[2])(*sys.argv[3:])
"""


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to give up")
@pytest.mark.parametrize(
    ("unit", "method"),
    [("maskgate-update-return.service", ["end_trial", "too long"]), ("maskgate-update.service", ["attend"])],
)
def test_the_capabilities_of_its_unit_are_enough_for_root(
    unit: str, method: list[str], device: Device
) -> None:
    text = (REPOSITORY / "systemd/update" / unit).read_text()
    (line,) = [line for line in text.splitlines() if line.startswith("CapabilityBoundingSet=")]
    capabilities = line.partition("=")[2].lower().replace("cap_", "+").replace(" ", ",")
    put_on_trial(device, "2.0.0")
    device.exchange().ask_rollback()
    nobody = pwd.getpwnam("nobody")
    for path in [device.exchange_folder, *device.exchange_folder.iterdir()]:
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    device.exchange_folder.chmod(0o700)
    subprocess.run(
        [
            "setpriv", f"--bounding-set=-all,{capabilities}",
            sys.executable, "-c", RETURN, device.root, *method,
        ],
        check=True, env={"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    (result,) = device.exchange_folder.glob("outcome-*.json")
    status = result.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (nobody.pw_uid, nobody.pw_gid, 0o600)
    assert device.in_use() == ("shipped", "shipped")


def test_only_root_can_open_the_lock(device: Device) -> None:
    (device.kept / "lock").touch(0o644)  # as version 0.1.0 left it
    device.updater().count_start()
    assert (device.kept / "lock").stat().st_mode & 0o777 == 0o600


def greedy(bundle: Path) -> Path:
    """Make a bundle claim that 4 GiB of memory are needed to unpack it, as the xz format allows."""
    content = bytearray(bundle.read_bytes())
    size = (content[12] + 1) * 4
    at = content.index(b"\x21\x01", 12, 12 + size) + 2  # LZMA2, with one byte of properties
    content[at] = 40
    content[12 + size - 4 : 12 + size] = struct.pack("<I", zlib.crc32(content[12 : 12 + size - 4]))
    bundle.write_bytes(content)
    return bundle


def test_a_bundle_on_the_card_cannot_take_all_memory(device: Device) -> None:
    bundle = greedy(device.bundle(application("2.0.0"), device.root / "card"))
    with pytest.raises(UpdateError, match=r"is damaged, or not a bundle: Memory usage limit exceeded"):
        reason_to_skip(bundle, device.store())


@pytest.mark.slow
def test_a_member_before_the_manifest_is_not_unpacked(tmp_path: Path) -> None:
    """An extended header of 200 MB, which takes 30 kB in the bundle."""
    bundle = tmp_path / "x.bundle"
    making = (
        "import lzma,sys,tarfile\n"
        "head = tarfile.TarInfo('x'); head.type = tarfile.XHDTYPE; head.size = 2 * 10**8\n"
        "with lzma.open(sys.argv[1], 'wb', preset=0) as out:\n"
        "    out.write(head.tobuf())\n"
        "    for _ in range(200): out.write(bytes(10**6))\n"
    )
    subprocess.run([sys.executable, "-c", making, bundle], check=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with (
        bundle.open("rb") as content,
        pytest.raises(UpdateError, match=r"does not start with manifest\.json"),
    ):
        read_manifest(content, bundle.name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_only_some_bundles_of_a_card_are_looked_at(device: Device) -> None:
    card = device.root / "card"
    card.mkdir()
    for n in range(100):
        (card / f"{n:03}.bundle").write_bytes(b"no bundle")
    assert not device.updater().install_from(card)
    assert len(device.store().state.refused) == 20
