"""Look at a machine for what a plan must know about it."""

from collections.abc import Mapping
from pathlib import Path

from edge.machine.planned_files import Facts

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "NetworkManager": ("usr/sbin/NetworkManager",),
    "wpa_supplicant": ("usr/sbin/wpa_supplicant", "sbin/wpa_supplicant"),
    "resolved": ("usr/lib/systemd/systemd-resolved", "lib/systemd/systemd-resolved"),
    "timesyncd": ("usr/lib/systemd/systemd-timesyncd", "lib/systemd/systemd-timesyncd"),
    "sshd": ("usr/sbin/sshd",),
    "sudo": ("usr/bin/sudo",),
    "unattended-upgrades": ("usr/bin/unattended-upgrade",),
    "iw": ("usr/sbin/iw", "sbin/iw"),
    "rfkill": ("usr/sbin/rfkill", "usr/bin/rfkill"),
}
"""Programs by name, and where each may lie, below the root."""


def facts_of(root: Path) -> Facts:
    """The facts about the machine whose root file system this is."""
    present = {name for name, places in PROGRAMS.items() if any((root / p).exists() for p in places)}
    hosts = root / "etc/hosts"
    text = (
        hosts.read_text(encoding="utf-8", errors="replace") if hosts.is_file() else "127.0.0.1\tlocalhost\n"
    )
    return Facts(frozenset(present), text)
