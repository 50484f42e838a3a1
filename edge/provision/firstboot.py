"""What the first start reads: a script that installs, and who is told to run it."""

import re
from pathlib import Path

from edge.errors import UsageError

SCRIPT = "maskgate-install.sh"
BOOT = "/boot/firmware"
"""Where the device mounts the partition."""
_RUN = f"systemd.run={BOOT}/{SCRIPT}"
_THEN = ("systemd.run_success_action=reboot", "systemd.unit=kernel-command-line.target")
_OURS = "# written by maskgate provision"
_COMMAND = f"[sh, {BOOT}/{SCRIPT}]"
VENDOR_DATA = f"""\
#cloud-config
{_OURS}: user-data is yours. At each start, so that a power cut during the first one does no harm;
# it does nothing once the package is installed.
bootcmd:
  - {_COMMAND}
"""


def script() -> bytes:
    """The script; it lies beside this file."""
    return Path(__file__).with_name(SCRIPT).read_bytes()


def require_heard(folder: Path) -> None:
    """Check that cloud-init will run what ``VENDOR_DATA`` says.

    Raises:
        UsageError: files that are there already are in its way.
    """
    vendor, user = folder / "vendor-data", folder / "user-data"
    if vendor.exists() and _OURS not in vendor.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(f"{vendor}: somebody else wrote it, and it would be lost: flash the card anew")
    text = user.read_text(encoding="utf-8", errors="replace") if user.exists() else ""
    if key := re.search(r"^(bootcmd|vendor_data)\s*:", text, re.MULTILINE):
        raise UsageError(
            f"{user}: its own {key[1]} takes the place of ours, and nothing would be installed: remove it, "
            "or flash the card anew"
        )


def with_first_run(cmdline: str) -> str:
    """The kernel's command line, with our script run first, and the machine started again after it.

    Raspberry Pi Imager's own script takes from the line what stands behind its entry: ours goes before it.

    Args:
        cmdline: the content of ``cmdline.txt``.
    """
    words = [word for word in cmdline.split() if word != _RUN]
    others = [i for i, word in enumerate(words) if word.startswith("systemd.run=")]
    if others:
        words.insert(others[0], _RUN)
    else:
        words = [*(word for word in words if word not in _THEN), _RUN, *_THEN]
    return " ".join(words) + "\n"
