"""Reads names and files of an ext4 file system that is not mounted, by means of debugfs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.image.programs import run_tool
from edge.programs import Finished


@dataclass(frozen=True)
class Entry:
    """One name in a folder.

    Attributes:
        name: its name, without the folder.
        mode: its type and permissions, as in ``st_mode``.
        size: bytes; 0 for a folder.
    """

    name: str
    mode: int
    size: int


class Ext4Reader:
    """Reads one file system.

    Args:
        path: a file that holds the file system and nothing else.
        scratch: an empty folder for files that are read.
    """

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path, self._scratch = path, scratch

    @property
    def label(self) -> str:
        """The file system's label; empty if it is not ext4."""
        shown = run_tool("dumpe2fs", "-h", self.path).text
        labels = [
            line.split(":", 1)[1].strip()
            for line in shown.splitlines()
            if line.startswith("Filesystem volume name")
        ]
        return labels[0] if labels else ""

    def entries(self, folder: str) -> list[Entry]:
        """List a folder. Links are not followed. The list is empty if there is no such folder."""
        shown = self._debugfs([f'ls -p "{folder}"']).text
        return [e for line in shown.splitlines() if (e := _entry(line))]

    def read(self, name: str) -> bytes | None:
        """Read a file; None if it does not exist."""
        return next(iter(self.read_all([name]).values()), None)

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """Read many files; those that do not exist are left out."""
        copies = {name: self._scratch / str(number) for number, name in enumerate(names)}
        self._debugfs(f'dump "{name}" "{path}"' for name, path in copies.items())
        contents = {}
        for name, path in copies.items():
            if path.is_file():
                contents[name] = path.read_bytes()
                path.unlink()
        return contents

    def walk(self, folder: str) -> Iterator[str]:
        """The names of all files below a folder, without the folders themselves."""
        for entry in self.entries(folder):
            name = f"{folder}/{entry.name}"
            if entry.mode & 0o170000 == 0o040000:
                yield from self.walk(name)
            else:
                yield name

    def _debugfs(self, requests: Iterable[str]) -> Finished:
        return run_tool(
            "debugfs", "-f", "-", self.path, stdin="".join(f"{request}\n" for request in requests).encode()
        )


def _entry(line: str) -> Entry | None:
    """Parse a line ``/inode/mode/uid/gid/name/size/``. The name may hold any character except a slash."""
    parts = line.split("/")
    if len(parts) != 8 or parts[1] in {"", "0"} or parts[5] in {".", "..", "lost+found"}:
        return None
    return Entry(parts[5], int(parts[2], 8), int(parts[6] or 0))
