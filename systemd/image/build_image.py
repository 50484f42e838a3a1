"""Build ``maskgate-<version>-arm64.img.xz``: a card for a Raspberry Pi 3 or 4, or for qemu, and its checksum.

    python -m systemd.image.build_image --out dist

Debian 12's packages, ours for arm64, a kernel, and a boot partition that an installer puts maskgate.toml on.
The packages' scripts run under qemu-user. The same commit gives the same bytes, as long as Debian's archive
has the same packages.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from edge import __version__
from systemd.image.card_image import Tools, make_image, set_times
from systemd.image.kernel import Kernel
from systemd.image.shell import need_programs, run
from systemd.image.system import add_system_files, make_root

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

SUITE = "bookworm"
XZ_LEVEL = 6
T = TypeVar("T")


def build(out: Path, deb: Path | None, root: Path | None) -> Path:
    """Build the image; returns its path."""
    need_programs()
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or run("git", "-C", ROOT, "log", "-1", "--format=%ct"))
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="maskgate-image-", dir=out) as name:
        scratch = Path(name)
        deb = deb or step("package for arm64", lambda: built_package(scratch / "deb"))
        kernel = step("kernel", lambda: Kernel.fetched(scratch / "kernel", SUITE))
        root = root or scratch / "root.tar"
        if not root.exists():
            additions, new = scratch / "additions.tar", scratch / "new.tar"
            add_system_files(additions, kernel, epoch)
            step("root file system", lambda: make_root(new, deb, additions, SUITE, environment))
            shutil.move(new, root)
        boot = scratch / "boot"
        add_boot_files(boot, kernel, scratch, epoch)
        tools = step("tools", lambda: Tools.fetched(scratch / "tools"))
        image = scratch / f"maskgate-{__version__}-arm64.img"
        step("card", lambda: make_image(image, tools, boot, root, environment))
        return step("compressed", lambda: compressed(image, out))


def built_package(out: Path) -> Path:
    """Ours, by the command that people use."""
    run(sys.executable, "-m", "systemd.package.build_deb", "--arch", "arm64", "--out", out)
    return next(out.glob("maskgate_*_arm64.deb"))


def add_boot_files(boot: Path, kernel: Kernel, scratch: Path, epoch: int) -> None:
    """What lies on the boot partition, as a folder."""
    shutil.copytree(HERE / "boot", boot)
    shutil.copy(HERE.parent / "maskgate.toml", boot / "maskgate.toml.example")
    for name, path in kernel.boot_files():
        shutil.copy(path, boot / name)
    (boot / "initrd.img").write_bytes(kernel.initrd(scratch, epoch))
    set_times(boot, epoch)


def compressed(image: Path, out: Path) -> Path:
    """The image as Raspberry Pi Imager takes it, and its checksum beside it."""
    # blocks of one size: the same bytes on any number of cores
    run("xz", "--compress", "--threads=0", "--block-size=64MiB", f"-{XZ_LEVEL}", "--keep", image)
    made = out / f"{image.name}.xz"
    Path(f"{image}.xz").replace(made)
    with made.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    Path(f"{made}.sha256").write_text(f"{digest}  {made.name}\n", encoding="utf-8")
    return made


def step(name: str, work: Callable[[], T]) -> T:
    """Do something that takes a while, and say how long."""
    began = time.monotonic()
    done = work()
    print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)  # noqa: T201
    return done


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="DIR", help="(default: dist)")
    parser.add_argument("--deb", type=Path, metavar="FILE", help="our package for arm64 (default: is built)")
    parser.add_argument(
        "--root",
        type=Path,
        metavar="TAR",
        help="keep the root file system there; if it is, use it",
    )
    args = parser.parse_args()
    made = build(args.out.absolute(), args.deb and args.deb.absolute(), args.root and args.root.absolute())
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")  # noqa: T201
