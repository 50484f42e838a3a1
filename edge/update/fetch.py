"""Downloads an update, as a user without rights, bounded in size and time. Nothing of it is trusted yet."""

import ipaddress
import logging
import os
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from threading import Event
from typing import IO
from urllib.parse import urlsplit

from edge import __version__
from edge.errors import UpdateError
from edge.releases.disk import Disk
from edge.releases.exchange import Exchange
from edge.releases.update_messages import UpdateRequest
from edge.update.bundle import SIZE_MAX
from edge.update.signature import SIGNATURE_MAX

_log = logging.getLogger(__name__)
_TIMEOUT_S = 30.0
"""Seconds without a byte after which a connection is given up."""
_LIMIT_S = 3600.0
"""Seconds that signature and bundle may take together."""
_SPARE = 64_000_000
"""Bytes that must stay free on the disk."""
_BLOCK = 1 << 18


def fetch(exchange: Exchange, disk: Disk) -> None:
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
        disk.remove(exchange.request_path)


@contextmanager
def _stoppable() -> Iterator[Event]:
    """Give an event that SIGTERM sets, which systemd sends when the unit's time is up.

    The download then fails as for any other reason: at the next byte, or after ``_TIMEOUT_S`` without one.
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


def _fetch(request: UpdateRequest, exchange: Exchange, disk: Disk, stop: Event) -> None:
    require_allowed(request.url)
    signature, bundle = (p.with_name(f"{p.name}.part") for p in (exchange.signature, exchange.bundle))
    ends_s = time.monotonic() + _LIMIT_S
    try:
        _download(f"{request.url}.minisig", signature, SIGNATURE_MAX, disk, ends_s, stop)
        _download(request.url, bundle, SIZE_MAX, disk, ends_s, stop)
        disk.sync()
        disk.rename(signature, exchange.signature)
        disk.save(exchange.wanted_path, request.model_dump_json().encode())
        disk.rename(bundle, exchange.bundle)  # last, because root waits for it
    except OSError as e:
        raise UpdateError(f"{exchange.folder}: can't be written: {e.strerror or e}") from e
    finally:
        disk.remove(signature)
        disk.remove(bundle)


def require_allowed(url: str) -> None:
    """Check that an address is one to download from: https, or http to a host in the local network.

    Raises:
        UpdateError: it is another address.
    """
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        _ = parts.port
    except ValueError as e:
        raise UpdateError(f"{url[:200]!r}: is not a URL: {e}") from e
    if host and (scheme == "https" or (scheme == "http" and _is_local(host))):
        return
    raise UpdateError(
        f"{url[:200]!r}: give https://..., or http:// and a private address, such as http://192.168.0.7/name.bundle"
    )


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith((".local", ".lan", ".home.arpa", ".internal")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to an address that would have been allowed in the request."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        require_allowed(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(url: str, to: Path, size_max: int, disk: Disk, ends_s: float, stop: Event) -> None:
    disk.remove(to)
    request = urllib.request.Request(url, headers={"User-Agent": f"maskgate/{__version__}"})  # noqa: S310  checked above
    try:
        with urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT_S) as response:
            _save(response, to, size_max, disk, url, ends_s, stop)
    except urllib.error.HTTPError as e:
        raise UpdateError(f"{url}: the server answers {e.code} {e.reason}") from e
    except urllib.error.URLError as e:
        raise UpdateError(f"{url}: can't be reached: {e.reason}") from e
    except (TimeoutError, ConnectionError, HTTPException) as e:
        raise UpdateError(f"{url}: the connection broke off: {e or type(e).__name__}") from e


def _save(
    response: HTTPResponse, to: Path, size_max: int, disk: Disk, url: str, ends_s: float, stop: Event
) -> None:
    size, expected = 0, response.length  # kept, because Python 3.11's read1 does not count it down
    with disk.create(to) as out:
        # read1 returns what has come: a whole block could take for ever, byte by byte
        while block := response.read1(_BLOCK if expected is None else min(_BLOCK, expected - size)):
            size += len(block)
            if stop.is_set():
                raise UpdateError(f"{url}: stopped")
            if size > size_max:
                raise UpdateError(f"{url}: the file is larger than the limit of {size_max / 1e6:g} MB")
            if time.monotonic() > ends_s:
                raise UpdateError(
                    f"{url}: not complete after {_LIMIT_S / 60:.0f} min; {size / 1e6:.0f} MB arrived"
                )
            if shutil.disk_usage(to.parent).free < _SPARE:
                raise UpdateError(
                    f"{to.parent}: less than {_SPARE / 1e6:.0f} MB are free: there is no room for {url}"
                )
            out.write(block)
        if expected is not None and size < expected:
            raise UpdateError(f"{url}: the connection broke off: {expected - size} bytes are missing")
