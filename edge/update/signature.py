"""Signatures as ``minisign -S`` makes them, checked with the machine's own ``openssl``.

Format: https://jedisct1.github.io/minisign/. The file's BLAKE2b-512 is signed ("ED", prehashed), and the
signature with the trusted comment once more. The program openssl and no Python library: Debian keeps it
mended, and neither the package nor the running service carries anything for it.
"""

import base64
import binascii
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from edge.errors import UpdateError

SIGNATURE_MAX = 4096
"""Bytes of a ``.minisig`` file; it has about 300."""
_COMMENT = "trusted comment: "
_DER = bytes.fromhex("302a300506032b6570032100")
"""What stands before an Ed25519 public key of 32 bytes in a SubjectPublicKeyInfo."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key whose signatures are believed."""

    path: Path
    id: bytes
    """8 bytes."""
    key: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The content of a ``.minisig`` file."""

    id: bytes
    """Of the key."""
    signature: bytes
    """64 bytes, over the file's BLAKE2b-512."""
    comment: str
    comment_signature: bytes
    """64 bytes, over signature and comment."""


def load_keys(folder: Path) -> list[PublicKey]:
    """The keys that this machine believes.

    Raises:
        UpdateError: there is none, one is not valid, or somebody else than root could have put it there.
    """
    paths = sorted(folder.glob("*.pub"))
    if not paths:
        raise UpdateError(
            f"{folder}: no key (*.pub) there, so no update can be believed. Put the public key of those who "
            "sign your bundles there, as minisign -G made it"
        )
    try:
        for path in [folder, *paths]:
            found = path.stat()
            if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
                raise UpdateError(f"{path}: others than root may write it: chown root, chmod go-w")
        return [_load_key(path) for path in paths]
    except OSError as e:
        raise UpdateError(f"{e.filename}: can't be read: {e.strerror}") from e


def _load_key(path: Path) -> PublicKey:
    try:
        content = _decoded(path.read_text(encoding="utf-8").splitlines()[1], 42)
    except (IndexError, ValueError) as e:
        raise UpdateError(f"{path}: is no public key of minisign") from e
    if content[:2] != b"Ed":
        raise UpdateError(f"{path}: is no Ed25519 key of minisign")
    return PublicKey(path, content[2:10], content[10:])


def parse_signature(text: bytes, what: str) -> Signature:
    """Read a signature.

    Args:
        text: of the ``.minisig`` file.
        what: its name, for the message.

    Raises:
        UpdateError: it is none, or of the older kind that is not prehashed.
    """
    try:
        untrusted, first, comment, second, *more = text[:SIGNATURE_MAX].decode("utf-8").splitlines()
        content, comment_signature = _decoded(first, 74), _decoded(second, 64)
        well = untrusted.startswith("untrusted comment: ") and comment.startswith(_COMMENT) and not any(more)
    except ValueError as e:
        raise UpdateError(f"{what}: is no signature of minisign") from e
    if not well or content[:2] not in (b"ED", b"Ed"):
        raise UpdateError(f"{what}: is no signature of minisign")
    if content[:2] == b"Ed":
        raise UpdateError(f"{what}: is a signature of the older kind; sign with minisign -S, without -l")
    return Signature(content[2:10], content[10:], comment.removeprefix(_COMMENT), comment_signature)


def verify(digest: bytes, signature: Signature, keys: Sequence[PublicKey], what: str) -> str:
    """Check that one of our keys has signed a file, and the trusted comment.

    Args:
        digest: BLAKE2b-512 of the file's bytes.
        signature: what was beside it.
        keys: that are believed.
        what: the file's name, for the message.

    Returns:
        The trusted comment.

    Raises:
        UpdateError: none of them has; or openssl is missing.
    """
    mine = [key for key in keys if key.id == signature.id]
    if not mine:
        known = ", ".join(f"{k.path.name} ({_shown(k.id)})" for k in keys)
        raise UpdateError(f"{what}: signed with key {_shown(signature.id)}, believed is only: {known}")
    comment = signature.signature + signature.comment.encode()
    for key in mine:
        if _signed(digest, signature.signature, key) and _signed(comment, signature.comment_signature, key):
            return signature.comment
    raise UpdateError(f"{what}: its signature does not fit: the file or the signature was changed")


def digest_of(file: BinaryIO) -> bytes:
    """BLAKE2b-512 of all that is read from a file."""
    digest = hashlib.blake2b()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.digest()


def _signed(message: bytes, signature: bytes, key: PublicKey) -> bool:
    program = shutil.which("openssl")
    if program is None:
        raise UpdateError("openssl is missing, so no signature can be checked: apt install openssl")
    with tempfile.TemporaryDirectory(prefix="maskgate-") as folder:
        names = {"key": _DER + key.key, "message": message, "signature": signature}
        key_file, message_file, signature_file = (Path(folder) / name for name in names)
        for name, content in names.items():
            (Path(folder) / name).write_bytes(content)
        done = subprocess.run(  # noqa: S603  all ours
            [
                program, "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key_file, "-rawin",
                "-in", message_file, "-sigfile", signature_file,
            ],
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    return done.returncode == 0 and "Signature Verified Successfully" in done.stdout


def _decoded(line: str, length: int) -> bytes:
    try:
        content = base64.b64decode(line, validate=True)
    except binascii.Error as e:
        raise ValueError(str(e)) from e
    if len(content) != length:
        raise ValueError(f"{len(content)} bytes")
    return content


def _shown(key_id: bytes) -> str:
    """As minisign prints it."""
    return key_id[::-1].hex().upper()
