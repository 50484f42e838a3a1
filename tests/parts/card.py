"""A card with an image on it, as an installer or a test prepares it; nothing is mounted."""

import re
import shutil
import subprocess
from pathlib import Path

from debian import done, program

MB = 1024 * 1024
SHELL = """\
[Unit]
Description=The test's way in
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'exec <>{terminal} >&0 2>&1; [ ! -t 0 ] || stty raw -echo; exec sh +i'
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
"""


class Card:
    """An image on a card of some size, to be written to; the image stays as it is."""

    def __init__(self, image: Path, folder: Path, size_mb: int = 4096) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.path = folder, folder / "card.img"
        if image.suffix == ".xz":
            with self.path.open("wb") as out:
                subprocess.run([program("xz", "xz-utils"), "-dcT0", image], stdout=out, check=True)
        else:
            shutil.copy(image, self.path)
        with self.path.open("r+b") as file:
            file.truncate(size_mb * MB)
        table = done(program("sfdisk", "fdisk"), "--dump", self.path)
        self._starts = [512 * int(start) for start in re.findall(r"start= *(\d+)", table)]

    def take(self, name: str) -> Path:
        """A copy of a file of the boot partition."""
        out = self.folder / name
        done(program("mcopy", "mtools"), "-n", "-o", "-i", self._boot, f"::{name}", out)
        return out

    def give(self, path: Path, name: str = "") -> None:
        """Put a file or folder onto the boot partition."""
        done(program("mcopy", "mtools"), "-s", "-o", "-i", self._boot, path, f"::{name}")

    def read(self, name: str) -> str:
        """What a text on the boot partition says; nothing where there is none."""
        shown = subprocess.run(
            [program("mtype", "mtools"), "-i", self._boot, f"::{name}"], capture_output=True, check=False
        )
        return shown.stdout.decode(errors="replace")

    def boot_partition(self) -> bytes:
        """All of it, also what is in no file."""
        with self.path.open("rb") as card:
            card.seek(self._starts[0])
            return card.read(self._starts[1] - self._starts[0])

    def put(self, name: str, path: Path) -> None:
        """Put a file over the root file system, into the layer that the device writes to."""
        place = f"overlay/upper{name}"
        self.debugfs(*self._folders(place), f"rm {place}", f"write {path} {place}")

    def link(self, name: str, target: str) -> None:
        """The same for a symbolic link."""
        place = f"overlay/upper{name}"
        self.debugfs(*self._folders(place), f"symlink {place} {target}")

    def debugfs(self, *requests: str, partition: int = 3) -> str:
        """Work on a file system of the card directly; requests that fail are passed over."""
        script = self.folder / "requests"
        script.write_text("".join(f"{request}\n" for request in requests))
        place = f"{self.path}?offset={self._starts[partition - 1]}"
        return done(program("debugfs", "e2fsprogs"), "-w", "-f", script, place)

    def with_shell(self, terminal: str) -> None:
        """Let the guest take orders from the test, which is at the other end of that device."""
        unit = self.folder / "test-shell.service"
        unit.write_text(SHELL.format(terminal=terminal))
        units = "/etc/systemd/system"
        self.put(f"{units}/{unit.name}", unit)
        self.link(f"{units}/multi-user.target.wants/{unit.name}", f"../{unit.name}")

    @property
    def _boot(self) -> str:
        return f"{self.path}@@{self._starts[0]}"

    @staticmethod
    def _folders(name: str) -> list[str]:
        above = [str(p) for p in Path(name).parents if str(p) != "."]
        return [f"mkdir {folder}" for folder in reversed(above)]
