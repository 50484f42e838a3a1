"""Check OpenSSH's public keys, before they are the only way to log in."""

import base64
import binascii

KINDS = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
_RSA_MIN_BITS = 2048
_COPY = "copy the one line of a .pub file, such as ~/.ssh/id_ed25519.pub"


def public_key(text: str) -> str:
    """The key as a line of ``authorized_keys``, without options before it.

    Raises:
        ValueError: it is something else; the message says what, and does not show it.
    """
    line = text.strip()
    if "PRIVATE KEY" in line:
        raise ValueError(f"this is a private key, which must never leave its owner's machine: {_COPY}")
    parts = line.split(None, 2)
    if len(line.splitlines()) != 1 or not line.isprintable():
        raise ValueError(f"this is not one line of text: {_COPY}, each key as its own text in quotes")
    if len(parts) < 2 or parts[0] not in KINDS:
        raise ValueError(
            f"this is not a public key of OpenSSH: it must start with one of {', '.join(KINDS)}; {_COPY}"
        )
    fields = _fields(parts[1])
    if not fields or fields[0] != parts[0].encode():
        raise ValueError(f"this {parts[0]} key is damaged or cut short: {_COPY} once more")
    if parts[0] == "ssh-rsa" and _bits(fields) < _RSA_MIN_BITS:
        raise ValueError(
            f"this RSA key has {_bits(fields)} bits, and sshd refuses those below {_RSA_MIN_BITS}: make "
            "another one with ssh-keygen -t ed25519"
        )
    return " ".join(parts)


def _fields(text: str) -> list[bytes]:
    """The fields in the base64 part, each stored after its length; empty if it is damaged."""
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return []
    fields = []
    while blob:
        size = int.from_bytes(blob[:4], "big")
        if len(blob) < 4 + size:
            return []
        fields.append(blob[4 : 4 + size])
        blob = blob[4 + size :]
    return fields if len(fields) >= 2 else []


def _bits(fields: list[bytes]) -> int:
    """The bits of an RSA key, whose fields are kind, exponent, modulus; 0 if they are not."""
    return int.from_bytes(fields[2], "big").bit_length() if len(fields) == 3 else 0
