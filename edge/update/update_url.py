"""The addresses that updates may come from."""

import ipaddress
import re
from urllib.parse import quote, urlsplit, urlunsplit

from edge.errors import UpdateError
from edge.urls import without_secrets

_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_HOST_MAX = 253
_KEPT = "/%:@!$&'()*+,;=~"
"""Characters of a path or a query, besides letters, digits and -._, that stand for themselves (RFC 3986)."""
_LOCAL = (".local", ".lan", ".home.arpa", ".internal")


def allowed_url(url: str) -> str:
    """Check that an address is one to download from: https, or http to a host in the local network.

    Args:
        url: the address that ops gave, or that a server redirects to. It may hold secrets: messages show the
        host.

    Returns:
        The same address, in ASCII: other characters of path and query are percent-encoded as UTF-8.

    Raises:
        UpdateError: it is another address, or not a valid one.
    """
    shown = without_secrets(url)
    if re.search(r"[\x00-\x20\x7f]", url):
        raise UpdateError(f"{shown}: the address holds a blank or a control character: write a blank as %20")
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        _ = parts.port
        url.encode()  # a half of a surrogate pair has no place in a URL
    except ValueError as e:
        raise UpdateError(f"{shown}: is not a URL. Give one such as https://example.org/name.bundle") from e
    if "@" in parts.netloc:
        raise UpdateError(
            f"{shown}: the address holds a user name or a password: serve updates without a login, because "
            "their signature protects them"
        )
    if parts.fragment or url.endswith("#"):
        raise UpdateError(f"{shown}: the address holds a #, which is not sent to a server: write it as %23")
    if host and not (_is_address(host) or _is_name(host)):
        raise UpdateError(f"{shown}: the host's name is not valid; write other letters in their xn-- form")
    if not (host and (scheme == "https" or (scheme == "http" and _is_local(host)))):
        raise UpdateError(
            f"{shown}: give https://..., or http:// and a private address, such as "
            "http://192.168.0.7/name.bundle"
        )
    return urlunsplit(
        (scheme, parts.netloc, quote(parts.path, safe=_KEPT), quote(parts.query, safe=f"{_KEPT}?"), "")
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_name(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    return len(host) <= _HOST_MAX and all(_LABEL.fullmatch(label) for label in labels)


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(_LOCAL):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_private
