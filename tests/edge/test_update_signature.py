"""Signatures: what the real minisign signs is trusted, and any change is refused as minisign refuses it."""

import base64
import hashlib
import os
import random
import shutil
from pathlib import Path

import pytest
from releases import (
    Key,
    make_key,
    minisign,
)

from edge.errors import UpdateError
from edge.update.signature import load_keys, parse_signature, verify


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("other"), "other")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "some.bundle"
    path.write_bytes(os.urandom(3000))
    return path


def check(file: Path, keys: Path, signature: Path | None = None) -> str:
    """Check a file as a device does; returns the trusted comment."""
    signature = signature or file.with_name(f"{file.name}.minisig")
    digest = hashlib.blake2b(file.read_bytes()).digest()
    return verify(digest, parse_signature(signature.read_bytes(), signature.name), load_keys(keys), file.name)


def test_what_minisign_signed_is_trusted(file: Path, ops: Key, other: Key) -> None:
    ops.sign(file, "-t", "version 1, für alle")
    assert check(file, ops.public.parent) == "version 1, für alle"
    with pytest.raises(UpdateError, match=r"some.bundle: signed with key [0-9A-F]{16}; trusted keys: oth"):
        check(file, other.public.parent)


def test_one_of_several_keys_is_enough(file: Path, ops: Key, other: Key, tmp_path: Path) -> None:
    for key in (ops, other):
        shutil.copy(key.public, tmp_path)
    other.sign(file)
    check(file, tmp_path)
    (tmp_path / "other.pub").unlink()  # revoked
    with pytest.raises(UpdateError, match=r"trusted keys: ops\.pub"):
        check(file, tmp_path)


@pytest.mark.slow
def test_any_change_is_refused_as_minisign_refuses_it(file: Path, ops: Key) -> None:
    """Changes bytes of the decoded signatures, of the comment, and of the file."""
    signature = ops.sign(file, "-t", "version 1")
    untrusted, first, comment, second = signature.read_text().splitlines()
    whole = (base64.b64decode(first), comment.encode(), base64.b64decode(second))
    changed = signature.with_name("changed.minisig")
    places = [(part, n) for part, step in ((0, 1), (1, 5), (2, 9)) for n in range(0, len(whole[part]), step)]
    for part, n in places:
        parts = [bytearray(p) for p in whole]
        parts[part][n] ^= 1
        lines = [untrusted, base64.b64encode(parts[0]).decode(), parts[1].decode(errors="replace")]
        changed.write_text("\n".join([*lines, base64.b64encode(parts[2]).decode(), ""]))
        with pytest.raises(UpdateError):
            check(file, ops.public.parent, changed)
        assert n % 8 or minisign("-V", "-p", ops.public, "-m", file, "-x", changed, check=False) != 0
    content = bytearray(file.read_bytes())
    content[1234] ^= 1
    file.write_bytes(content)
    with pytest.raises(UpdateError, match="is not valid: the file or the signature was changed"):
        check(file, ops.public.parent)
    assert minisign("-V", "-p", ops.public, "-m", file, check=False) != 0


def mangled(dice: random.Random, text: bytes) -> bytes:
    """A signature file with one to three changes: bytes, lines, ends of lines, encodings, blanks."""
    lines = text.split(b"\n")
    for _ in range(dice.randint(1, 3)):
        n = dice.randrange(len(lines))
        line = lines[n]
        at = dice.randrange(len(line) + 1)
        inserted = dice.choice([b" ", b"\r", b"\t", b"=", b"\0", b"\xc2\x85"])
        lines[n : n + 1] = dice.choice(
            [
                [line[:at] + bytes([dice.randrange(256)]) + line[at + 1 :]],
                [line[:at] + line[at + 1 :]],
                [line[:at] + inserted + line[at:]],
                [line, line],
                [],
                [line + b"\r"],
                [line[:at], line[at:]],
                [line, b""],
            ]
        )
        lines = lines or [b""]
    return b"\n".join(lines)


@pytest.mark.slow
def test_no_file_is_trusted_that_minisign_refuses(file: Path, ops: Key) -> None:
    """Reads like minisign, or more strictly: 800 mangled signatures of a seeded generator."""
    dice, whole = random.Random(13), ops.sign(file, "-t", "version 1").read_bytes()
    keys, digest = load_keys(ops.public.parent), hashlib.blake2b(file.read_bytes()).digest()
    changed, trusted = file.with_name("changed.minisig"), 0
    for _ in range(800):
        text = mangled(dice, whole)
        try:
            signature = parse_signature(text, changed.name)
            if not any(key.id == signature.key_id for key in keys):
                continue
            verify(digest, signature, keys, file.name)
        except UpdateError:
            continue
        trusted += 1
        changed.write_bytes(text)
        assert minisign("-V", "-p", ops.public, "-m", file, "-x", changed, check=False) == 0, text
    assert trusted  # a change of the untrusted comment, for one


def test_the_signature_of_another_file_is_refused(file: Path, ops: Key, tmp_path: Path) -> None:
    another = tmp_path / "another"
    another.write_bytes(b"another")
    with pytest.raises(UpdateError, match="is not valid"):
        check(file, ops.public.parent, ops.sign(another))


def test_the_older_kind_of_signature_is_refused(file: Path, ops: Key) -> None:
    with pytest.raises(UpdateError, match="older kind; sign with minisign -S, without -l"):
        check(file, ops.public.parent, ops.sign(file, "-l"))


@pytest.mark.parametrize("text", [b"", b"\xff" * 300, b"a\nb\nc\nd\n", b"\n" * 5000])
def test_a_file_that_is_not_a_signature_is_named(text: bytes) -> None:
    with pytest.raises(UpdateError, match=r"x.minisig: is not a signature of minisign"):
        parse_signature(text, "x.minisig")


def test_without_a_key_nothing_is_trusted(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match=r"no key \(\*.pub\) there, so no update can be trusted"):
        load_keys(tmp_path)


@pytest.fixture
def keys(ops: Key, tmp_path: Path) -> Path:
    """A folder with one key and the right permissions."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o755)
    shutil.copy(ops.public, folder)
    assert [key.path.name for key in load_keys(folder)] == ["ops.pub"]
    return folder


@pytest.mark.parametrize("mode", [0o020, 0o002])
@pytest.mark.parametrize("name", [".", "ops.pub"])
def test_a_key_that_others_can_write_is_not_trusted(name: str, mode: int, keys: Path) -> None:
    path = keys / name
    path.chmod(path.stat().st_mode | mode)
    with pytest.raises(
        UpdateError, match=rf"{path}: other users than root can write it: chown root, chmod go-w"
    ):
        load_keys(keys)


@pytest.mark.parametrize("name", [".", "ops.pub"])
def test_a_key_of_another_user_is_not_trusted(name: str, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = keys / name
    if os.geteuid() == 0:
        os.chown(path, 1, 1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 1)
    with pytest.raises(UpdateError, match=r"other users than root can write it"):
        load_keys(keys)


@pytest.mark.parametrize(
    ("kind", "says"),
    [(b"Ex", "is not an Ed25519 key"), (b"ED", "is not an Ed25519 key"), (b"E", "is not a public key")],
)
def test_a_file_that_is_not_a_key_is_named(kind: bytes, says: str, keys: Path) -> None:
    comment, key = (keys / "ops.pub").read_text().splitlines()
    changed = base64.b64encode(kind + base64.b64decode(key)[2:]).decode()
    (keys / "bad.pub").write_text(f"{comment}\n{changed}\n")
    with pytest.raises(UpdateError, match=rf"bad.pub: {says} of minisign"):
        load_keys(keys)
