"""`maskgate image verify` on small images that are made here, correct ones and broken ones."""

import gzip
import hashlib
import io
import json
import lzma
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from debian import done, program

from edge.cli import main

MB = 1024 * 1024
KERNEL = b"\0" * 56 + b"ARM\x64" + b"Linux version 6.1.0-1-arm64 (debian) "
PYTHON = b"\x7fELF\2\1\1" + bytes(9) + b"\2\0" + (183).to_bytes(2, "little")
MODEL = b"a model"
SUM = hashlib.md5(MODEL).hexdigest()  # noqa: S324  dpkg's choice
LIBRARY = "usr/lib/maskgate/edge/shipped/models"
WANTS = "etc/systemd/system/multi-user.target.wants"
STATUS = """\
Package: maskgate
Status: install ok installed
Architecture: arm64
Version: 0.1.0+deb12
"""
FIRMWARE = ("bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat")
BOOT = {
    **dict.fromkeys(FIRMWARE, b"firmware"),
    "README.txt": b"Copy maskgate.toml.example",
    "config.txt": b"arm_64bit=1\nkernel=vmlinuz\ninitramfs initrd.img followkernel\n",
    "cmdline.txt": b"console=tty0 panic=10\n",
    "maskgate.toml.example": b"[site]\n",
    "vmlinuz": KERNEL,
    "initrd.img": gzip.compress(b"lib/modules/6.1.0-1-arm64 TRAILER!!!"),
    "bcm2837-rpi-3-b.dtb": b"\xd0\x0d\xfe\xed",
    "bcm2837-rpi-3-b-plus.dtb": b"\xd0\x0d\xfe\xed",
    "bcm2711-rpi-4-b.dtb": b"\xd0\x0d\xfe\xed",
}
ROOT = {
    "usr/bin/python3.11": PYTHON,
    "usr/lib/modules/6.1.0-1-arm64/modules.dep": b"",
    f"{LIBRARY}/mask.tflite": MODEL,
    f"{LIBRARY}/mask.json": json.dumps(
        {"file": "mask.tflite", "sha256": hashlib.sha256(MODEL).hexdigest()}
    ).encode(),
    "var/lib/dpkg/status": STATUS.encode(),
    "var/lib/dpkg/info/maskgate.md5sums": f"{SUM}  {LIBRARY}/mask.tflite\n".encode(),
    "etc/shadow": b"root:!*:19000:0:99999:7:::\nmaskgate:!:19000::::::\n",
    "etc/machine-id": b"",
    **{
        f"{WANTS}/{unit}": b""
        for unit in (
            "maskgate-machine.service", "maskgate-machine-report.timer", "systemd-networkd.service",
            "systemd-resolved.service", "systemd-timesyncd.service",
        )
    },
}  # fmt: skip


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Makes a card's image of files for its boot, root and data partitions; None omits a file."""

    def made(
        boot: dict[str, bytes | None] | None = None,
        root: dict[str, bytes | None] | None = None,
        data: dict[str, bytes | None] | None = None,
    ) -> Path:
        folders = [tmp_path / name for name in ("boot", "root", "data")]
        for folder, files in zip(
            folders, ({**BOOT, **(boot or {})}, {**ROOT, **(root or {})}, data or {}), strict=True
        ):
            folder.mkdir()
            for name, content in files.items():
                if content is not None:
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    (folder / name).write_bytes(content)
        return assembled(tmp_path / "card.img", *folders)

    return made


def assembled(image: Path, boot: Path, root: Path, data: Path) -> Path:
    with image.open("wb") as file:
        file.truncate(13 * MB)
    lines = [f"start={start}MiB, size=4MiB, type={kind}\n" for start, kind in ((1, "c"), (5, 83), (9, 83))]
    done(program("sfdisk", "fdisk"), "-q", image, input="".join(["label: dos\n", *lines]))
    done(program("mkfs.vfat", "dosfstools"), "-n", "MASKGATE", "--offset=2048", image, "4096")
    done(program("mcopy", "mtools"), "-s", "-i", f"{image}@@1M", *sorted(boot.iterdir()), "::")
    for start, label, folder in ((5, "maskgate-root", root), (9, "maskgate-data", data)):
        place = f"offset={start * MB},root_owner=0:0"
        options = ("-q", "-F", "-t", "ext4", "-O", "^has_journal", "-L", label, "-E", place, "-d", folder)
        done(program("mke2fs", "e2fsprogs"), *options, image, "4M")
    return image


