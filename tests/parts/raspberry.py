"""The boot partition of a Raspberry Pi OS, in a Debian: a folder here, FAT in the field."""

import shutil
import sys
from pathlib import Path

from debian import Root, done

REPOSITORY = Path(__file__).resolve().parents[2]
CMDLINE = "console=tty1 root=/dev/mmcblk0p2 rootwait\n"
CONFIG = """\
[site]
id = "lab"
device = "north-door"
[camera]
source = "/usr/lib/maskgate/edge/demo/clip/visitors.mp4"
[mqtt]
host = "127.0.0.1"
port = {port}
[machine]
host_name = "north-door"
"""


class Card:
    """With what every image has on it."""

    def __init__(self, root: Root, day: str) -> None:
        self.boot = root / "boot/firmware"
        self.boot.mkdir(parents=True)
        self.write("cmdline.txt", CMDLINE)
        self.write("issue.txt", f"Raspberry Pi reference {day}\n")
        for name in ("config.txt", "kernel8.img"):
            self.write(name, "")

    def write(self, name: str, text: str) -> None:
        (self.boot / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.boot / name).read_bytes().decode().replace("\r\n", "\n")

    @property
    def kernel(self) -> list[str]:
        """What the kernel would hand to systemd."""
        return [word for word in self.read("cmdline.txt").split() if word.startswith("systemd.")]

    @property
    def packages(self) -> list[str]:
        return [path.name for path in self.boot.glob("*.deb")]

    def provision(self, deb: Path, port: int, scratch: Path) -> None:
        """By the command that people use; its package is this processor's, under another name."""
        package = scratch / deb.name.replace("amd64", "arm64")
        shutil.copy(deb, package)
        config = scratch / "maskgate.toml"
        config.write_text(CONFIG.format(port=port))
        command = (sys.executable, "-m", "edge.cli", "provision", "--boot", self.boot)
        done(*command, "--config", config, "--deb", package, cwd=REPOSITORY)
        for path in self.boot.iterdir():
            path.chmod(0o755)  # as all files of a FAT partition are
