"""The file format of a release: ``maskgate-<kind>-<version>[-<arch>].bundle``, an xz-compressed tar.

It holds its manifest, and then exactly the files that the manifest lists, in that order. They are regular
files of the listed size and hash. Modes, owners and times are ignored. The same tree always gives the same
bytes.
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
from edge.releases.release import Manifest, Release, ReleaseFile, first_mistake, read_release
from edge.releases.update_disk import UpdateDisk

SIZE_MAX = 400_000_000
"""Bytes that a bundle may have. An application has about 50 million."""
Preset = Literal[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
"""xz's effort: 0 is fast; 9 gives the smallest file, which takes 65 MB of memory to unpack."""
_MANIFEST = "manifest.json"
_MANIFEST_MAX = 16_000_000
_MEMORY_MAX = 100_000_000
"""Bytes that xz may use to unpack a bundle that is not checked yet. Preset 9 needs 65 million."""
_HEADER = tarfile.BLOCKSIZE
_BLOCK = 1 << 20


def file_name(release: Release) -> str:
    """The name of a release's bundle."""
    return "-".join(filter(None, ["maskgate", release.kind, release.version, release.arch])) + ".bundle"


def pack(tree: Path, out: Path, *, preset: Preset = 6) -> Path:
    """Make a bundle of a tree that has a ``release.json``.

    Args:
        tree: the folder.
        out: the folder for the bundle.
        preset: xz's effort.

    Returns:
        The bundle's path.

    Raises:
        UpdateError: the tree has no release.json, or it holds a link or a special file.
        UsageError: the bundle can't be written.
    """
    release = read_release(tree)
    paths = sorted(p for p in tree.rglob("*") if p.is_symlink() or not p.is_dir())
    special = [p for p in paths if p.is_symlink() or not p.is_file()]
    if special:
        raise UpdateError(f"{special[0]}: is not a regular file, and a bundle can hold nothing else")
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
        bundle.with_name(f"{bundle.name}.minisig").unlink(
            missing_ok=True
        )  # it belongs to the bundle that is replaced
        part.replace(bundle)
    except OSError as e:
        raise UsageError(f"{e.filename or bundle}: {e.strerror}; no bundle was made. Is --out right?") from e
    finally:
        if part.exists():
            part.unlink()
    return bundle


def read_manifest(bundle: BinaryIO, what: str) -> Manifest:
    """Read the manifest alone. It is not trusted until the bundle's signature has been checked.

    Because a bundle may be read before that, at most ``_MANIFEST_MAX`` bytes are unpacked, in bounded memory.

    Args:
        bundle: the bundle's bytes.
        what: the bundle's name, for messages.

    Raises:
        UpdateError: it is damaged, or not a bundle.
    """
    try:
        start = _unpacked_start(bundle)
        member = tarfile.TarInfo.frombuf(start[:_HEADER], "utf-8", "strict")
    except (tarfile.TarError, lzma.LZMAError, EOFError, ValueError) as e:
        raise UpdateError(f"{what}: is damaged, or not a bundle: {e}") from e
    content = start[_HEADER : _HEADER + member.size]
    if member.name != _MANIFEST or not member.isreg() or len(content) != member.size:
        raise UpdateError(f"{what}: is not a bundle of maskgate: it does not start with {_MANIFEST}")
    return _parsed(content, what)


def _unpacked_start(bundle: BinaryIO) -> bytes:
    """The first member of the tar: its header and its content, if that is not above ``_MANIFEST_MAX``."""
    decoder, start, wanted = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_MAX), b"", _HEADER
    packed: bytes = b""
    while len(start) < wanted and not decoder.eof:
        if decoder.needs_input and not (packed := bundle.read(_BLOCK)):
            raise EOFError("it is cut short")
        start += decoder.decompress(packed if decoder.needs_input else b"", wanted - len(start))
        if len(start) == wanted == _HEADER:
            wanted += min(tarfile.TarInfo.frombuf(start, "utf-8", "strict").size, _MANIFEST_MAX)
    return start


def unpack(bundle: BinaryIO, tree: Path, disk: UpdateDisk, what: str) -> None:
    """Write all files of a bundle into a new folder. They are safe on the disk only after ``disk.sync``.

    Args:
        bundle: the bundle's bytes, whose signature was checked.
        tree: the new folder.
        disk: makes the changes.
        what: the bundle's name, for messages.

    Raises:
        UpdateError: it does not hold what its manifest lists.
    """
    with _opened(bundle, what) as tar:
        manifest = _manifest(tar, what)
        disk.make(tree)
        for name, file in manifest.files.items():
            member = tar.next()
            if member is None or member.name != name or not member.isreg() or member.size != file.size:
                found = "its end" if member is None else f"{member.name}, {member.size} bytes"
                raise UpdateError(f"{what}: expected {name}, {file.size} bytes, next; found {found}")
            disk.make((tree / name).parent)
            with disk.create(tree / name) as out:
                if _copy(tar, member, out) != file.sha256:
                    raise UpdateError(f"{what}: {name} is not the file that the manifest lists")
        if tar.next() is not None:
            raise UpdateError(f"{what}: holds more than its manifest lists")
    if read_release(tree) != manifest.release:
        raise UpdateError(f"{what}: its release.json differs from its manifest")


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
        raise UpdateError(f"{what}: is damaged, or not a bundle: {e}") from e


def _manifest(tar: tarfile.TarFile, what: str) -> Manifest:
    member = tar.next()
    file = None if member is None or member.size > _MANIFEST_MAX else tar.extractfile(member)
    if member is None or member.name != _MANIFEST or file is None:
        raise UpdateError(f"{what}: is not a bundle of maskgate: it does not start with {_MANIFEST}")
    return _parsed(file.read(), what)


def _parsed(manifest: bytes, what: str) -> Manifest:
    try:
        return Manifest.model_validate_json(manifest)
    except ValidationError as e:
        raise UpdateError(f"{what}: {_MANIFEST}: {first_mistake(e)}") from e


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, out: BinaryIO) -> str:
    """Copy a file out of the tar; returns its SHA-256 in hexadecimal."""
    content, digest = tar.extractfile(member), hashlib.sha256()
    while content is not None and (block := content.read(_BLOCK)):
        digest.update(block)
        out.write(block)
    return digest.hexdigest()
