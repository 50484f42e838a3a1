"""Devices that can be updated, and the keys that sign their updates, made by the real minisign."""

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
from edge.releases.exchange import Exchange
from edge.releases.release import ARCHITECTURES, Release
from edge.releases.store import ReleaseStore, Trial
from edge.releases.update_disk import UpdateDisk
from edge.releases.update_messages import UpdateRequest
from edge.update.bundle import pack
from edge.update.install import UpdateCandidate, with_signature
from edge.update.updater import Updater

ARCH, PYTHON = ARCHITECTURES[platform.machine()], f"3.{sys.version_info.minor}"


@dataclasses.dataclass(frozen=True)
class Key:
    """A pair of minisign keys without a password."""

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
    """Make a key, alone in its folder, with permissions that a device trusts."""
    folder.chmod(0o755)
    key = Key(folder / f"{name}.pub", folder / f"{name}.sec")
    minisign("-G", "-W", "-p", key.public, "-s", key.secret)
    key.public.chmod(0o644)
    return key


@contextlib.contextmanager
def serving(folder: Path, requested: list[str]) -> Iterator[str]:
    """Serve a folder over HTTP; gives its URL. Each requested path is appended to the list."""

    class Shelf(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def do_GET(self) -> None:
            requested.append(self.path)
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
    """Make a small release: a folder with files and a release.json."""
    for name, text in {"edge/__init__.py": f"__version__ = {release.version!r}\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "release.json").write_text(release.model_dump_json())
    return folder


def application(version: str, **changed: Any) -> Release:
    fields = {"arch": ARCH, "python": PYTHON, "models": "1.0.0", **changed}
    return Release(kind="application", version=version, **fields)


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a folder except byte code: their paths and contents."""
    files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


def names(folder: Path) -> list[str]:
    """The names in a folder."""
    return sorted(path.name for path in folder.iterdir())


class Device:
    """A device's folders, with the Debian package 1.0.0 installed, and its updater."""

    def __init__(self, root: Path, ops: Key) -> None:
        self.ops, self.keys = ops, ops.public.parent
        self._place_in(root)
        tree_of(self.shipped, application("1.0.0"))
        self.exchange_folder.mkdir(parents=True)
        self.systemctl_calls: list[tuple[str, ...]] = []
        self.tested: list[UpdateCandidate] = []
        self.trees = {"shipped": contents(self.shipped)}

    def copied(self, root: Path) -> "Device":
        """A copy of this device in another folder."""
        shutil.copytree(self.root, root, symlinks=True)
        twin = copy.copy(self)
        twin._place_in(root)
        return twin

    def _place_in(self, root: Path) -> None:
        self.root, self.kept, self.shipped = root, root / "kept", root / "shipped"
        self.exchange_folder = self.kept / "exchange"

    def store(self, disk: UpdateDisk | None = None) -> ReleaseStore:
        return ReleaseStore(self.kept, self.shipped, disk)

    def exchange(self, disk: UpdateDisk | None = None) -> Exchange:
        return Exchange(self.kept, disk, self.keys)

    def on_trial(self) -> Trial:
        trial = self.exchange().trial()
        assert trial is not None
        return trial

    def updater(self, disk: UpdateDisk | None = None) -> Updater:
        return Updater(
            self.store(disk), self.exchange(disk), self.tested.append, self.keys,
            lambda *words: self.systemctl_calls.append(words),
        )  # fmt: skip

    def bundle(self, release: Release, folder: Path, key: Key | None = None) -> Path:
        """Make a signed bundle in a folder."""
        source = self.root / "made" / release.name
        tree = tree_of(source, release)
        self.trees[release.name] = contents(tree)
        folder.mkdir(parents=True, exist_ok=True)
        bundle = pack(tree, folder, preset=0)
        (key or self.ops).sign(bundle)
        return bundle

    def arrives(self, release: Release, key: Key | None = None) -> None:
        """Put a signed bundle where the download leaves it."""
        bundle, exchange = self.bundle(release, self.root / "server", key), self.exchange()
        shutil.copy(with_signature(bundle).signature, exchange.signature)
        request = UpdateRequest(url="http://127.0.0.1:1/x", version=release.version)
        exchange.wanted_path.write_text(request.model_dump_json())
        shutil.copy(bundle, exchange.bundle)

    def in_use(self) -> tuple[str, str]:
        """The releases of application and models that would start next; checks that both are whole."""
        tree = choose.application(self.shipped, self.kept)
        models = choose.models(tree, self.kept)
        names = []
        for folder in (tree, models):
            name = "shipped" if folder in (None, self.shipped) else folder.name
            assert folder is None or contents(folder) == self.trees[name]
            names.append(name)
        return names[0], names[1]

    def report(self) -> dict[str, str]:
        """Report results as the service does; returns what ops gets, by id."""
        results = self.exchange().results()
        for result in results:
            self.exchange().discard(result)
        return {result.id: str(result) for result in results}

    def reported_texts(self) -> list[str]:
        """Report results as the service does; returns their texts."""
        return list(self.report().values())


def put_on_trial(device: Device, version: str = "3.0.0") -> None:
    device.arrives(application(version))
    device.updater().attend()


def make_final(device: Device, version: str) -> None:
    put_on_trial(device, version)
    device.exchange().confirm(device.on_trial())
    device.updater().attend()
    device.reported_texts()
