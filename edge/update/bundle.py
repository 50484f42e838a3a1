"""One file that holds a release: ``maskgate-<kind>-<version>[-<arch>].bundle``, an xz-compressed tar.

First its manifest, then exactly the files that the manifest lists, in its order: nothing but plain files,
each of its size and hash. Modes, owners and times say nothing. The same tree gives the same bytes.
"""

import hashlib
import io
import lzma
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import ValidationError

from edge.errors import UpdateError, UsageError
from edge.releases.disk import Disk
from edge.releases.release import Manifest, Release, ReleaseFile, first_mistake, read_release

SIZE_MAX = 400_000_000
"""Bytes of a bundle; an application has about 50 million."""
Preset = Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
"""Of xz: 0 is quick, 9 small, but then the device needs 65 MB of memory for it."""
_MANIFEST = "manifest.json"
_MANIFEST_MAX = 16_000_000
_BLOCK = 1 << 20


def file_name(release: Release) -> str:
    """Of a release's bundle."""
    return "-".join(filter(None, ["maskgate", release.kind, release.version, release.arch])) + ".bundle"


def pack(tree: Path, out: Path, *, preset: Preset = 6) -> Path:
    """Make a bundle of a tree that has a ``release.json``.

    Args:
        tree: the folder.
        out: where to put it.
        preset: how much effort.

    Returns:
        The bundle's path.

    Raises:
        UpdateError: the tree has no release.json, or holds links.
        UsageError: it can't be written there.
    """
    release = read_release(tree)
    paths = sorted(p for p in tree.rglob("*") if p.is_symlink() or not p.is_dir())
    links = [p for p in paths if p.is_symlink() or not p.is_file()]
    if links:
        raise UpdateError(f"{links[0]}: is no plain file; a bundle holds nothing else")
    files = {
        p.relative_to(tree).as_posix(): ReleaseFile(
            size=p.stat().st_size, sha256=hashlib.sha256(p.read_bytes()).hexdigest()
        )
        for p in paths
    }
    manifest = Manifest(release=release, files=files).model_dump_json().encode()
    bundle = out / file_name(release)
    part = bundle.with_name(f"{bundle.name}.part")
    try:
        with tarfile.open(part, "w:xz", format=tarfile.GNU_FORMAT, preset=preset) as tar:
            tar.addfile(_member(_MANIFEST, len(manifest)), io.BytesIO(manifest))
            for name, file in files.items():
                with (tree / name).open("rb") as content:
                    tar.addfile(_member(name, file.size), content)
        bundle.with_name(f"{bundle.name}.minisig").unlink(missing_ok=True)  # of what was there before
        part.replace(bundle)
    except OSError as e:
        raise UsageError(f"{e.filename or bundle}: {e.strerror}; no bundle was made. Is --out right?") from e
    finally:
        if part.exists():
            part.unlink()
    return bundle


def read_manifest(bundle: BinaryIO, what: str) -> Manifest:
    """The manifest alone, whoever wrote it.

    Args:
        bundle: its bytes.
        what: its name, for the message.

    Raises:
        UpdateError: it is damaged, or no bundle.
    """
    with _opened(bundle, what) as tar:
        return _manifest(tar, what)


def unpack(bundle: BinaryIO, tree: Path, disk: Disk, what: str) -> None:
    """Write all files of a bundle into a new folder; they last after ``disk.sync``.

    Args:
        bundle: its bytes: its signature was checked.
        tree: the new folder.
        disk: writes.
        what: the bundle's name, for the message.

    Raises:
        UpdateError: it holds something else than its manifest says.
    """
    with _opened(bundle, what) as tar:
        manifest = _manifest(tar, what)
        disk.make(tree)
        for name, file in manifest.files.items():
            member = tar.next()
            if member is None or member.name != name or not member.isreg() or member.size != file.size:
                found = "its end" if member is None else f"{member.name}, {member.size} bytes"
                raise UpdateError(f"{what}: should hold {name}, {file.size} bytes, here; found {found}")
            disk.make((tree / name).parent)
            with disk.create(tree / name) as out:
                if _copied(tar, member, out) != file.sha256:
                    raise UpdateError(f"{what}: {name} is not the file that the manifest names")
        if tar.next() is not None:
            raise UpdateError(f"{what}: holds more than its manifest lists")
    if read_release(tree) != manifest.release:
        raise UpdateError(f"{what}: its release.json is not that of its manifest")


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    return member


@contextmanager
def _opened(bundle: BinaryIO, what: str) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(fileobj=bundle, mode="r|xz") as tar:
            yield tar
    except (tarfile.TarError, lzma.LZMAError, EOFError) as e:
        raise UpdateError(f"{what}: is no bundle, or a damaged one: {e}") from e


def _manifest(tar: tarfile.TarFile, what: str) -> Manifest:
    member = tar.next()
    file = None if member is None or member.size > _MANIFEST_MAX else tar.extractfile(member)
    if member is None or member.name != _MANIFEST or file is None:
        raise UpdateError(f"{what}: is no bundle of maskgate: it does not begin with its {_MANIFEST}")
    try:
        return Manifest.model_validate_json(file.read())
    except ValidationError as e:
        raise UpdateError(f"{what}: {_MANIFEST}: {first_mistake(e)}") from e


def _copied(tar: tarfile.TarFile, member: tarfile.TarInfo, out: BinaryIO) -> str:
    """The SHA-256 of what was copied."""
    content, digest = tar.extractfile(member), hashlib.sha256()
    while content is not None and (block := content.read(_BLOCK)):
        digest.update(block)
        out.write(block)
    return digest.hexdigest()
