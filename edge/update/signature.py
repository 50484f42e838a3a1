"""Checks signatures that ``minisign -S`` made, by means of the machine's ``openssl``.

Format: https://jedisct1.github.io/minisign/. Ed25519 signs the file's BLAKE2b-512 ("ED", prehashed), and once
more that signature together with the trusted comment.

Why not ``minisign -V``: a stock Raspberry Pi OS has no minisign, and the package must install without a
network (edge/provision). openssl is on each of them, because ca-certificates depends on it, and Debian
maintains it. Only the two text formats are read here; Ed25519 and BLAKE2b are openssl's and Python's. The
tests compare the result with the real minisign.
"""

import base64
import binascii
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import UpdateError
from edge.files import NotPlainError, TooLongError, read_plain
from edge.programs import run

SIGNATURE_MAX = 4096
"""Bytes that a ``.minisig`` file may have. minisign writes about 300."""
_KEY_MAX = 4096
"""Bytes that a ``.pub`` file may have. minisign writes about 110."""
_TIMEOUT_S = 60.0
"""Seconds that openssl may take; on a slow board it takes a fraction of one."""
_COMMENT = "trusted comment: "
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_DER = bytes.fromhex("302a300506032b6570032100")
"""What precedes an Ed25519 public key of 32 bytes in a SubjectPublicKeyInfo (RFC 8410)."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key whose signatures this machine trusts."""

    path: Path
    id: bytes
    """8 bytes."""
    key: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The content of a ``.minisig`` file."""

    key_id: bytes
    """8 bytes: the id of the key that signed."""
    signature: bytes
    """64 bytes, over the file's BLAKE2b-512."""
    comment: str
    """The trusted comment."""
    comment_signature: bytes
    """64 bytes, over the signature and the trusted comment."""


def load_keys(folder: Path) -> list[PublicKey]:
    """Read the keys that this machine trusts.

    Args:
        folder: root's folder of ``*.pub`` files.

    Raises:
        UpdateError: there is no key, one is not valid, or another user than root could have put it there.
    """
    paths = sorted(folder.glob("*.pub"))
    if not paths:
        raise UpdateError(
            f"{folder}: no key (*.pub) there, so no update can be trusted. Put the public key of the people "
            "who sign your bundles there, as minisign -G made it"
        )
    try:
        for path in [folder, *paths]:
            status = path.stat()
            if status.st_uid not in (0, os.geteuid()) or status.st_mode & 0o022:
                raise UpdateError(f"{path}: other users than root can write it: chown root, chmod go-w")
        return [_load_key(path) for path in paths]
    except OSError as e:
        raise UpdateError(f"{e.filename}: can't be read: {e.strerror}") from e


def _load_key(path: Path) -> PublicKey:
    try:
        content = _decode(read_plain(path, _KEY_MAX, follow=True).decode("utf-8").splitlines()[1], 42)
    except (IndexError, ValueError, NotPlainError, TooLongError) as e:
        raise UpdateError(f"{path}: is not a public key of minisign") from e
    if content[:2] != b"Ed":
        raise UpdateError(f"{path}: is not an Ed25519 key of minisign")
    return PublicKey(path, content[2:10], content[10:])


def parse_signature(text: bytes, what: str) -> Signature:
    """Read a signature.

    Args:
        text: the content of the ``.minisig`` file.
        what: the file's name, for messages.

    Raises:
        UpdateError: it is not a signature, or of the older kind that is not prehashed.
    """
    try:
        lines = text[:SIGNATURE_MAX].decode("utf-8").replace("\r\n", "\n")
        untrusted, first, comment, second, *more = lines.split("\n")
        content, comment_signature = _decode(first, 74), _decode(second, 64)
    except ValueError as e:
        raise UpdateError(f"{what}: is not a signature of minisign") from e
    complete = untrusted.startswith("untrusted comment: ") and comment.startswith(_COMMENT) and not any(more)
    complete = complete and not _CONTROL.search(untrusted + comment)
    if not complete or content[:2] not in (b"ED", b"Ed"):
        raise UpdateError(f"{what}: is not a signature of minisign")
    if content[:2] == b"Ed":
        raise UpdateError(f"{what}: is a signature of the older kind; sign with minisign -S, without -l")
    return Signature(content[2:10], content[10:], comment.removeprefix(_COMMENT), comment_signature)


def verify(digest: bytes, signature: Signature, keys: Sequence[PublicKey], what: str) -> str:
    """Check that a trusted key signed a file and the trusted comment.

    Args:
        digest: the BLAKE2b-512 of the file's bytes, 64 bytes.
        signature: the signature that lay beside the file.
        keys: the trusted keys.
        what: the file's name, for messages.

    Returns:
        The trusted comment.

    Raises:
        UpdateError: no trusted key signed it.
        ProgramError: openssl is missing or can't be run.
    """
    candidates = [key for key in keys if key.id == signature.key_id]
    if not candidates:
        trusted = ", ".join(f"{key.path.name} ({_hex(key.id)})" for key in keys)
        raise UpdateError(f"{what}: signed with key {_hex(signature.key_id)}; trusted keys: {trusted}")
    comment = signature.signature + signature.comment.encode()
    for key in candidates:
        if _signed(digest, signature.signature, key) and _signed(comment, signature.comment_signature, key):
            return signature.comment
    raise UpdateError(f"{what}: its signature is not valid: the file or the signature was changed")


def _signed(message: bytes, signature: bytes, key: PublicKey) -> bool:
    with tempfile.TemporaryDirectory(prefix="maskgate-") as folder:
        contents = {"key": _DER + key.key, "message": message, "signature": signature}
        key_file, message_file, signature_file = (Path(folder) / name for name in contents)
        for name, content in contents.items():
            (Path(folder) / name).write_bytes(content)
        done = run(
            "openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key_file, "-rawin",
            "-in", message_file, "-sigfile", signature_file, timeout_s=_TIMEOUT_S, check=False,
        )  # fmt: skip
    return done.code == 0 and "Signature Verified Successfully" in done.text


def _decode(line: str, length: int) -> bytes:
    """Decode base64; raises ValueError if it is not valid, or not of this many bytes."""
    try:
        content = base64.b64decode(line, validate=True)
    except binascii.Error as e:
        raise ValueError(str(e)) from e
    if len(content) != length:
        raise ValueError(f"{len(content)} bytes")
    return content


def _hex(key_id: bytes) -> str:
    """A key's id as minisign prints it."""
    return key_id[::-1].hex().upper()
