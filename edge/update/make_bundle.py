"""Makes bundles, of a Debian package or of a folder of models, and signs them."""

import shutil
import tempfile
from pathlib import Path

from pydantic import ValidationError

from edge.errors import ProgramError, UpdateError, UsageError
from edge.model.contract import load_contract
from edge.programs import find, run, run_in_terminal
from edge.releases.release import Release
from edge.update.bundle import Preset, pack

_UNPACK_S = 600.0
"""Seconds that dpkg-deb may take; on a slow computer it takes one minute."""


def from_deb(deb: Path, out: Path, *, preset: Preset = 6) -> Path:
    """Make a bundle of the application in a package that systemd/package/build_deb.py built.

    Args:
        deb: the package.
        out: the folder for the bundle.
        preset: xz's effort.

    Raises:
        UsageError: there is no such package, or it holds no application.
        UpdateError: it can't be put into a bundle.
        ProgramMissingError: dpkg-deb is missing.
    """
    find("dpkg-deb")
    with tempfile.TemporaryDirectory(prefix="maskgate-bundle-") as folder:
        try:
            run("dpkg-deb", "--extract", deb, folder, timeout_s=_UNPACK_S)
        except ProgramError as e:
            raise UsageError(f"{deb}: can't be unpacked: {e.last_lines or e}") from e
        tree = Path(folder) / "usr/lib/maskgate"
        if not (tree / "release.json").is_file():
            raise UsageError(f"{deb}: has no usr/lib/maskgate/release.json: is it a package of maskgate?")
        return pack(tree, _folder(out), preset=preset)


def from_models(folder: Path, out: Path, version: str | None = None, *, preset: Preset = 6) -> Path:
    """Make a bundle of the models in a folder: ``mask`` and ``face``, each with contract and golden vectors.

    Args:
        folder: a folder that ``mask-convert release`` made.
        out: the folder for the bundle.
        version: the bundle's version; None: the mask model's.
        preset: xz's effort.

    Raises:
        ModelError: a model is missing or damaged.
        UsageError: the version is not three or four numbers, or a file is missing.
    """
    contracts = {name: load_contract(folder / f"{name}.tflite") for name in ("mask", "face")}
    try:
        release = Release(kind="models", version=version or contracts["mask"].version)
    except ValidationError as e:
        from_model = f"{folder}/mask.json: version {contracts['mask'].version}, and no --version"
        where = f"--version {version}" if version else from_model
        raise UsageError(f"{where}: must be three or four numbers, such as 1.2.0") from e
    with tempfile.TemporaryDirectory(prefix="maskgate-bundle-") as scratch:
        tree = Path(scratch)
        for name, contract in contracts.items():
            if contract.golden is None:
                raise UsageError(
                    f"{folder}/{name}.json: names no golden vectors, so a device can't check the model"
                )
            for file in (f"{name}.tflite", f"{name}.json", contract.golden):
                _copy(folder / file, tree)
        for licence in folder.glob("LICENSE*"):
            _copy(licence, tree)
        (tree / "release.json").write_text(release.model_dump_json() + "\n", encoding="utf-8")
        return pack(tree, _folder(out), preset=preset)


def sign(bundle: Path, key: Path) -> Path:
    """Sign a bundle with ``minisign``, which asks for the key's password.

    Args:
        bundle: the bundle.
        key: minisign's secret key.

    Returns:
        The signature's path.

    Raises:
        UpdateError: minisign failed.
        ProgramMissingError: minisign is missing.
    """
    code = run_in_terminal("minisign", "-S", "-s", key, "-m", bundle, "-t", f"file:{bundle.name}")
    if code != 0:
        raise UpdateError(f"{bundle}: minisign did not sign it; its message is above")
    return bundle.with_name(f"{bundle.name}.minisig")


def _copy(file: Path, to: Path) -> None:
    try:
        shutil.copy(file, to)
    except OSError as e:
        raise UsageError(
            f"{file}: can't be read: {e.strerror}. The models are not complete without it"
        ) from e


def _folder(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise UsageError(f"{out}: can't be made: {e.strerror}. Choose another --out") from e
    return out
