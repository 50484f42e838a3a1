"""Checks of the system: it is complete, for arm64, set up correctly, and without secrets."""

import hashlib
import json
import re

from edge.image.ext4 import Ext4Reader
from edge.image.findings import Check, ImageParts
from edge.image.programs import run_tool

_AARCH64 = 183
ENABLED = (
    "maskgate-machine.service", "maskgate-machine-report.timer", "systemd-networkd.service",
    "systemd-resolved.service", "systemd-timesyncd.service",
)  # fmt: skip
DISABLED = ("ssh.service", "wpa_supplicant@wlan0.service", "maskgate.service", "maskgate-speaker.service")
"""Units that only maskgate.toml may enable."""
_EMPTY = (
    "/tmp", "/var/tmp", "/home",  # noqa: S108  paths inside the image
    "/root", "/var/lib/apt/lists", "/var/cache/apt/archives", "/var/log/journal",
    "/etc/maskgate/credentials", "/var/lib/maskgate",
)  # fmt: skip
_DOTFILES = {".bashrc", ".profile", ".ssh"}
_ABSENT = (
    "/var/lib/systemd/random-seed",
    "/var/lib/dbus/machine-id",
    "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf",
)


def ext4_is_clean(which: str) -> Check:
    """Make a check of the file system ``root`` or ``data``."""

    def check(parts: ImageParts) -> list[str] | str:
        system: Ext4Reader = getattr(parts, which)
        done = run_tool("e2fsck", "-f", "-n", system.path)
        if done.code != 0:
            lines = done.text.strip().splitlines()
            return [f"e2fsck finds mistakes ({' / '.join(lines[-2:])}): build the image again"]
        if system.label != f"maskgate-{which}":
            return [f"the file system's label is {system.label!r}, but the initrd looks for maskgate-{which}"]
        return "clean"

    return check


def system_is_arm64(parts: ImageParts) -> list[str] | str:
    """Check that the Python interpreter is for arm64."""
    names = [e.name for e in parts.root.entries("/usr/bin") if re.fullmatch(r"python3\.\d+", e.name)]
    if not names:
        return ["there is no /usr/bin/python3.*"]
    head = (parts.root.read(f"/usr/bin/{names[0]}") or b"")[:20]
    machine = int.from_bytes(head[18:20], "little")
    if head[:4] != b"\x7fELF" or machine != _AARCH64:
        return [f"{names[0]} is for ELF machine {machine}, but arm64 is {_AARCH64}: is it for another board?"]
    return f"{names[0]} is for arm64"


def package_is_whole(parts: ImageParts) -> list[str] | str:
    """Check that the package maskgate is installed, and every file unchanged."""
    status = (parts.root.read("/var/lib/dpkg/status") or b"").decode(errors="replace")
    entry = re.search(r"^Package: maskgate\n(?:.+\n)*", status, re.MULTILINE)
    if entry is None or "\nStatus: install ok installed\n" not in entry[0]:
        return ["the package maskgate is not installed"]
    arch = re.search(r"^Architecture: (\S+)$", entry[0], re.MULTILINE)
    version = re.search(r"^Version: (\S+)$", entry[0], re.MULTILINE)
    if arch is None or version is None or arch[1] != "arm64":
        return [f"the package maskgate is for {arch[1] if arch else 'no architecture'}, not arm64"]
    sums = (parts.root.read("/var/lib/dpkg/info/maskgate.md5sums") or b"").decode().splitlines()
    expected = {f"/{name}": digest for digest, name in (line.split(maxsplit=1) for line in sums)}
    actual = {
        name: hashlib.md5(data).hexdigest()  # noqa: S324  dpkg's choice
        for name, data in parts.root.read_all(expected).items()
    }
    wrong = [name for name in expected if actual.get(name) != expected[name]]
    if wrong or not expected:
        return [
            (
                f"{len(wrong)} of {len(expected)} files of maskgate are missing or changed: "
                f"{', '.join(wrong[:3])}"
            )
        ]
    return f"{version[1]} for arm64, {len(expected)} files"


def models_match(parts: ImageParts) -> list[str] | str:
    """Check that each model is the one that its contract describes."""
    folder = "/usr/lib/maskgate/edge/shipped/models"
    names = [e.name for e in parts.root.entries(folder)]
    problems, models = [], 0
    for name in (n for n in names if n.endswith(".json")):
        contract = json.loads(parts.root.read(f"{folder}/{name}") or b"{}")
        if "sha256" not in contract or "file" not in contract:
            continue
        models += 1
        data = parts.root.read(f"{folder}/{contract['file']}")
        if data is None or hashlib.sha256(data).hexdigest() != contract["sha256"]:
            problems.append(f"{contract['file']} is missing or not the model that {name} describes")
    return problems or (f"{models} models" if models else [f"there are no models in {folder}"])


def units_are_set(parts: ImageParts) -> list[str] | str:
    """Check which units start with the device."""
    enabled: set[str] = set()
    for entry in parts.root.entries("/etc/systemd/system"):
        if entry.name.endswith((".wants", ".requires")):
            enabled |= {e.name for e in parts.root.entries(f"/etc/systemd/system/{entry.name}")}
    problems = [f"{name} is not enabled" for name in ENABLED if name not in enabled]
    problems += [
        f"{name} is enabled, but only maskgate.toml may do that" for name in DISABLED if name in enabled
    ]
    return problems or f"{', '.join(ENABLED)}"


def nothing_is_secret(parts: ImageParts) -> list[str] | str:
    """Check that there is no password, key or identity that all devices would share."""
    problems = []
    for line in (parts.root.read("/etc/shadow") or b"").decode().splitlines():
        name, password = line.split(":")[:2]
        if not password.startswith(("!", "*")):
            problems.append(
                f"the user {name} has a password" if password else f"the user {name} needs no password"
            )
    keys = [
        e.name for e in parts.root.entries("/etc/ssh") if re.fullmatch(r"ssh_host_.*_key(\.pub)?", e.name)
    ]
    problems += [f"/etc/ssh/{name} would be the same on each device" for name in keys]
    if parts.root.read("/etc/machine-id") not in {b"", b"uninitialized\n"}:
        problems.append("/etc/machine-id must be an empty file, so that each device makes its own")
    problems += [f"{name} is on the image" for name in _ABSENT if parts.root.read(name) is not None]
    if parts.root.entries("/root/.ssh"):
        problems.append("/root/.ssh holds keys")
    return problems or "no passwords, keys or ids"


def nothing_is_left_over(parts: ImageParts) -> list[str] | str:
    """Check that there are no caches, logs or events, and that the data partition is empty."""
    problems = []
    for folder in _EMPTY:
        names = {e.name for e in parts.root.entries(folder)} - _DOTFILES - {"lock", "partial", "auxfiles"}
        problems += [f"{folder}/{name} is left over" for name in sorted(names)[:3]]
    problems += [f"{e.name} is on the data partition" for e in parts.data.entries("/")]
    return problems or "no caches, logs or events"
