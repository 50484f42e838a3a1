"""Downloads an update, as a user without rights, bounded in size and time. Nothing of it is trusted yet."""

import logging
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from threading import Event

from edge import __version__
from edge.errors import UpdateError
from edge.releases.exchange import Exchange
from edge.releases.update_disk import UpdateDisk
from edge.releases.update_messages import UpdateRequest
from edge.update.bounded_http import TIMEOUT_S, Limits, opener
from edge.update.bundle import SIZE_MAX
from edge.update.signature import SIGNATURE_MAX
from edge.update.update_url import allowed_url
from edge.urls import without_secrets

_log = logging.getLogger(__name__)
_LIMIT_S = 3600.0
"""Seconds that signature and bundle may take together."""
_SPARE = 64_000_000
"""Bytes that must stay free on the disk."""
_BLOCK = 1 << 18
_SHOWN = 200
"""Characters of an error of the network that are shown."""


def fetch(exchange: Exchange, disk: UpdateDisk) -> None:
    """Download what is requested, and leave it for root. A failure is left as a result, for ops.

    Raises:
        UpdateError: the download failed.
    """
    complete = os.path.lexists(exchange.bundle)  # the power failed before the request was deleted
    request = None if complete else exchange.requested()
    try:
        if request is not None:
            with _stoppable() as stop:
                _fetch(request, exchange, disk, stop)
    except UpdateError as e:
        if request is not None:
            exchange.publish(request.failed(str(e)))
        raise
    finally:
        disk.discard(exchange.request_path)


@contextmanager
def _stoppable() -> Iterator[Event]:
    """Give an event that SIGTERM sets, which systemd sends when the unit's time is up.

    The download then fails as for any other reason: at the next byte, or after ``TIMEOUT_S`` without one.
    systemd waits longer than that before it kills.
    """
    stop = Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop
    except UpdateError as e:
        if stop.is_set():
            raise UpdateError("the download was stopped before it was complete") from e
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _fetch(request: UpdateRequest, exchange: Exchange, disk: UpdateDisk, stop: Event) -> None:
    url = allowed_url(request.url)
    signature, bundle = (p.with_name(f"{p.name}.part") for p in (exchange.signature, exchange.bundle))
    ends_s = time.monotonic() + _LIMIT_S
    try:
        for what, address, size_max, to in (
            ("the signature (.minisig)", f"{url}.minisig", SIGNATURE_MAX, signature),
            ("the bundle", url, SIZE_MAX, bundle),
        ):
            _Download(what, address, size_max, ends_s, stop).save(to, disk)
        disk.sync()
        disk.discard(exchange.signature)
        disk.rename(signature, exchange.signature)
        disk.save(exchange.wanted_path, request.model_dump_json().encode())
        disk.rename(bundle, exchange.bundle)  # last, because root waits for it
    except OSError as e:
        raise UpdateError(f"{exchange.folder}: can't be written: {e.strerror or e}") from e
    finally:
        disk.discard(signature)
        disk.discard(bundle)


class _Download:
    """One file. Messages show no more of its address than the host: login, path and query may be secret."""

    def __init__(self, what: str, url: str, size_max: int, ends_s: float, stop: Event) -> None:
        self._url, self._size_max = url, size_max
        self._what = f"{without_secrets(url)}: {what}"
        self._limits = Limits(self._what, _LIMIT_S, ends_s, stop)

    def save(self, to: Path, disk: UpdateDisk) -> None:
        """Download it.

        Raises:
            UpdateError: it can't be downloaded, or there is no room for it.
            OSError: it can't be written.
        """
        disk.discard(to)
        headers = {"User-Agent": f"maskgate/{__version__}"}
        request = urllib.request.Request(self._url, headers=headers)  # noqa: S310  checked by our caller
        with disk.create(to) as out:
            for block in self._blocks(request):
                if shutil.disk_usage(to.parent).free < _SPARE:
                    raise UpdateError(
                        f"{to.parent}: less than {_SPARE / 1e6:.0f} MB are free: there is no room for it"
                    )
                out.write(block)

    def _blocks(self, request: urllib.request.Request) -> Iterator[bytes]:
        try:
            with opener(self._limits).open(request, timeout=TIMEOUT_S) as response:
                # kept, because Python 3.11's read1 does not count it down
                size, expected = 0, response.length
                # read1 returns what has come: a whole block could take for ever, byte by byte
                while block := response.read1(_BLOCK if expected is None else min(_BLOCK, expected - size)):
                    size += len(block)
                    if size > self._size_max:
                        limit = f"{self._size_max / 1e6:g} MB"
                        raise UpdateError(f"{self._what} is larger than the limit of {limit}")
                    self._limits.require()
                    yield block
        except urllib.error.HTTPError as e:
            e.close()
            raise UpdateError(f"{self._what}: the server answers {e.code} {_phrase(e.code)}") from e
        except urllib.error.URLError as e:
            raise UpdateError(f"{self._what} can't be downloaded: {_shown(e.reason)}") from e
        except (OSError, HTTPException) as e:  # of the network: what comes is written by our caller
            self._limits.require()
            raise UpdateError(f"{self._what}: the connection broke off ({type(e).__name__})") from e
        if expected is not None and size < expected:
            self._limits.require()
            missing = f"{expected - size} bytes are missing"
            raise UpdateError(f"{self._what}: the connection broke off: {missing}")


def _shown(reason: object) -> str:
    text = getattr(reason, "strerror", None) or str(reason)
    return ascii(text)[1:-1][:_SHOWN]


def _phrase(code: int) -> str:
    """The standard's words. The server's own may be long, and may repeat the address."""
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return ""
