"""From a bundle to a release on trial. Until the last step nothing that runs is touched."""

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

from edge.errors import UpdateError
from edge.releases.disk import Disk, open_plain
from edge.releases.release import Manifest, Release
from edge.releases.store import ReleaseStore
from edge.update.bundle import SIZE_MAX, read_manifest, unpack
from edge.update.signature import SIGNATURE_MAX, PublicKey, digest_of, parse_signature, verify

_log = logging.getLogger(__name__)
_SPARE = 64_000_000
"""Bytes that stay free for all others."""
_PER_FILE = 4096
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class UpdateSource:
    """Where an update comes from."""

    bundle: Path
    signature: Path
    wanted: str | None = None
    """The version that was asked for; None: whatever it is."""
    over_mqtt: bool = False

    def mark(self, keys: Path) -> str:
        """What it is known by: another one comes of another name, signature or key in that folder."""
        stats = [(p.name, p.lstat()) for p in (self.bundle, self.signature) if os.path.lexists(p)]
        told = [(name, stat.st_size, int(stat.st_mtime)) for name, stat in stats]
        # not their times: those that a card gives may be written at every start
        believed = [(p.name, p.read_bytes()) for p in sorted(keys.glob("*.pub")) if p.is_file()]
        return hashlib.sha256(repr((told, believed)).encode()).hexdigest()


def beside(bundle: Path) -> UpdateSource:
    """A bundle and the signature next to it, as minisign names it."""
    return UpdateSource(bundle, bundle.with_name(f"{bundle.name}.minisig"))


@dataclass(frozen=True, slots=True)
class Proof:
    """What a release is tried with before it is switched to."""

    application: Path
    models: Path | None
    """None: the application's own."""


Prove = Callable[[Proof], None]
"""Raises UpdateError where it fails."""


def install(source: UpdateSource, store: ReleaseStore, keys: list[PublicKey], prove: Prove) -> Release:
    """Check, unpack, prove, and put on trial; returns what.

    Raises:
        UpdateError: why not; what was in force stays so.
    """
    if (trial := store.trial) is not None:
        raise UpdateError(f"{trial.kind} {trial.version} is on trial: one at a time")
    store.collect()
    store.disk.make(store.staging)
    try:
        release = _staged(source, store, keys)
        tree = store.releases / release.name
        store.disk.remove(tree)  # one that is named but can't be used, as after an upgrade of Python
        store.disk.rename(store.staging / "tree", tree)
        if release.kind == "application":
            prove(Proof(tree, store.models(tree)))
        else:
            prove(Proof(store.application(), tree))
        store.begin(release, over_mqtt=source.over_mqtt)
    except UpdateError:
        store.collect()
        raise
    except OSError as e:
        store.collect()
        raise UpdateError(f"{store.kept}: can't be written: {e.strerror or e}") from e
    store.disk.remove(store.staging)
    return release


def needless(bundle: Path, store: ReleaseStore) -> str:
    """Why a bundle that lies about need not be looked at more closely; empty: it must be.

    Its signature is not checked: whoever forged it gains that nothing is done.

    Raises:
        UpdateError: it is no bundle.
    """
    with open_plain(bundle, SIZE_MAX) as file:
        release = read_manifest(file, bundle.name).release
    if why := store.state.given_up.get(release.name):
        return f"{release.title} was given up before: {why}"
    try:
        release.require_newer(store.used(release.kind))
    except UpdateError as e:
        return str(e)
    return ""


def _staged(source: UpdateSource, store: ReleaseStore, keys: list[PublicKey]) -> Release:
    """Unpacked in ``staging/tree``, and sure to last."""
    what, own = source.bundle.name, store.staging / "bundle"
    with open_plain(source.bundle, SIZE_MAX) as bundle:
        digest = digest_of(bundle)
        with open_plain(source.signature, SIGNATURE_MAX) as signature:
            verify(digest, parse_signature(signature.read(), source.signature.name), keys, what)
        bundle.seek(0)
        manifest = read_manifest(bundle, what)
        _require_wanted(manifest, source, store)
        bundle.seek(0)
        _copy(bundle, own, digest, store.disk, what)  # where nobody can change it after the check
    with own.open("rb") as bundle:
        unpack(bundle, store.staging / "tree", store.disk, what)
    _compile(store.staging / "tree", store.releases / manifest.release.name)
    store.disk.sync()
    store.disk.make(store.releases)
    return manifest.release


def _compile(tree: Path, place: Path) -> None:
    """Byte code, as the package's installation makes it: the services may not write it themselves."""
    compileall.compile_dir(
        tree, quiet=2, maxlevels=99, stripdir=str(tree), prependdir=str(place),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )  # fmt: skip


def _require_wanted(manifest: Manifest, source: UpdateSource, store: ReleaseStore) -> None:
    release = manifest.release
    if source.wanted not in (None, release.version):
        raise UpdateError(f"{source.wanted} was asked for, but {source.bundle.name} holds {release.title}")
    release.require_fit()
    release.require_newer(store.used(release.kind))
    free = shutil.disk_usage(store.kept).free
    needs = source.bundle.stat().st_size + manifest.size + _PER_FILE * len(manifest.files) + _SPARE
    if free < needs:
        raise UpdateError(
            f"{store.kept}: {release.title} needs {needs / 1e6:.0f} MB there, {free / 1e6:.0f} MB are free"
        )


def _copy(bundle: BinaryIO, to: Path, digest: bytes, disk: Disk, what: str) -> None:
    found = hashlib.blake2b()
    with disk.create(to) as out:
        while block := bundle.read(_BLOCK):
            found.update(block)
            out.write(block)
    if found.digest() != digest:
        raise UpdateError(f"{what}: was changed while it was read")
