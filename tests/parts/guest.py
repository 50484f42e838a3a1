"""A card in an emulated machine: QEMU boots it, and its power can be cut at any time."""

import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from card import Card
from debian import done, eventually, program

BOOT_WITHIN_S = 600.0
"""The end of all patience with a boot under emulation; it takes a tenth of that on a machine of its own."""


@dataclass(frozen=True)
class Board:
    """A machine that QEMU knows; all of them have 1 GiB, and the host's loopback as 10.0.2.2."""

    arguments: tuple[str, ...]
    """With what {card}, network, console and shell hang on."""
    terminal: str
    """By which a shell in the guest is spoken to."""
    words: str = ""
    """For the kernel; {now} is the time."""
    tree: str = ""
    """The device tree's name on the boot partition, where QEMU has none of its own."""
    firmware: tuple[tuple[str, ...], ...] = ()
    """What the board's firmware does to that: arguments of fdtput, with the {tree}."""


VIRT = Board(
    (
        "-M", "virt", "-cpu", "cortex-a72", "-smp", "2",
        "-drive", "if=none,id=card,format=raw,file={card}", "-device", "virtio-blk-pci,drive=card",
        "-device", "virtio-net-pci,netdev=net", "-serial", "chardev:console",
        "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=shell,name=test",
    ),
    terminal="/dev/virtio-ports/test",
    words="console=ttyAMA0",
)  # fmt: skip
"""No board that is sold: the fastest."""
RASPI3B = Board(
    (
        "-M", "raspi3b", "-drive", "if=sd,format=raw,file={card}", "-device", "usb-net,netdev=net",
        "-serial", "chardev:shell", "-serial", "chardev:console",
    ),
    terminal="/dev/ttyAMA0",
    # no clock, and nobody here to ask; QEMU's watchdog bites when it is first fed, graphics it has none
    words="systemd.clock_usec={now} module_blacklist=bcm2835_wdt,vchiq,vc4",
    tree="bcm2837-rpi-3-b.dtb",
    firmware=(
        # the firmware's word for a Raspberry Pi 3 Model B; gpiozero asks for it
        ("-p", "-t", "x", "{tree}", "/system", "linux,revision", "a02082"),
        # Bluetooth sits at that end of ttyAMA0 which here is the test's
        ("-r", "{tree}", "/soc/serial@7e201000/bluetooth"),
    ),
)  # fmt: skip
"""A Raspberry Pi 3 Model B, with a network adapter at its USB; its card's size must be a power of two."""


class Guest:
    """The machine that the card is in."""

    def __init__(self, card: Card, board: Board = VIRT) -> None:
        self.card, self._board = card, board
        self._console = card.folder / "console.log"
        self._socket = card.folder / "shell"
        self._parts: list[str | Path] = ["-kernel", card.take("vmlinuz"), "-initrd", card.take("initrd.img")]
        if board.tree:
            tree = card.take(board.tree)
            for change in board.firmware:
                fdtput = program("fdtput", "device-tree-compiler")
                done(fdtput, *(part.format(tree=tree) for part in change))
            self._parts += ["-dtb", tree]
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
        words = f"{self._board.words.format(now=time.time_ns() // 1000)} {words}"
        line = f"{self.card.read('cmdline.txt').strip()} {words}"
        command: list[str | Path] = [
            program("qemu-system-aarch64", "qemu-system-arm"),
            "-m", "1024", "-display", "none", "-monitor", "none", "-netdev", "user,id=net",
            "-chardev", f"file,id=console,path={self._console}",
            "-chardev", f"socket,id=shell,path={self._socket},server=on,wait=off",
            *(part.format(card=self.card.path) for part in self._board.arguments),
            *self._parts, "-append", line, *devices,
        ]  # fmt: skip
        self._console.unlink(missing_ok=True)
        self.began = time.monotonic()
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    @property
    def console(self) -> str:
        """The console of this boot."""
        return self._console.read_text(errors="replace") if self._console.exists() else ""

    @property
    def last_words(self) -> str:
        return "\n".join(self.console.splitlines()[-40:])

    def wait(self, what: str, condition: Callable[[], object], within_s: float = BOOT_WITHIN_S) -> float:
        """Return as soon as it holds: the seconds since power-on."""

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
