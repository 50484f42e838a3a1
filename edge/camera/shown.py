"""How a source is shown to people: without what may be secret."""

import re

from edge.urls import HIDDEN, without_secrets

PIPELINE = "gst:"
"""What GStreamer's sources start with."""
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ELEMENT = re.compile(r"\s*([A-Za-z][A-Za-z0-9_-]*)(?:\s|!|$)")
_ADDRESS = re.compile(r"(?i)(?s).*:.*@|.*[?&=]|(?:rtsps?|https?)\b")
"""An address whose scheme is missing or mistyped: a login, parameters, or the start of a URL."""


def shown_source(source: str) -> str:
    """The source for messages.

    A URL shows its scheme, host and port. A pipeline shows its first element, because any property may be a
    password. A path or a device is shown as it is, unless it looks like an address that was mistyped.
    """
    if source.startswith(PIPELINE):
        element = _ELEMENT.match(source, len(PIPELINE))
        return f"{PIPELINE}{element[1] if element else HIDDEN} ..."
    if _URL.match(source):
        return without_secrets(source)
    return HIDDEN if _ADDRESS.match(source) else source
