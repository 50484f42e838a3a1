"""Build ``maskgate_<version>+deb<n>_<architecture>.deb``, for any release and architecture on any.

    python -m systemd.package.build_deb --arch arm64 --release trixie --out dist

The package holds maskgate and all Python packages that it needs, as wheels of the lock files, each checked
against its hash, in a folder of its own; so it installs without a network, and is bound to one minor version
of Python, and so to one release of Debian. Its version says which, and Debian 13's package is newer than
Debian 12's. Nothing of it is run here: it is compiled on the device, by Debian's py3compile. The same commit
gives the same bytes.
"""

import argparse
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from edge import __version__
from edge.config import example_config
from edge.machine.install_units import texts
from systemd.package.bill_of_materials import bill_of_materials
from systemd.package.prune import prune
from systemd.package.site import PLACE, add_licences, prune_site, site_command
from systemd.package.wheels import ROOT, Target

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class DebianRelease:
    """A release of Debian, and of Raspberry Pi OS: its number, its Python's and its glibc's minor version."""

    debian: int
    python_minor: int
    glibc_minor: int
    pins: tuple[str, ...]
    """What drives pins, of requirements.txt."""
    recommends: str = ""


RELEASES = {
    "bookworm": DebianRelease(12, 11, 36, ("gpiozero", "colorzero", "lgpio")),
    # no wheel of lgpio fits its Python; Raspberry Pi OS has it as a package, Debian does not
    "trixie": DebianRelease(13, 13, 41, ("gpiozero", "colorzero"), ", python3-lgpio"),
}
LIBRARY = "usr/lib/maskgate"
UPDATE = {
    "maskgate-update.service": "systemd/system",
    "maskgate-update.path": "systemd/system",
    "maskgate-update-boot.service": "systemd/system",
    "maskgate-update-fetch.service": "systemd/system",
    "maskgate-update-fetch.path": "systemd/system",
    "maskgate-update-return.service": "systemd/system",
    "maskgate-update-return.timer": "systemd/system",
    "50-update.conf": "systemd/system/maskgate.service.d",
    "maskgate-update.conf": "tmpfiles.d",
}
"""The files of systemd/update, and their folders below /usr/lib: only this package updates over the air."""
CONTROL = """\
Package: maskgate
Version: {version}
Architecture: {arch}
Maintainer: The maskgate developers <maskgate@example.org>
Installed-Size: {size_kb}
Depends: {depends}
Recommends: ca-certificates, udev{recommends}
Section: misc
Priority: optional
Description: mask detection at building entrances
 A camera at a building's entrance, and a device that finds every face, follows
 each person and opens one violation for whoever wears no mask: announced by a
 loudspeaker at once, and delivered to the ops centre over MQTT.
 .
 This package holds its own Python packages and models; no picture leaves the
 device.
"""


def depends(release: DebianRelease) -> str:
    """The packages that this one can't work without."""
    minor = release.python_minor
    python = f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})"
    libraries = f"libc6 (>= 2.{release.glibc_minor}), libstdc++6, zlib1g"
    return f"{python}, {libraries}, systemd (>= 247), alsa-utils, openssl, tzdata"


def build(arch: str, release: DebianRelease, version: str, out: Path) -> Path:
    """Build the package; returns its path."""
    plain, version = version, f"{version}+deb{release.debian}"
    epoch = source_date_epoch()
    os.environ.update(SOURCE_DATE_EPOCH=str(epoch), PYTHONHASHSEED="0")
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="maskgate-deb-") as folder:
        tree = Path(folder) / "tree"
        add_python(tree, arch, release, Path(folder))
        add_release(tree, arch, release, plain)
        # in the tree of the application: so an update brings its own
        bill = bill_of_materials(tree / LIBRARY, plain, arch, epoch)
        write(tree / LIBRARY / "maskgate.cdx.json", bill)
        add_files(tree)
        add_site(tree, Path(folder))
        add_control(tree, arch, release, version)
        for path in [*tree.rglob("*"), tree]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            os.utime(path, (epoch, epoch), follow_symlinks=False)
        out.mkdir(parents=True, exist_ok=True)
        deb = out / f"maskgate_{version}_{arch}.deb"
        # Unpacked in a quarter of xz's time, which a small device and a test notice; 12 MB more.
        write(deb.with_suffix(".cdx.json"), bill)
        run("dpkg-deb", "--root-owner-group", "-Zzstd", "-z10", "--build", str(tree), str(deb))
    return deb


