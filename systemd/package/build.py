"""Build ``maskgate_<version>_<architecture>.deb``, for any architecture on any: nothing of it is run here.

    python systemd/package/build.py --arch arm64 --out dist

The package holds maskgate and all Python packages that it needs, as wheels of the lock files, each checked
against its hash, in a folder of its own; so it installs without a network, and is bound to the minor version
of the Python that builds it (3.11: Debian 12). The same commit gives the same bytes.
"""  # noqa: INP001  a script

import argparse
import compileall
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))  # edge, of this checkout

from edge import __version__  # noqa: E402
from edge.config import example_config  # noqa: E402
from edge.install_units import texts  # noqa: E402

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
GLIBC_MINOR = 36
"""Debian 12 has glibc 2.36."""
EXTRA = ("gpiozero", "lgpio", "colorzero")
"""Of requirements.txt, since Debian 12 has no lgpio: the pins."""
UNUSED = (
    "ai_edge_litert/libLiteRtWebGpuAccelerator.so", "ai_edge_litert/tools", "ai_edge_litert/vendors",
    "convert", "cv2/data/*.xml", "numpy/distutils", "numpy/f2py", "numpy/**/tests", "**/*.pyi", "bin",
)  # fmt: skip
"""Of what the wheels bring: 80 MB that no device opens."""
LIBRARY = "usr/lib/maskgate"
LAUNCHER = f"""\
#!/usr/bin/python3 -sP
import sys

sys.path.insert(0, "/{LIBRARY}")

from edge.cli import main

sys.exit(main())
"""
CONTROL = """\
Package: maskgate
Version: {version}
Architecture: {arch}
Maintainer: The maskgate developers <maskgate@example.org>
Installed-Size: {size_kb}
Depends: {depends}
Recommends: ca-certificates, udev
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


def depends() -> str:
    """The packages that this one can't work without."""
    minor = sys.version_info.minor
    python = f"python3 (>= 3.{minor}), python3 (<< 3.{minor + 1})"
    return f"{python}, libc6 (>= 2.{GLIBC_MINOR}), libstdc++6, zlib1g, systemd (>= 247), alsa-utils, tzdata"


def build(arch: str, version: str, out: Path) -> Path:
    """Build the package; returns its path."""
    epoch = source_date_epoch()
    os.environ.update(SOURCE_DATE_EPOCH=str(epoch), PYTHONHASHSEED="0")
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="maskgate-deb-") as folder:
        tree = Path(folder) / "tree"
        add_python(tree, MACHINES[arch], Path(folder))
        add_files(tree)
        add_control(tree, arch, version)
        for path in [*tree.rglob("*"), tree]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            os.utime(path, (epoch, epoch), follow_symlinks=False)
        out.mkdir(parents=True, exist_ok=True)
        deb = out / f"maskgate_{version}_{arch}.deb"
        run("dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(deb))
    return deb


def add_python(tree: Path, machine: str, scratch: Path) -> None:
    """The Python packages, compiled, and the program that uses them."""
    library = tree / LIBRARY
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    locks = [ROOT / "requirements-device.txt", scratch / "extra.txt"]
    locks[1].write_text(locked(EXTRA), encoding="utf-8")
    tags = ["manylinux2014", *(f"manylinux_2_{n}" for n in range(17, GLIBC_MINOR + 1))]
    run(
        *pip, "install", "--target", str(library), "--no-deps", "--no-compile", "--require-hashes",
        "--only-binary=:all:", "--implementation=cp", f"--python-version=3.{sys.version_info.minor}",
        *(f"--platform={tag}_{machine}" for tag in tags), "-r", str(locks[0]), "-r", str(locks[1]),
    )  # fmt: skip
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(scratch), str(ROOT))
    with zipfile.ZipFile(next(scratch.glob("maskgate-*.whl"))) as wheel:
        wheel.extractall(library)
    for pattern in UNUSED:
        for path in sorted(library.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    compiled = compileall.compile_dir(
        library, quiet=1, stripdir=str(tree), prependdir="/", maxlevels=99,
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )  # fmt: skip
    if not compiled:
        sys.exit("build.py: a module could not be compiled; see above")
    write(tree / "usr/bin/maskgate", LAUNCHER, mode=0o755)


def locked(names: tuple[str, ...]) -> str:
    """These packages' lines in requirements.txt, with their hashes."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    blocks = re.findall(r"^\S.*\n(?:[ \t].*\n)*", text, re.MULTILINE)
    found = {block.split("==")[0]: block for block in blocks}
    return "".join(found[name] for name in names)


def add_files(tree: Path) -> None:
    """Units, configuration, documents."""
    for place, text in texts("/usr/bin/maskgate").items():
        write(tree / "usr/lib" / place, text)
    write(tree / "etc/maskgate/config.toml", read("config.toml"))
    documents = tree / "usr/share/doc/maskgate"
    write(documents / "examples/config.toml", example_config())
    write(documents / "examples/credentials.conf", read("credentials.conf"))
    write(documents / "copyright", read("package/copyright"))
    write(documents / "README.Debian", read("package/README.Debian"))
    manual = tree / "usr/share/man/man1/maskgate.1.gz"
    manual.parent.mkdir(parents=True)
    manual.write_bytes(gzip.compress(read("package/maskgate.1").encode(), mtime=0))


def add_control(tree: Path, arch: str, version: str) -> None:
    """What dpkg reads, and what it runs."""
    files = [p for p in sorted(tree.rglob("*")) if p.is_file()]
    size_kb = sum(-(-p.stat().st_size // 1024) for p in files)
    sums = [(hashlib.md5(p.read_bytes()).hexdigest(), str(p.relative_to(tree))) for p in files]  # noqa: S324
    control = CONTROL.format(version=version, arch=arch, size_kb=size_kb, depends=depends())
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
    parser.add_argument("--arch", choices=sorted(MACHINES), default="amd64", help="(default: amd64)")
    parser.add_argument("--version", default=__version__, help=f"(default: {__version__})")
    parser.add_argument("--out", type=Path, default=Path("dist"), metavar="DIR", help="(default: dist)")
    args = parser.parse_args()
    made = build(args.arch, args.version, args.out)
    print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")  # noqa: T201
