"""The root file system: Debian's packages, ours, and the few files in ``files/``; as a tar file."""

from pathlib import Path

from systemd.image.additions import Additions
from systemd.image.kernel import Kernel
from systemd.image.shell import run

HERE = Path(__file__).resolve().parent
INCLUDED = (
    "alsa-utils", "ca-certificates", "dbus", "dosfstools", "e2fsprogs", "firmware-brcm80211", "iproute2",
    "iw", "kmod",
    "libnss-resolve", "openssh-server", "python3", "rfkill", "sudo", "systemd-resolved", "systemd-sysv",
    "systemd-timesyncd", "systemd-zram-generator", "tzdata", "udev", "unattended-upgrades", "wireless-regdb",
    "wpasupplicant",
)  # fmt: skip
LEFT_OUT = ("man", "doc", "info", "locale", "i18n/locales", "lintian", "bug")
KEPT = ("doc/*/copyright", "doc/maskgate/*", "man/man1", "man/man1/maskgate*")


def add_system_files(path: Path, kernel: Kernel, epoch: int) -> None:
    """Write the tar file of what comes from no package that is installed."""
    additions = Additions(path, epoch)
    additions.add_tree(HERE / "files")
    additions.add_tree(kernel.modules, f"usr/lib/modules/{kernel.version}/")
    for name, licence in kernel.licences():
        additions.add(name, licence.read_bytes())
    additions.close()


def make_root(tar: Path, deb: Path, additions: Path, suite: str, environment: dict[str, str]) -> None:
    """Install all packages into a new root file system; minutes, for their scripts run under emulation."""
    options = [f"path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    options += [f"path-include=/usr/share/{name}" for name in KEPT]
    run(
        "mmdebstrap", "--verbose", "--arch=arm64", "--variant=minbase", "--skip=check/qemu",
        "--components=main non-free-firmware",
        *(f"--dpkgopt={option}" for option in options),
        f"--include={','.join(INCLUDED)}",
        # lets dpkg inside see our package
        "--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount", f"--include={deb}",
        f"--customize-hook=tar-in '{additions}' /",
        f"""--customize-hook=chroot "$1" sh -s <'{HERE / "finish"}'""",
        suite, tar, environment=environment, log=True,
    )  # fmt: skip
