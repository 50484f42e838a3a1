"""A tar file of what comes from no package of the root file system."""

import io
import tarfile
from pathlib import Path


class Additions:
    """A tar file in the making: root's files, of one time, in the order in which they were added."""

    def __init__(self, path: Path, epoch: int) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  closed by close
        self._epoch = epoch
        self._folders: set[str] = set()

    def add(self, name: str, data: bytes, mode: int = 0o644) -> None:
        """A file, with the folders above it."""
        entry = self._entry(name, mode)
        entry.size = len(data)
        self._tar.addfile(entry, io.BytesIO(data))

    def link(self, name: str, target: str) -> None:
        """A symbolic link."""
        entry = self._entry(name, 0o777)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(entry)

    def add_tree(self, folder: Path, prefix: str = "") -> None:
        """All files below a folder; what may be executed there, may be here."""
        for path in sorted(p for p in folder.rglob("*") if p.is_symlink() or p.is_file()):
            name = f"{prefix}{path.relative_to(folder)}"
            if path.is_symlink():
                self.link(name, str(path.readlink()))
            else:
                self.add(name, path.read_bytes(), 0o755 if path.stat().st_mode & 0o100 else 0o644)

    def close(self) -> None:
        """Nothing more comes."""
        self._tar.close()

    def _entry(self, name: str, mode: int) -> tarfile.TarInfo:
        for folder in reversed([str(p) for p in Path(name).parents if str(p) != "."]):
            if folder not in self._folders:
                self._folders.add(folder)
                entry = tarfile.TarInfo(folder)
                entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, self._epoch
                self._tar.addfile(entry)
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime = mode, self._epoch
        return entry