def add_python(tree: Path, arch: str, release: DebianRelease, scratch: Path) -> None:
    """The Python packages, and the program that uses them."""
    library, target = tree / LIBRARY, Target(arch, release.python_minor, release.glibc_minor)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    lock = scratch / "lock.txt"
    pins = target.pins("requirements-device.txt") + target.pins("requirements.txt", release.pins)
    lock.write_text(pins, encoding="utf-8")
    run(
        *pip, "install", "--target", str(library), "--no-deps", "--no-compile", "--require-hashes",
        "--ignore-requires-python",  # it asks the Python that it runs with
        *target.pip_options, "-r", str(lock),
    )  # fmt: skip
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(scratch), str(ROOT))
    with zipfile.ZipFile(next(scratch.glob("maskgate-*.whl"))) as wheel:
        wheel.extractall(library)
    prune(library)
    write(tree / "usr/bin/maskgate", read("package/launcher"), mode=0o755)


def add_release(tree: Path, arch: str, release: DebianRelease, version: str) -> None:
    """What updates are compared with (edge/releases/release.py)."""
    models = json.loads((ROOT / "models/mask.json").read_bytes())["version"]
    about = {"kind": "application", "version": version, "arch": arch, "models": models}
    text = json.dumps({**about, "python": f"3.{release.python_minor}"})
    write(tree / LIBRARY / "release.json", f"{text}\n")


def add_files(tree: Path) -> None:
    """Units, configuration, documents."""
    for place, text in texts("/usr/bin/maskgate").items():
        write(tree / "usr/lib" / place, text)
    for name, folder in UPDATE.items():
        write(tree / "usr/lib" / folder / name, read(f"update/{name}"))
    write(tree / "etc/maskgate/config.toml", read("units/config.toml"))
    documents = tree / "usr/share/doc/maskgate"
    write(documents / "examples/config.toml", example_config())
    write(documents / "examples/credentials.conf", read("units/credentials.conf"))
    write(documents / "examples/maskgate.toml", read("maskgate.toml"))
    write(documents / "copyright", read("package/copyright"))
    write(documents / "README.Debian", read("package/README.Debian"))
    manual = tree / "usr/share/man/man1/maskgate.1.gz"
    manual.parent.mkdir(parents=True)
    manual.write_bytes(gzip.compress(read("package/maskgate.1").encode(), mtime=0))


def add_site(tree: Path, scratch: Path) -> None:
    """The documents, to be read on the device."""
    run(*site_command(tree / PLACE, scratch))
    add_licences(tree / PLACE)
    prune_site(tree / PLACE)


def add_control(tree: Path, arch: str, release: DebianRelease, version: str) -> None:
    """What dpkg reads, and what it runs."""
    files = [p for p in sorted(tree.rglob("*")) if p.is_file()]
    size_kb = sum(-(-p.stat().st_size // 1024) for p in files)
    sums = [(hashlib.md5(p.read_bytes()).hexdigest(), str(p.relative_to(tree))) for p in files]  # noqa: S324
    control = CONTROL.format(
        version=version, arch=arch, size_kb=size_kb, depends=depends(release), recommends=release.recommends
    )
    write(tree / "DEBIAN/control", control)
    write(tree / "DEBIAN/conffiles", "/etc/maskgate/config.toml\n")
    write(tree / "DEBIAN/md5sums", "".join(f"{s}  {p}\n" for s, p in sums if not p.startswith("etc/")))
    for name in ("postinst", "prerm", "postrm"):
        write(tree / "DEBIAN" / name, read(f"package/{name}"), mode=0o755)


def source_date_epoch() -> int:
    """The time that every file in the package has: of the last commit, unless the environment names one."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return int(given or run("git", "-C", str(ROOT), "log", "-1", "--format=%ct").strip())


def read(name: str) -> str:
    """A file of the folder systemd/."""
    return (HERE.parent / name).read_text(encoding="utf-8")


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """A new file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def run(*command: str) -> str:
    """Run a program; ends this one where it fails. Returns what it printed."""
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603  all ours
    except FileNotFoundError:
        sys.exit(f"build.py: {command[0]} is missing; install it: sudo apt install {command[0]}")
    except subprocess.CalledProcessError as e:
        sys.exit(f"build.py: {' '.join(command[:4])} ... failed with exit code {e.returncode}; see above")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--arch", choices=["amd64", "arm64"], default="amd64", help="(default: amd64)")
    parser.add_argument("--release", choices=sorted(RELEASES), default="bookworm", help="(default: bookworm)")
    parser.add_argument("--version", default=__version__, help=f"(default: {__version__})")
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="DIR", help="(default: dist)")
    args = parser.parse_args()
    made = build(args.arch, RELEASES[args.release], args.version, args.out)
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")  # noqa: T201
