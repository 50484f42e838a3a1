"""The package for arm64 under qemu-user, and that two builds are the same: `make device-test`, minutes of it.

LiteRT 2.2 and later end with a segmentation fault under the qemu-user of Debian 12 (7.2) and run under that
of Debian 13 (10), which is fetched and unpacked, not installed.
"""

import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from debian import Root, done, unpacked

if TYPE_CHECKING:
    from conftest import Lab

pytestmark = pytest.mark.timeout(3600)
BINFMT = Path("/proc/sys/fs/binfmt_misc")
ELF = rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
"""Programs for AArch64, by their first bytes."""


@pytest.fixture(scope="module")
def emulator(lab: "Lab") -> Iterator[None]:
    """The kernel runs programs for arm64 while this is in use."""
    lab.need_root("The arm64 package was not tried")
    qemu = lab.kept / "qemu" / "usr/bin/qemu-aarch64"
    if not qemu.exists():
        lab.mmdebstrap("--variant=extract", "--include=qemu-user", "trixie", lab.kept / "qemu")
    if not (BINFMT / "register").exists():
        done("mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT)
    entry = BINFMT / "maskgate-test"
    if entry.exists():
        entry.write_text("-1")
    # F: the kernel keeps the program open, so that it works in a chroot, too
    (BINFMT / "register").write_bytes(b":maskgate-test:M::%b:%b:%b:F" % (ELF, MASK, bytes(qemu)))
    yield
    entry.write_text("-1")


@pytest.fixture
def deb_arm64(lab: "Lab", release: str, tmp_path: Path) -> Path:
    return lab.built("arm64", tmp_path / "deb", release)


@pytest.fixture
def root_arm64(emulator: None, deb_arm64: Path, release: str, lab: "Lab", tmp_path: Path) -> Iterator[Root]:
    with unpacked(lab.debian("arm64", lab.needed(deb_arm64), release), tmp_path / "root") as root:
        yield root


@pytest.mark.parametrize("release", ["bookworm", "trixie"], indirect=True)
def test_it_installs_judges_as_x86_does_and_goes(
    root_arm64: Root, deb_arm64: Path, lab: "Lab", tmp_path: Path
) -> None:
    root = root_arm64
    assert root.run("dpkg", "--print-architecture").stdout == "arm64\n"
    began = time.monotonic()
    root.apt("install", root.give(deb_arm64))
    lab.measured(f"{deb_arm64.name}, apt install, emulated, s", time.monotonic() - began)
    lab.measured(f"{deb_arm64.name}, MB", deb_arm64.stat().st_size / 1e6)
    # Lossless: FFmpeg turns H.264's colours into RGB with other roundings on each architecture.
    clip = tmp_path / "lossless.mkv"
    done("ffmpeg", "-v", "error", "-i", lab.clip, "-t", "10", "-c:v", "png", "-pix_fmt", "rgb24", clip)
    judged = lab.judged(root.run("maskgate", "replay", "--jsonl", root.give(clip)).stdout)
    assert "violation.opened" in [event["type"] for event in judged]
    assert judged == lab.judged_here(clip)  # every score to the last bit
    root.run("maskgate", "config", "--check", "/etc/maskgate/config.toml")
    root.apt("purge", "maskgate")
    assert not (root / "usr/lib/maskgate").exists()


def test_two_builds_are_the_same_to_the_last_bit(deb_arm64: Path, lab: "Lab", tmp_path: Path) -> None:
    elsewhere = tmp_path / "venv"
    elsewhere.symlink_to(sys.prefix)
    again = lab.built("arm64", tmp_path / "again", python=elsewhere / "bin/python")
    sums = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (deb_arm64, again)]
    assert sums[0] == sums[1]