def call(*arguments: str) -> tuple[int, str, str]:
    """Run ``maskgate image verify``; returns exit code, standard output and standard error."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main(["image", "verify", *arguments])
    return code, out.getvalue(), err.getvalue()


def verify(image: Path) -> dict[str, str]:
    """Verify an image; returns the texts of the checks that failed, by their names."""
    code, out, _ = call("--json", str(image))
    findings = [json.loads(line) for line in out.splitlines()]
    assert findings
    assert code == (0 if all(finding["ok"] for finding in findings) else 1)
    return {finding["check"]: finding["text"] for finding in findings if not finding["ok"]}


def test_a_correct_image_passes_in_each_compression(make: Callable[..., Path]) -> None:
    image = make()
    assert verify(image) == {}
    packed = image.with_suffix(".img.xz")
    packed.write_bytes(lzma.compress(image.read_bytes(), preset=0))
    assert verify(packed) == {}
    done(program("zstd", "zstd"), "-q", image)
    assert verify(image.with_suffix(".img.zst")) == {}


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        ({"boot": {"start4.elf": None}}, "boot files", "start4.elf is missing"),
        ({"boot": {"bcm2711-rpi-4-b.dtb": b"?"}}, "boot files", "is not a device tree"),
        ({"boot": {"cmdline.txt": b"a\nb\n"}}, "boot files", "2 lines"),
        ({"boot": {"vmlinuz": b"MZ" + KERNEL[2:50]}}, "kernel", "not for arm64"),
        ({"boot": {"initrd.img": BOOT["initrd.img"][:-9]}}, "kernel", "initrd can't be unpacked"),
        (
            {"root": {"usr/lib/modules/6.1.0-1-arm64/modules.dep": None}},
            "kernel",
            "no modules for this kernel",
        ),
        ({"root": {"usr/bin/python3.11": PYTHON[:18] + b"\x3e\0"}}, "architecture", "another board"),
        ({"root": {"var/lib/dpkg/status": b""}}, "package", "not installed"),
        ({"root": {f"{LIBRARY}/mask.tflite": b"another"}}, "package", "1 of 1 files"),
        ({"root": {f"{LIBRARY}/mask.tflite": b"another"}}, "models", "mask.tflite"),
        ({"root": {f"{WANTS}/systemd-networkd.service": None}}, "units", "networkd.service is not enabled"),
        ({"root": {f"{WANTS}/ssh.service": b""}}, "units", "ssh.service is enabled"),
        ({"root": {"etc/shadow": b"root:$y$j9T$hash:1::::::\n"}}, "secrets", "root has a password"),
        ({"root": {"etc/shadow": b"pi::1::::::\n"}}, "secrets", "pi needs no password"),
        ({"root": {"etc/ssh/ssh_host_ed25519_key": b"key"}}, "secrets", "ssh_host_ed25519_key"),
        ({"root": {"etc/machine-id": b"0123\n"}}, "secrets", "machine-id"),
        ({"boot": {"maskgate.toml": b"[site]\n"}}, "settings", "maskgate.toml"),
        ({"boot": {"credentials/mqtt-password": b"hunter2"}}, "settings", "credentials"),
        ({"root": {"var/cache/apt/archives/a.deb": b"deb"}}, "leftovers", "a.deb"),
        ({"data": {"overlay/upper/etc/hosts": b"x"}}, "leftovers", "overlay is on the data partition"),
    ],
)
def test_a_mistake_in_an_image_is_named(
    make: Callable[..., Path],
    change: dict[str, dict[str, bytes | None]],
    check: str,
    words: str,
) -> None:
    problems = verify(make(**change))
    assert words in problems[check]


def test_damaged_file_systems_are_named(make: Callable[..., Path]) -> None:
    image = make()
    debugfs = program("debugfs", "e2fsprogs")
    done(debugfs, "-w", "-R", "set_inode_field etc/machine-id links_count 7", f"{image}?offset={5 * MB}")
    with image.open("r+b") as file:
        file.seek(9 * MB + 1024)
        file.write(bytes(1024))
    problems = verify(image)
    assert "e2fsck finds mistakes" in problems["root partition"]
    assert "data partition" in problems


def test_a_boot_partition_with_two_different_tables_is_named(make: Callable[..., Path]) -> None:
    image = make()
    with image.open("r+b") as file:
        file.seek(MB + 4 * 512 + 16)  # inside the first FAT
        file.write(b"\x13" * 64)
    assert "fsck.vfat finds mistakes" in verify(image)["boot partition"]


def test_a_truncated_image_is_named(make: Callable[..., Path]) -> None:
    image = make()
    packed = image.with_suffix(".img.xz")
    packed.write_bytes(lzma.compress(image.read_bytes(), preset=0)[:-100])
    assert "damaged or cut short" in verify(packed)["image"]
    with image.open("r+b") as file:
        file.truncate(7 * MB)
    assert "cut short: partition 2 (root)" in verify(image)["image"]


def test_a_file_that_is_not_an_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "photo.img").write_bytes(b"JFIF" * 1000)
    assert "no partition table" in verify(tmp_path / "photo.img")["image"]
    packed = tmp_path / "photo.img.xz"
    packed.write_bytes(lzma.compress(b"JFIF" * 1000))
    text = verify(packed)["image"]
    assert text.startswith(f"{packed}: has no partition table (sfdisk: photo.img.xz: ")
    code, _, error = call(str(tmp_path / "none.img"))
    assert code == 2
    assert "none.img: is not a file" in error


def test_a_missing_tool_is_named_with_its_package(
    make: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = make()
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **k: None if name == "mcopy" else real(name, **k))
    code, _, error = call(str(image))
    assert code == 1
    assert "mcopy is missing, install it: apt install mtools" in error
