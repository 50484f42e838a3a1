"""All checks of an image, in the order in which a board would meet the problems."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.errors import MaskgateError
from edge.image import boot_checks, system_checks
from edge.image.ext4 import Ext4Reader
from edge.image.findings import Check, Finding, ImageParts, run_check
from edge.image.partitions import DamagedImage, ImagePartitions, split_image
from edge.image.programs import run_tool

CHECKS: dict[str, Check] = {
    "boot partition": boot_checks.fat_is_clean,
    "root partition": system_checks.ext4_is_clean("root"),
    "data partition": system_checks.ext4_is_clean("data"),
    "boot files": boot_checks.boot_is_complete,
    "kernel": boot_checks.kernel_is_arm64,
    "architecture": system_checks.system_is_arm64,
    "package": system_checks.package_is_whole,
    "models": system_checks.models_match,
    "units": system_checks.units_are_set,
    "secrets": system_checks.nothing_is_secret,
    "settings": boot_checks.boot_has_no_settings,
    "leftovers": system_checks.nothing_is_left_over,
}


def verify(image: Path) -> Iterator[Finding]:
    """Check an image; gives each result as soon as it is known.

    Args:
        image: ``.img``, ``.img.xz`` or ``.img.zst``.

    Raises:
        UsageError: there is no such file.
        MaskgateError: a tool is missing, or there is no room.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="maskgate-image-") as folder:
            scratch = Path(folder)
            try:
                partitions = split_image(image, scratch)
            except DamagedImage as e:
                yield Finding("image", ok=False, text=str(e))
                return
            yield Finding("image", ok=True, text="complete, with three partitions")
            parts = _parts(partitions, scratch)
            for name, check in CHECKS.items():
                yield run_check(name, check, parts)
    except OSError as e:
        raise MaskgateError(
            f"{e.filename or image}: {e.strerror}. Is there room in the folder TMPDIR?"
        ) from e


def _parts(partitions: ImagePartitions, scratch: Path) -> ImageParts:
    """Read all files of the boot partition, which is small; the others are read when they are needed."""
    folder = scratch / "files"
    folder.mkdir()
    run_tool("mcopy", "-s", "-n", "-i", partitions.boot, "::", folder)
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    boot = {str(p.relative_to(folder)).lower(): p.read_bytes() for p in paths}
    return ImageParts(
        partitions, boot, Ext4Reader(partitions.root, scratch), Ext4Reader(partitions.data, scratch)
    )
