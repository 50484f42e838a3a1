"""Hosts and addresses as people write them: each mistake is refused with what to write instead.

What a person puts there may hold a login (``mqtt://user:password@host``), so only a plain host is shown.
"""

import ipaddress
import re
from urllib.parse import urlsplit

_NAME = re.compile(r"[^\W_](?:[\w-]{0,62})(?:\.[\w-]{1,63}){0,20}\.?")
"""A host's name; letters of any alphabet, and the underscore, which some local networks use."""
_NUMBERS = re.compile(r"[0-9.]*")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://")
_LONGEST = 100
"""Characters of a mistake that are shown."""
_EXTRAS = {
    "mqtts": ', and encryption = "tls"',
    "ssl": ', and encryption = "tls"',
    "ws": ', and transport = "websockets"',
    "wss": ', and transport = "websockets", encryption = "tls"',
}
"""What a URL's scheme says beside the host."""


def is_host(text: str) -> bool:
    """Whether a text is a host's name or an IP address, without brackets."""
    if len(text) > 253:
        return False
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return bool(_NAME.fullmatch(text)) and not _NUMBERS.fullmatch(text)
    return True


def checked_host(text: str) -> str:
    """The text, if it is a host.

    Raises:
        ValueError: it is something else; says what to write.
    """
    if is_host(text):
        return text
    scheme = _SCHEME.match(text.strip())
    extra = _EXTRAS.get(scheme[0].lower().removesuffix("://"), "") if scheme else ""
    found = "a URL" if scheme else _shown(text)
    raise ValueError(f"found {found}; write {_instead(text)}{extra}")


def split_address(text: str) -> tuple[str, int | None]:
    """Host and port of ``host``, ``host:port`` or ``[ipv6]:port``; the port is None if there is none.

    Raises:
        ValueError: it is not written like one of these.
    """
    host, port = _parts(text)
    written = f"[{host}]" if ":" in host else host
    if host and text.lower() == (written if port is None else f"{written}:{port}"):
        return host, port
    raise ValueError(f"found {_shown(text)}; write host or host:port, an IPv6 address as [::1]:8883")


def _shown(text: str) -> str:
    return repr(text[:_LONGEST]) if "@" not in text else "a value with a login, which is not shown"


def _instead(text: str) -> str:
    host, port = _parts(text)
    if not host:
        return "a name or an IP address, without scheme, port or path"
    return f'host = "{host}"' + (f", port = {port}" if port is not None else "")


def _parts(text: str) -> tuple[str, int | None]:
    """Host and port of anything like a URL; an empty host if there is no valid one, or no valid port."""
    rest = _SCHEME.sub("", text.strip(), count=1)
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname or "", parts.port
    except ValueError:  # brackets that are not closed; a port that is not a number, or too large
        return "", None
    # behind an @ in the path, what looks like the host may be a part of a password
    known = is_host(host) and port != 0 and "@" not in rest[len(parts.netloc) :]
    return (host, port) if known else ("", None)
