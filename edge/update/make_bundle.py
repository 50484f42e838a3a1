"""From what was built to a bundle."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from pydantic import ValidationError

from edge.errors import UpdateError, UsageError
from edge.model.contract import load_contract
from edge.releases.release import Release
from edge.update.bundle import Preset, pack


def from_deb(deb: Path, out: Path, *, preset: Preset = 6) -> Path:
    """The application inside a package that systemd/package/build_deb.py made.

    Raises:
        UsageError: there is no such package, or it holds no application.
        UpdateError: it can't be put into a bundle.
    """
    program = shutil.which("dpkg-deb")
    if program is None:
        raise UpdateError("dpkg-deb is missing: apt install dpkg")
    with tempfile.TemporaryDirectory(prefix="maskgate-bundle-") as folder:
        done = subprocess.run(  # noqa: S603  all ours
            [program, "--extract", deb, folder], check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise UsageError(f"{deb}: {done.stderr.strip()}")
        tree = Path(folder) / "usr/lib/maskgate"
        if not (tree / "release.json").is_file():
            raise UsageError(f"{deb}: holds no usr/lib/maskgate/release.json: is it a package of maskgate?")
        return pack(tree, _folder(out), preset=preset)


def from_models(folder: Path, out: Path, version: str | None = None, *, preset: Preset = 6) -> Path:
    """The models in a folder: ``mask`` and ``face``, each with contract and golden vectors.

    Args:
        folder: as ``mask-convert release`` leaves it.
        out: where to put the bundle.
        version: else that of the mask model.
        preset: of xz.

    Raises:
        ModelError: a model is missing or damaged.
        UsageError: the version is none.
    """
    contracts = {name: load_contract(folder / f"{name}.tflite") for name in ("mask", "face")}
    try:
        release = Release(kind="models", version=version or contracts["mask"].version)
    except ValidationError as e:
        own = f"{folder}/mask.json: version {contracts['mask'].version}, and no --version"
        where = f"--version {version}" if version else own
        raise UsageError(f"{where}: three or four numbers are wanted, as 1.2.0") from e
    with tempfile.TemporaryDirectory(prefix="maskgate-bundle-") as scratch:
        tree = Path(scratch)
        for name, contract in contracts.items():
            if contract.golden is None:
                raise UsageError(f"{folder}/{name}.json: names no golden vectors; a device can't check it")
            for file in (f"{name}.tflite", f"{name}.json", contract.golden):
                _copy(folder / file, tree)
        for licence in folder.glob("LICENSE*"):
            _copy(licence, tree)
        (tree / "release.json").write_text(release.model_dump_json() + "\n", encoding="utf-8")
        return pack(tree, _folder(out), preset=preset)


def sign(bundle: Path, key: Path) -> Path:
    """Sign it with ``minisign``, which asks for the key's password; returns the signature's path.

    Raises:
        UpdateError: minisign is missing, or fails.
    """
    program = shutil.which("minisign")
    if program is None:
        raise UpdateError("minisign is missing: apt install minisign")
    comment = f"file:{bundle.name}"
    done = subprocess.run(  # noqa: S603  all ours
        [program, "-S", "-s", key, "-m", bundle, "-t", comment], check=False
    )
    if done.returncode != 0:
        raise UpdateError(f"{bundle}: minisign did not sign it, see above")
    return bundle.with_name(f"{bundle.name}.minisig")


def _copy(file: Path, to: Path) -> None:
    try:
        shutil.copy(file, to)
    except OSError as e:
        raise UsageError(f"{file}: can't be read: {e.strerror}. It belongs to the models there") from e


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageError(f"{out}: can't be made: {e.strerror}. Choose another --out") from e
    return out
