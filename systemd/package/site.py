"""The documents as a site, for the package: a device shows them without a network."""

import sys
from importlib.metadata import files
from pathlib import Path

from systemd.package.wheels import ROOT

PLACE = "usr/share/doc/maskgate/html"
_LEFT_OUT = (".buildinfo", "objects.inv", "**/*.map")
"""What only other builds and developers of the theme use."""


def site_command(out: Path, scratch: Path) -> list[str]:
    """The program that builds it: strictly, as ``make docs`` does."""
    options = ["-q", "-W", "-n", "-E", "-c", str(ROOT / "docs"), "-d", str(scratch / "doctrees")]
    return [sys.executable, "-m", "sphinx", *options, str(ROOT), str(out)]


def add_licences(site: Path) -> None:
    """The licences of what Sphinx and the theme bring: scripts and styles."""
    for package in ("furo", "sphinx"):
        for file in files(package) or ():
            if "licenses" in file.parts:
                (site / "_static" / f"{file.name}.{package}").write_text(file.read_text("utf-8"), "utf-8")


def prune_site(site: Path) -> None:
    """Remove what no reader opens."""
    for pattern in _LEFT_OUT:
        for path in sorted(site.glob(pattern)):
            path.unlink()
