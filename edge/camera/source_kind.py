"""What a camera kind is: how its sources are written, and what checks and opens them.

A new kind is a file with a ``SourceKind`` in it and a line in ``edge.camera.kinds.KINDS``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from edge.camera.state import CameraSettings, Pictures
from edge.errors import UsageError
from edge.urls import without_secrets


def _all_is_well(settings: CameraSettings) -> None:
    """Accept any source of a kind."""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source."""

    name: str
    """For logs and tests: ``rtsp``."""
    form: str
    """How a source of this kind is written, for help and messages."""
    open: Callable[[CameraSettings], Pictures]
    """Opens it. Raises CameraError at once for files, with the first ``next`` for live cameras."""
    starts: tuple[str, ...] = ()
    """What its sources start with: ``rtsp://``. A start that ends in neither ``:`` nor ``/`` is all of it."""
    live: bool = True
    """Whether it goes on for ever, can break, and is then opened again."""
    check: Callable[[CameraSettings], None] = _all_is_well
    """Raises UsageError or ConfigError if the settings can't be meant; opens no camera."""

    def means(self, source: str) -> bool:
        """Whether a text is written like a source of this kind; upper and lower case are the same."""
        text = source.lower()
        return any(text.startswith(s) if s[-1] in ":/" else text == s for s in self.starts)


def require_host(settings: CameraSettings) -> None:
    """Make sure that a URL names a host.

    Raises:
        UsageError: it does not, or its port is not a number from 1 to 65535.
    """
    source = settings.source
    try:
        parts = urlsplit(source)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if not host:
        scheme = source.partition("://")[0].lower()
        # the cause is left out on purpose: its text may hold a part of the password
        raise UsageError(
            f"source {without_secrets(source)!r}: no valid host and port in it. Write "
            f"{scheme}://USER:PASSWORD@HOST:PORT/PATH, "
            "with / # ? @ and : in the password as %2F %23 %3F %40 and %3A."
        ) from None
