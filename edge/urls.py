"""How a URL is shown to people: in messages, logs, events and on retained topics."""

import re
from urllib.parse import urlsplit

HIDDEN = "***"
"""Stands where something is not shown."""
_URL = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,20})://(.*)", re.DOTALL)
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def without_secrets(url: str) -> str:
    """Only the scheme, the host and the port, as in ``https://192.0.2.7:8443``.

    Login, path, query and fragment are left out: for some camera or webhook each of them is the secret.
    The host is hidden, too, where a part of a password could be taken for it: a badly escaped password may
    hold any character, so an ``@`` behind the first ``/``, ``?`` or ``#`` makes the address ambiguous.

    Args:
        url: any text; what is not a URL is hidden as a whole.

    Returns:
        ``scheme://host:port``, ``scheme://***``, or ``***``.
    """
    match = _URL.match(url)
    if match is None:
        return HIDDEN
    scheme, rest = match[1].lower(), match[2]
    return f"{scheme}://{_host_of(rest) or HIDDEN}"


def _host_of(rest: str) -> str | None:
    """Host and port of what follows ``scheme://``; None where a part of a secret could be taken for them."""
    try:
        authority = urlsplit(f"//{rest}").netloc
    except ValueError:  # brackets that are not an IPv6 address
        return None
    if "@" in rest[len(authority) :]:
        return None
    host = authority.rpartition("@")[2]
    return host if _HOST.fullmatch(host) else None
