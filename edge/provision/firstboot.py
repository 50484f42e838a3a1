"""The script that installs maskgate at the first start, and what makes cloud-init or systemd run it."""

import re
from pathlib import Path

from edge.errors import UsageError

SCRIPT = "maskgate-install.sh"
BOOT = "/boot/firmware"
"""Where the device mounts the boot partition."""
_RUN = f"systemd.run={BOOT}/{SCRIPT}"
_THEN = ("systemd.run_success_action=reboot", "systemd.unit=kernel-command-line.target")
_OURS = "# written by maskgate provision"
_COMMAND = f"[sh, {BOOT}/{SCRIPT}]"
VENDOR_DATA = f"""\
#cloud-config
{_OURS}: user-data is yours. It runs at each start, so that a power cut during the first one does
# no harm; it does nothing once the package is installed.
bootcmd:
  - {_COMMAND}
"""


def script() -> bytes:
    """The content of the script, which lies beside this file."""
    return Path(__file__).with_name(SCRIPT).read_bytes()


def require_vendor_data_runs(folder: Path) -> None:
    """Check that cloud-init will run the command in ``VENDOR_DATA``.

    Args:
        folder: the boot partition.

    Raises:
        UsageError: a file on the partition prevents it.
    """
    vendor, user = folder / "vendor-data", folder / "user-data"
    if vendor.exists() and _OURS not in vendor.read_text(encoding="utf-8", errors="replace"):
        raise UsageError(f"{vendor}: another program wrote it, and it would be lost: flash the card again")
    text = user.read_text(encoding="utf-8", errors="replace") if user.exists() else ""
    if key := re.search(r"^(bootcmd|vendor_data)\s*:", text, re.MULTILINE):
        raise UsageError(
            f"{user}: its own {key[1]} would replace that of maskgate, and nothing would be installed: "
            "remove it, or flash the card again"
        )


def with_first_run(cmdline: str) -> str:
    """Change the kernel's command line so that it runs our script first, and restarts the machine after it.

    Raspberry Pi Imager's own script deletes from the line all that follows its entry, so ours goes before
    that.

    Args:
        cmdline: the content of ``cmdline.txt``.

    Returns:
        The new content.
    """
    words = [word for word in cmdline.split() if word != _RUN]
    others = [i for i, word in enumerate(words) if word.startswith("systemd.run=")]
    if others:
        words.insert(others[0], _RUN)
    else:
        words = [*(word for word in words if word not in _THEN), _RUN, *_THEN]
    return " ".join(words) + "\n"
