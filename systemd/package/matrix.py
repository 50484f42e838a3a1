"""Which systems find wheels for all that maskgate needs, as the package index has it: the README's table."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from systemd.package.wheels import Target

SYSTEMS = (
    ("Debian 12", Target("amd64", 11, 36), "the package"),
    ("Debian 12, Raspberry Pi OS 12 (64-bit)", Target("arm64", 11, 36), "the package on Debian, emulated"),
    ("Debian 13", Target("amd64", 13, 41), "the package"),
    ("Debian 13, Raspberry Pi OS 13 (64-bit)", Target("arm64", 13, 41), "the package on Debian, emulated"),
    ("Raspberry Pi OS 12 (32-bit)", Target("armhf", 11, 36), "untried"),
    ("Raspberry Pi OS 13 (32-bit)", Target("armhf", 13, 41), "untried"),
    ("Ubuntu 24.04", Target("amd64", 12, 39), "untried"),
    ("Ubuntu 24.04", Target("arm64", 12, 39), "untried"),
    ("Ubuntu 22.04", Target("amd64", 10, 35), "untried"),
    ("Ubuntu 22.04, JetPack 6", Target("arm64", 10, 35), "untried"),
    ("Ubuntu 20.04, JetPack 5", Target("arm64", 8, 31), "untried"),
)
"""The system, its Python and glibc, and what was run on it."""
OLDEST_MINOR = 10
"""Of Python, in pyproject.toml."""
GPIO = ("gpiozero", "lgpio", "colorzero")


def missing(target: Target, pins: str, scratch: Path) -> list[str]:
    """Of these pins, those without a wheel that fits; one by one only if there are any."""
    lines = [line.split()[0] for line in pins.splitlines() if not line[0].isspace()]
    if finds(target, lines, scratch):
        return []
    return [line for line in lines if not finds(target, [line], scratch)]


def finds(target: Target, lines: list[str], scratch: Path) -> bool:
    """Whether pip would install them there; it downloads what they say of themselves, not them."""
    command = [
        sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--dry-run", "--no-deps",
        "--ignore-installed", "--ignore-requires-python", "--target", str(scratch / "nothing"),
    ]  # fmt: skip
    tried = subprocess.run(  # noqa: S603  all ours
        [*command, *target.pip_options, *lines], check=False, capture_output=True, text=True
    )
    if tried.returncode != 0 and "No matching distribution found" not in tried.stderr:
        sys.exit(f"matrix.py: pip failed:\n{tried.stderr}")
    return tried.returncode == 0


def rows() -> Iterator[str]:
    """The table, line by line."""
    yield "| system | processor | Python, glibc | wheels of the lock file | lgpio wheel | tried |"
    yield "|---|---|---|---|---|---|"
    for name, target, tried in SYSTEMS:
        if target.python_minor < OLDEST_MINOR:
            needed, pins = f"needs Python 3.{OLDEST_MINOR}", ""
        else:
            with tempfile.TemporaryDirectory() as folder:
                gone = missing(target, target.pins("requirements-device.txt"), Path(folder))
                no_pins = missing(target, target.pins("requirements.txt", GPIO), Path(folder))
            needed = f"none for {', '.join(line.split('==')[0] for line in gone)}" if gone else "all"
            pins = "none" if no_pins else "yes"
        versions = f"3.{target.python_minor}, 2.{target.glibc_minor}"
        yield f"| {name} | {target.arch} | {versions} | {needed} | {pins} | {tried} |"


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)  # noqa: T201
