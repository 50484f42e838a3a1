"""A card image in an emulated machine: QEMU boots it, and its power can be cut at any time."""

import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from debian import done, eventually, program

MB = 1024 * 1024
BOOT_WITHIN_S = 600.0
"""The end of all patience with a boot under emulation; it takes a tenth of that on a machine of its own."""
SHELL = """\
[Unit]
Description=The test's way in
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/sh -c 'exec sh <>/dev/virtio-ports/test >&0 2>&1'
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

    def with_shell(self) -> None:
        """Let the guest take orders from the test."""
        unit = self.folder / "test-shell.service"
        unit.write_text(SHELL)
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


class Guest:
    """The machine that the card is in: -M virt, two Cortex-A72, 1 GiB, the host's loopback as 10.0.2.2."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self._console = card.folder / "console.log"
        self._socket = card.folder / "shell"
        self._kernel, self._initrd = card.take("vmlinuz"), card.take("initrd.img")
        self._process: subprocess.Popen[bytes] | None = None
        self._shell: socket.socket | None = None
        self._orders = 0
        self.began = 0.0

    def start(self, *, words: str = "", devices: tuple[str, ...] = ()) -> None:
        """Power on.

        Args:
            words: for the kernel's command line, after those that are on the card.
            devices: more arguments of QEMU.
        """
        line = f"{self.card.read('cmdline.txt').strip()} console=ttyAMA0 {words}"
        command = [
            program("qemu-system-aarch64", "qemu-system-arm"), "-M", "virt", "-cpu", "cortex-a72",
            "-smp", "2", "-m", "1024", "-display", "none", "-monitor", "none",
            "-serial", f"file:{self._console}",
            "-kernel", self._kernel, "-initrd", self._initrd, "-append", line,
            "-drive", f"if=none,id=card,format=raw,file={self.card.path}",
            "-device", "virtio-blk-pci,drive=card",
            "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net",
            "-chardev", f"socket,id=shell,path={self._socket},server=on,wait=off",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=shell,name=test", *devices,
        ]  # fmt: skip
        self._console.unlink(missing_ok=True)
        self.began = time.monotonic()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    @property
    def said(self) -> str:
        """The console of this boot."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    @property
    def last_words(self) -> str:
        return "\n".join(self.said.splitlines()[-40:])

    def wait(self, what: str, condition: Callable[[], object], within_s: float = BOOT_WITHIN_S) -> float:
        """Return as soon as it holds: so many seconds after power-on."""

        def holds() -> object:
            off = self._process is None or self._process.poll() is not None
            held = condition()  # it may have switched itself off, after that
            if off and not held:
                pytest.fail(f"waiting for {what}: the machine is off\n{self.last_words}")
            if not held and time.monotonic() - self.began > within_s:
                pytest.fail(f"no {what} within {within_s:.0f} s of power-on; the end:\n{self.last_words}")
            return held

        eventually(holds, within_s)
        return time.monotonic() - self.began

    def run(self, order: str, within_s: float = 60.0) -> str:
        """Let the guest's shell do something; returns what it printed."""
        if self._shell is None:
            self._shell = socket.socket(socket.AF_UNIX)
            self._shell.connect(str(self._socket))
        self._orders += 1
        mark = f"==done {self._orders} "
        self._shell.sendall(f"{{ {order}\n}} </dev/null 2>&1; echo; echo '{mark}'$?==\n".encode())
        self._shell.settimeout(within_s)
        heard = ""
        while not (end := re.search(rf"\n{mark}(\d+)==\n", heard)):
            try:
                heard += self._shell.recv(65536).decode(errors="replace")
            except TimeoutError:
                pytest.fail(f"{order}: no answer within {within_s:.0f} s: {heard}\n{self.last_words}")
        assert end[1] == "0", f"{order}: {end[1]}: {heard}"
        return heard[: end.start()].strip()

    def tell(self, order: str) -> None:
        """Let the guest's shell do something from which nobody hears again."""
        self.run("true")
        assert self._shell is not None
        self._shell.sendall(f"{order}\n".encode())

    def cut_power(self) -> None:
        """Now; nothing is written any more."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
