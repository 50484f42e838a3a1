"""An ext4 file system that is not mounted: its names and its files, by debugfs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

from edge.image.programs import run


@dataclass(frozen=True)
class Entry:
    """A name in a folder.

    Attributes:
        name: without the folder.
        mode: what it is and its rights, as ``st_mode``.
        size: in bytes; of a folder 0.
    """

    name: str
    mode: int
    size: int


class Ext4Reader:
    """Reads one.

    Args:
        path: a file that holds the file system and nothing else.
        scratch: an empty folder for what is taken out.
    """

    def __init__(self, path: Path, scratch: Path) -> None:
        self.path, self._scratch = path, scratch

    @property
    def label(self) -> str:
        """Its name; "" where it is no ext4."""
        shown = run("dumpe2fs", "-h", self.path).stdout.decode(errors="replace")
        found = [
            line.split(":", 1)[1].strip()
            for line in shown.splitlines()
            if line.startswith("Filesystem volume name")
        ]
        return found[0] if found else ""

    def entries(self, folder: str) -> list[Entry]:
        """What lies in a folder, links not followed; nothing where there is none."""
        shown = self._debugfs([f'ls -p "{folder}"']).stdout
        return [e for line in shown.decode(errors="replace").splitlines() if (e := _entry(line))]

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none."""
        return next(iter(self.read_all([name]).values()), None)

    def read_all(self, names: Iterable[str]) -> dict[str, bytes]:
        """The content of many files; without those that are not there."""
        wanted = {name: self._scratch / str(number) for number, name in enumerate(names)}
        self._debugfs(f'dump "{name}" "{path}"' for name, path in wanted.items())
        found = {}
        for name, path in wanted.items():
            if path.is_file():
                found[name] = path.read_bytes()
                path.unlink()
        return found

    def walk(self, folder: str) -> Iterator[str]:
        """The names of all that is below a folder and no folder itself."""
        for entry in self.entries(folder):
            name = f"{folder}/{entry.name}"
            if entry.mode & 0o170000 == 0o040000:
                yield from self.walk(name)
            else:
                yield name

    def _debugfs(self, requests: Iterable[str]) -> CompletedProcess[bytes]:
        return run("debugfs", "-f", "-", self.path, stdin="".join(f"{request}\n" for request in requests))


def _entry(line: str) -> Entry | None:
    """Of a line ``/inode/mode/uid/gid/name/size/``; the name may hold anything but a slash."""
    parts = line.split("/")
    if len(parts) != 8 or parts[1] in {"", "0"} or parts[5] in {".", "..", "lost+found"}:
        return None
    return Entry(parts[5], int(parts[2], 8), int(parts[6] or 0))
