"""Devices that can be updated, and who signs their updates: with the real minisign."""

import dataclasses
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from edge.releases import choose
from edge.releases.disk import Disk
from edge.releases.exchange import Exchange, Request
from edge.releases.release import ARCHITECTURES, Release
from edge.releases.store import Store
from edge.update.bundle import pack
from edge.update.duty import Duty, beside
from edge.update.install import Proof

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
        self.root, self.ops = root, ops
        self.kept, self.shipped = root / "kept", tree_of(root / "shipped", application("1.0.0"))
        self.exchange_folder = self.kept / "exchange"
        self.exchange_folder.mkdir(parents=True)
        self.told: list[tuple[str, ...]] = []
        self.proved: list[Proof] = []
        self.trees = {"shipped": contents(self.shipped)}

    def store(self, disk: Disk | None = None) -> Store:
        return Store(self.kept, self.shipped, disk)

    def exchange(self, disk: Disk | None = None) -> Exchange:
        return Exchange(self.kept, disk, self.ops.public.parent)

    def duty(self, disk: Disk | None = None) -> Duty:
        return Duty(
            self.store(disk), self.exchange(disk), self.proved.append, self.ops.public.parent,
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
        asked = Request(url="https://example.org/x", version=release.version)
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

    def outcomes(self) -> list[str]:
        """Told and removed."""
        found = self.exchange().outcomes()
        for outcome in found:
            self.exchange().told(outcome)
        return [str(outcome) for outcome in found]


def on_trial(device: Device, version: str = "3.0.0") -> None:
    device.arrives(application(version))
    device.duty().attend()


def final(device: Device, version: str) -> None:
    on_trial(device, version)
    device.exchange().confirm(device.exchange().trial())
    device.duty().attend()
    device.outcomes()
