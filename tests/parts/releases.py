"""Devices that can be updated, and who signs their updates: with the real minisign."""

import contextlib
import copy
import dataclasses
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edge.releases import choose
from edge.releases.disk import Disk
from edge.releases.exchange import Exchange
from edge.releases.release import ARCHITECTURES, Release
from edge.releases.store import ReleaseStore
from edge.releases.update_messages import UpdateRequest
from edge.update.bundle import pack
from edge.update.install import Proof, beside
from edge.update.updater import Updater

ARCH, PYTHON = ARCHITECTURES[platform.machine()], f"3.{sys.version_info.minor}"


@dataclasses.dataclass(frozen=True)
class Key:
    """A pair of minisign's, without a password."""

    public: Path
    secret: Path

    def sign(self, file: Path, *options: str) -> Path:
        minisign("-S", "-s", self.secret, "-m", file, *options)
        return file.with_name(f"{file.name}.minisig")


def minisign(*arguments: str | Path, check: bool = True) -> int:
    program = shutil.which("minisign")
    assert program, "minisign is missing: sudo apt install minisign"
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0 or not check, done.stderr
    return done.returncode


def make_key(folder: Path, name: str) -> Key:
    """Alone in its folder, which is one that a device would believe."""
    folder.chmod(0o755)
    key = Key(folder / f"{name}.pub", folder / f"{name}.sec")
    minisign("-G", "-W", "-p", key.public, "-s", key.secret)
    key.public.chmod(0o644)
    return key


@contextlib.contextmanager
def serving(folder: Path, asked: list[str]) -> Iterator[str]:
    """A folder behind http, under this URL; which paths were asked for is added to the list."""

    class Shelf(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shelf)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def tree_of(folder: Path, release: Release, **files: str) -> Path:
    """A small release: a folder with its release.json."""
    for name, text in {"edge/__init__.py": f"__version__ = {release.version!r}\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "release.json").write_text(release.model_dump_json())
    return folder


def application(version: str, **changed: Any) -> Release:
    said = {"arch": ARCH, "python": PYTHON, "models": "1.0.0", **changed}
    return Release(kind="application", version=version, **said)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but byte code."""
    files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def names(folder: Path) -> list[str]:
    """What lies in it."""
    return sorted(path.name for path in folder.iterdir())


class Device:
    """A file system with the Debian package 1.0.0, and the updater at work on it."""

    def __init__(self, root: Path, ops: Key) -> None:
        self.ops, self.keys = ops, ops.public.parent
        self._lies_in(root)
        tree_of(self.shipped, application("1.0.0"))
        self.exchange_folder.mkdir(parents=True)
        self.told: list[tuple[str, ...]] = []
        self.proved: list[Proof] = []
        self.trees = {"shipped": contents(self.shipped)}

    def copied(self, root: Path) -> "Device":
        """Its twin in another folder."""
        shutil.copytree(self.root, root, symlinks=True)
        twin = copy.copy(self)
        twin._lies_in(root)
        return twin

    def _lies_in(self, root: Path) -> None:
        self.root, self.kept, self.shipped = root, root / "kept", root / "shipped"
        self.exchange_folder = self.kept / "exchange"

    def store(self, disk: Disk | None = None) -> ReleaseStore:
        return ReleaseStore(self.kept, self.shipped, disk)

    def exchange(self, disk: Disk | None = None) -> Exchange:
        return Exchange(self.kept, disk, self.keys)

    def updater(self, disk: Disk | None = None) -> Updater:
        return Updater(
            self.store(disk), self.exchange(disk), self.proved.append, self.keys,
            lambda *words: self.told.append(words),
        )  # fmt: skip

    def bundle(self, release: Release, folder: Path, key: Key | None = None) -> Path:
        """Signed, in that folder."""
        source = self.root / "made" / release.name
        tree = tree_of(source, release)
        self.trees[release.name] = contents(tree)
        folder.mkdir(parents=True, exist_ok=True)
        bundle = pack(tree, folder, preset=0)
        (key or self.ops).sign(bundle)
        return bundle

    def arrives(self, release: Release, key: Key | None = None) -> None:
        """As the download leaves it."""
        bundle, exchange = self.bundle(release, self.root / "server", key), self.exchange()
        shutil.copy(beside(bundle).signature, exchange.signature)
        asked = UpdateRequest(url="http://127.0.0.1:1/x", version=release.version)
        exchange.wanted_path.write_text(asked.model_dump_json())
        shutil.copy(bundle, exchange.bundle)

    def in_use(self) -> tuple[str, str]:
        """What the next start would be, of application and models; each of them whole."""
        tree = choose.application(self.shipped, self.kept)
        models = choose.models(tree, self.kept)
        names = []
        for folder in (tree, models):
            name = "shipped" if folder in (None, self.shipped) else folder.name
            assert folder is None or contents(folder) == self.trees[name]
            names.append(name)
        return names[0], names[1]

    def tell(self) -> dict[str, str]:
        """As the service does: ops hears these, by their ids."""
        found = self.exchange().outcomes()
        for outcome in found:
            self.exchange().told(outcome)
        return {outcome.id: str(outcome) for outcome in found}

    def outcomes(self) -> list[str]:
        """Told and removed."""
        return list(self.tell().values())


def on_trial(device: Device, version: str = "3.0.0") -> None:
    device.arrives(application(version))
    device.updater().attend()


def final(device: Device, version: str) -> None:
    on_trial(device, version)
    device.exchange().confirm(device.exchange().trial())
    device.updater().attend()
    device.outcomes()
