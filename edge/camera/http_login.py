"""HTTP's two ways to log in: Basic (RFC 7617) and Digest (RFC 7616). Pure but for a random nonce."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from urllib.request import parse_http_list

from edge.camera.credentials import Login

_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class HttpLogin:
    """Answers a camera's challenges.

    Args:
        login: user name and password.
    """

    def __init__(self, login: Login) -> None:
        self._login = login
        self._digest: dict[str, str] | None = None
        self._basic = False
        self._count = 0

    def learn(self, challenges: Sequence[str]) -> bool:
        """Take in what a camera asks for (``WWW-Authenticate``); False if none of it is known."""
        known = dict(reversed([_parsed(challenge) for challenge in challenges]))
        self._digest, self._basic, self._count = None, False, 0
        digest = known.get("digest")
        if digest is not None and {"realm", "nonce"} <= digest.keys() and _algorithm(digest) in _HASHES:
            self._digest = digest
        else:
            self._basic = "basic" in known
        return self._basic or self._digest is not None

    def header(self, method: str, target: str) -> str | None:
        """The ``Authorization`` for a request; None before any challenge: nothing is sent unasked."""
        if self._digest is not None:
            return self._answer(self._digest, method, target)
        if not self._basic:
            return None
        pair = f"{self._login.user}:{self._login.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _answer(self, asked: dict[str, str], method: str, target: str) -> str:
        def digest(*parts: str) -> str:
            return _HASHES[_algorithm(asked)](":".join(parts).encode()).hexdigest()

        self._count += 1
        count, ours = f"{self._count:08x}", secrets.token_hex(8)
        secret = digest(self._login.user, asked["realm"], self._login.password)
        if asked.get("algorithm", "").lower().endswith("-sess"):
            secret = digest(secret, asked["nonce"], ours)
        request = digest(method, target)
        fields = {
            "username": self._login.user,
            "realm": asked["realm"],
            "nonce": asked["nonce"],
            "uri": target,
        }
        bare = {"algorithm": asked["algorithm"]} if "algorithm" in asked else {}
        if "auth" in [way.strip() for way in asked.get("qop", "").split(",")]:
            fields["response"] = digest(secret, asked["nonce"], count, ours, "auth", request)
            fields["cnonce"] = ours
            bare |= {"qop": "auth", "nc": count}
        else:
            fields["response"] = digest(secret, asked["nonce"], request)
        if "opaque" in asked:
            fields["opaque"] = asked["opaque"]
        quoted = [f'{key}="{_escaped(value)}"' for key, value in fields.items()]
        return "Digest " + ", ".join([*quoted, *(f"{key}={value}" for key, value in bare.items())])


def _algorithm(asked: dict[str, str]) -> str:
    return asked.get("algorithm", "MD5").upper().removesuffix("-SESS")


def _parsed(challenge: str) -> tuple[str, dict[str, str]]:
    """The way's name in lower case and its parameters."""
    name, _, rest = challenge.strip().partition(" ")
    pairs = [pair.partition("=") for pair in parse_http_list(rest) if "=" in pair]
    return name.lower(), {key.strip().lower(): _unquoted(value.strip()) for key, _, value in pairs}


def _unquoted(value: str) -> str:
    """A value without its quotes; urllib's own reader raises IndexError where there is no value at all."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
