"""What a look at a machine shows, without disturbing it: board, disk, cameras, addresses, services."""

import json
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.errors import ProgramError
from edge.hardware import hardware_id
from edge.programs import run

_SMALL_BYTES, _FULL_BYTES, _BOOT_FULL_BYTES = 2_000_000_000, 200_000_000, 1_000_000
_KNOWN = {"x86_64", "aarch64"}
"""Processors, by Python's names, for which the int8 runtime has fast kernels."""
_TIMEOUT_S = 20.0
_SHOWN = ("LoadState", "UnitFileState", "ActiveState", "SubState", "Result", "ExecMainStatus", "StatusText")
_CODEC = "codec", "isp", "unicam", "rpivid", "pispbe", "hevc"
"""Parts of the names of a Raspberry Pi's video devices that are not cameras."""


def board(root: Path) -> str:
    """Model and serial number, as far as the board reports them."""
    tree = root / "proc/device-tree"
    names = [text_of(tree / "model"), text_of(root / "sys/class/dmi/id/product_name")]
    model = next((name for name in names if name), "an unknown board")
    serial = text_of(tree / "serial-number")
    return f"{model}, {f'serial number {serial}, ' if serial else ''}id {hardware_id(root)}"


def system(root: Path) -> str:
    """Processor and operating system."""
    release = dict(
        line.split("=", 1) for line in text_of(root / "etc/os-release").splitlines() if "=" in line
    )
    name = release.get("PRETTY_NAME", "an unknown system").strip('"')
    return f"{platform.machine()}, {name}, Python {platform.python_version()}"


def architecture() -> Iterator[str]:
    """Sentences about a processor or system that maskgate was not made for."""
    machine = platform.machine()
    if sys.maxsize < 2**32:
        yield (
            f"this is a 32-bit system on {machine}: the models run several times slower on it; install a "
            "64-bit (arm64) system if the board can run one"
        )
    elif machine not in _KNOWN:
        yield f"maskgate was not made for the processor {machine}; it was made for arm64 and amd64"


def disks(root: Path, boot: Path) -> Iterator[str]:
    """Sentences about a card that is too small or full."""
    size, free = _disk(root)
    if size < _SMALL_BYTES:
        yield f"the card is too small: {_gb(size)} for the system; use one of 8 GB or more"
    if free < _FULL_BYTES:
        yield (
            f"the disk is full: {_gb(free)} of {_gb(size)} are free; "
            "events may be lost while the broker is away"
        )
    if _disk(boot)[1] < _BOOT_FULL_BYTES:
        yield f"the boot partition {boot} is full: remove files that do not belong there"


def notes(root: Path) -> Iterator[str]:
    """What the image's first program reported about the card at this start, as sentences."""
    yield from filter(None, text_of(root / "run/maskgate-image/notes").splitlines())


def forgets(root: Path) -> bool:
    """Whether the image keeps everything only in memory, because the card can't be written."""
    return (root / "run/maskgate-image/volatile").exists()


def space(path: Path) -> str:
    """The size of a file system, and how much of it is free."""
    size, free = _disk(path)
    return f"{_gb(free)} free of {_gb(size)}"


def _disk(path: Path) -> tuple[int, int]:
    size = os.statvfs(path)
    return size.f_blocks * size.f_frsize, size.f_bavail * size.f_frsize


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def cameras(root: Path) -> list[str]:
    """Each camera with its name, and the device names that stay the same."""
    found = []
    for folder in sorted(root.glob("sys/class/video4linux/video*"), key=lambda p: int(p.name[5:] or 0)):
        name = text_of(folder / "name")
        if text_of(folder / "index") in {"0", ""} and not any(word in name.lower() for word in _CODEC):
            found.append(f"/dev/{folder.name} ({name})")
    links = [*root.glob("dev/maskgate/*"), *sorted(root.glob("dev/v4l/by-path/*-index0"))]
    return found + [f"/{link.relative_to(root)}" for link in links if found]


def missing_camera(root: Path, source: str) -> Iterator[str]:
    """A sentence if the configured camera is a device that does not exist."""
    if source.startswith("/dev/") and not (root / source.lstrip("/")).exists():
        there = cameras(root)
        others = (
            f"these are: {', '.join(there)}" if there else "and there is no other camera: check its cable"
        )
        yield f"camera.source is {source}, which does not exist; {others}"


def addresses() -> list[str]:
    """Each network card with its addresses, without the loopback interface."""
    try:
        cards = json.loads(_run("ip", "-json", "address"))
        return [
            f"{card['ifname']}: {', '.join(_of_card(card)) or 'no address'}"
            for card in cards
            if "LOOPBACK" not in card["flags"]
        ]
    except (ValueError, KeyError, TypeError):
        return []


def _of_card(card: dict[str, list[dict[str, str]]]) -> list[str]:
    return [a["local"] for a in card["addr_info"] if a["scope"] == "global"]


def service(unit: str) -> list[str]:
    """The state of a service in words; if it failed, also the end of its log."""
    lines = _run("systemctl", "show", f"--property={','.join(_SHOWN)}", unit).splitlines()
    shown = dict(line.split("=", 1) for line in lines if "=" in line)
    if shown.get("LoadState") != "loaded":
        return [f"{unit}: not installed"]
    status = shown["StatusText"] or shown["SubState"]
    out = [f"{unit}: {shown['ActiveState']} ({status}), {shown['UnitFileState']} at boot"]
    if shown["Result"] != "success" or shown["ActiveState"] == "failed":
        out.append(
            f"  it ended with: {shown['Result']}, exit code {shown['ExecMainStatus']}. The end of its log:"
        )
        log = _run("journalctl", f"--unit={unit}", "--lines=8", "--output=cat", "--no-pager")
        out += [f"    {line}" for line in log.splitlines()]
    return out


def is_active(unit: str) -> bool:
    """Whether a unit is running."""
    return _run("systemctl", "is-active", unit).strip() == "active"


def _run(name: str, *arguments: str) -> str:
    """What a program prints; nothing where there is no such program, or where it does not end in time."""
    try:
        return run(name, *arguments, check=False, timeout_s=_TIMEOUT_S).text
    except ProgramError:
        return ""


def text_of(path: Path) -> str:
    """The text of a small file, without blanks and NULs around it; empty if it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""
