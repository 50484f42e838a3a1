"""What the machine reports about itself: board, memory and temperature, and problems with its card."""

import hashlib
from functools import cache
from pathlib import Path

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_STATUS = Path("/proc/self/status")
MACHINE_PROBLEMS = Path("/run/maskgate-machine/problems")
"""Where ``maskgate machine`` writes what is wrong with card and machine, one sentence a line."""


@cache
def hardware_id(root: Path = Path("/")) -> str:
    """12 hex digits that stay with the board when its card is copied; a hash, so they reveal no number.

    The board's serial number (Raspberry Pi, Jetson); where it has none, the first built-in network card's
    address; else the system's own id, which is copied with the card.
    """
    texts = (_read(path) for path in _places(root))
    seed = next((text for text in texts if text), "none")
    return hashlib.sha256(f"maskgate {seed}".encode()).hexdigest()[:12]


def _places(root: Path) -> list[Path]:
    cards = sorted(p.parent for p in root.glob("sys/class/net/*/device"))
    # 0: the address is the card's own, not a random one for each start
    own = [card / "address" for card in cards if _read(card / "addr_assign_type") == "0"]
    return [root / "proc/device-tree/serial-number", *own, root / "etc/machine-id"]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def memory_mb() -> float | None:
    """Resident memory of this process in MB; None if the kernel does not report it."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), None)
    return None if kib is None else round(kib / 1024, 1)


def temperature_c() -> float | None:
    """The processor's temperature in degrees Celsius; None without a sensor."""
    try:
        return int(_THERMAL.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None
