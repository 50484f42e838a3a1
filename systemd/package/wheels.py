"""Which wheels an operating system gets: of the lock files, by its Python, its glibc and its processor."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[2]
MACHINES = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "armv7l"}
"""Debian's names of the processors, and the kernel's."""
LOCKED = re.compile(
    r"^(?P<name>\S+?)==(?P<version>\S+)(?: ; (?P<marker>.+?))?(?P<hashes> \\\n(?:[ \t].*\n)*)", re.MULTILINE
)


@dataclass(frozen=True)
class Target:
    """An operating system on a processor; ``python_minor`` and ``glibc_minor``: 3.x and 2.x."""

    arch: str
    python_minor: int
    glibc_minor: int

    @property
    def machine(self) -> str:
        """The processor's name as the kernel, and wheels, say it."""
        return MACHINES[self.arch]

    @property
    def pip_options(self) -> list[str]:
        """What tells pip to choose for it, and not for the machine that pip runs on."""
        tags = ["manylinux2014", *(f"manylinux_2_{n}" for n in range(17, self.glibc_minor + 1))]
        python = ["--implementation=cp", f"--python-version=3.{self.python_minor}"]
        return ["--only-binary=:all:", *python, *(f"--platform={tag}_{self.machine}" for tag in tags)]

    def pins(self, lock: str, names: Collection[str] = ()) -> str:
        """The lines of a lock file in the repository's root that hold there, with their hashes.

        pip itself takes the conditions in it for its own machine's, whatever ``--platform`` says.

        Args:
            lock: the file's name.
            names: of the packages that are wanted; all, if none is named.
        """
        there = {
            "platform_machine": self.machine, "sys_platform": "linux",
            "python_version": f"3.{self.python_minor}", "python_full_version": f"3.{self.python_minor}.0",
        }  # fmt: skip
        found = LOCKED.finditer((ROOT / lock).read_text(encoding="utf-8"))
        return "".join(
            f"{pin['name']}=={pin['version']}{pin['hashes']}"
            for pin in found
            if (not names or pin["name"] in names)
            and (pin["marker"] is None or Marker(pin["marker"]).evaluate(there))
        )
