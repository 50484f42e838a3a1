"""Installs a bundle as a release on trial. Until the last step, nothing that runs is changed."""

import compileall
import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import BinaryIO

from edge.errors import MaskgateError, UpdateError
from edge.releases.release import Manifest, Release
from edge.releases.store import ReleaseStore
from edge.releases.update_disk import UpdateDisk, open_plain, read_small
from edge.update.bundle import SIZE_MAX, read_manifest, unpack
from edge.update.signature import SIGNATURE_MAX, PublicKey, parse_signature, verify

_log = logging.getLogger(__name__)
_SPARE = 64_000_000
"""Bytes that must stay free on the disk for everything else."""
_PER_FILE = 4096
"""Bytes that a file may take on the disk beyond its size."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class UpdateSource:
    """The files of an update, and what was requested."""

    bundle: Path
    signature: Path
    wanted: str | None = None
    """The version that was requested; None: any."""
    over_mqtt: bool = False
    """Whether ops requested it over the broker."""

    def fingerprint(self, keys: Path) -> str:
        """Identify this source: another name, bundle, signature or trusted key gives another fingerprint.

        Args:
            keys: the folder of the trusted keys.

        Returns:
            A SHA-256 in hexadecimal.
        """
        stats = [(p.name, p.lstat()) for p in (self.bundle, self.signature) if os.path.lexists(p)]
        sources = [(name, stat.st_size, int(stat.st_mtime)) for name, stat in stats]
        # without times: keys that come from a card may be written at every start
        trusted = [(p.name, p.read_bytes()) for p in sorted(keys.glob("*.pub")) if p.is_file()]
        return hashlib.sha256(repr((sources, trusted)).encode()).hexdigest()


def with_signature(bundle: Path) -> UpdateSource:
    """A bundle and the signature beside it, under the name that minisign gives it."""
    return UpdateSource(bundle, bundle.with_name(f"{bundle.name}.minisig"))


@dataclass(frozen=True, slots=True)
class UpdateCandidate:
    """What is tested before an update is switched to: the new release, and what it would run with."""

    application: Path
    models: Path | None
    """None: the application's own models."""


SelfTest = Callable[[UpdateCandidate], None]
"""Raises UpdateError if the candidate fails."""


def install(source: UpdateSource, store: ReleaseStore, keys: list[PublicKey], self_test: SelfTest) -> Release:
    """Check, unpack and test an update, and put it on trial.

    Args:
        source: the update.
        store: where to install it.
        keys: the trusted keys.
        self_test: tests it before the switch.

    Returns:
        The release that is on trial now.

    Raises:
        MaskgateError: why it is not installed. What was in force stays in force.
    """
    if (trial := store.trial) is not None:
        raise UpdateError(f"{trial.kind} {trial.version} is on trial: only one update at a time")
    store.collect()
    store.disk.make(store.staging)
    try:
        release = _staged(source, store, keys)
        tree = store.releases / release.name
        store.disk.remove(tree)  # it may be left from before, unusable since an upgrade of Python
        store.disk.rename(store.staging / "tree", tree)
        if release.kind == "application":
            self_test(UpdateCandidate(tree, store.models(tree)))
        else:
            self_test(UpdateCandidate(store.application(), tree))
        store.start_trial(release, over_mqtt=source.over_mqtt)
    except MaskgateError:
        store.collect()
        raise
    except OSError as e:
        store.collect()
        raise UpdateError(f"{store.folder}: can't be written: {e.strerror or e}") from e
    store.disk.remove(store.staging)
    return release


def reason_to_skip(bundle: Path, store: ReleaseStore) -> str:
    """Why a bundle on the boot partition need not be installed; empty if it must be tried.

    The signature is not checked here: a forged bundle can only achieve that nothing is done.

    Raises:
        UpdateError: it is not a bundle.
    """
    with open_plain(bundle, SIZE_MAX) as file:
        release = read_manifest(file, bundle.name).release
    if why := store.state.given_up.get(release.name):
        return f"{release.title} was taken back before: {why}"
    try:
        release.require_newer(store.version_in_use(release.kind))
    except UpdateError as e:
        return str(e)
    return ""


def _staged(source: UpdateSource, store: ReleaseStore, keys: list[PublicKey]) -> Release:
    """Unpack a bundle into ``staging/tree``, and wait until that is on the disk.

    Another user may write to the bundle all the time. So it is copied first, and only the copy is checked and
    read.
    """
    what, private = source.bundle.name, store.staging / "bundle"
    free = shutil.disk_usage(store.folder).free
    with open_plain(source.bundle, SIZE_MAX) as bundle:
        size = os.fstat(bundle.fileno()).st_size
        if free < size + _SPARE:
            raise UpdateError(f"{store.folder}: {free / 1e6:.0f} MB are free: there is no room for {what}")
        digest = _copy(bundle, size, private, store.disk)
    signature = parse_signature(read_small(source.signature, SIGNATURE_MAX), source.signature.name)
    verify(digest, signature, keys, what)
    with private.open("rb") as bundle:
        manifest = read_manifest(bundle, what)
        _require_wanted(manifest.release, source, store)
        _require_room(manifest, size, free, store.folder)
        bundle.seek(0)
        unpack(bundle, store.staging / "tree", store.disk, what)
    _compile(store.staging / "tree", store.releases / manifest.release.name)
    store.disk.sync()
    store.disk.make(store.releases)
    return manifest.release


def _compile(tree: Path, place: Path) -> None:
    """Compile to byte code, as the package's installation does. The services have no right to write it."""
    compileall.compile_dir(
        tree, quiet=2, maxlevels=99, stripdir=str(tree), prependdir=str(place),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )  # fmt: skip


def _require_wanted(release: Release, source: UpdateSource, store: ReleaseStore) -> None:
    if source.wanted not in (None, release.version):
        raise UpdateError(f"{source.wanted} was requested, but {source.bundle.name} holds {release.title}")
    release.require_fit()
    release.require_newer(store.version_in_use(release.kind))


def _require_room(manifest: Manifest, bundle_size: int, free: int, folder: Path) -> None:
    needed = bundle_size + manifest.size + _PER_FILE * len(manifest.files) + _SPARE
    if free < needed:
        raise UpdateError(
            f"{folder}: {manifest.release.title} needs {needed / 1e6:.0f} MB there, "
            f"{free / 1e6:.0f} MB are free"
        )


def _copy(bundle: BinaryIO, size: int, to: Path, disk: UpdateDisk) -> bytes:
    """Copy at most ``size`` bytes; returns the BLAKE2b-512 of what was copied."""
    digest, left = hashlib.blake2b(), size
    with disk.create(to) as out:
        while block := bundle.read(min(_BLOCK, left)):
            left -= len(block)
            digest.update(block)
            out.write(block)
    return digest.digest()
