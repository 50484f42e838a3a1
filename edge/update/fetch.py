"""The download: by a user who may do nothing, bounded in size and time; nobody believes what comes yet."""

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
"""Without a byte; the unit bounds the whole."""
_LIMIT_S = 3600.0
"""For signature and bundle together."""
_SPARE = 64_000_000
_BLOCK = 1 << 18


def fetch(exchange: Exchange, disk: Disk) -> None:
    """Download what is asked for, and lay it out for root; what fails is left as an outcome.

    Raises:
        UpdateError: it failed.
    """
    there = os.path.lexists(exchange.bundle)  # the power went before the request was removed
    request = None if there else exchange.requested()
    try:
        if request is not None:
            with _stoppable() as stop:
                _fetch(request, exchange, disk, stop)
    except UpdateError as e:
        if request is not None:
            exchange.leave(request.failed(str(e)))
        raise
    finally:
        disk.remove(exchange.request_path)


@contextmanager
def _stoppable() -> Iterator[Event]:
    """SIGTERM, which systemd sends when the unit's time is up, ends it as any other failure does.

    With the next byte, or when none comes for ``_TIMEOUT_S``: systemd waits longer than that.
    """
    stop = Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop
    except UpdateError as e:
        if stop.is_set():
            raise UpdateError("the download was stopped before it was whole") from e
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
        disk.rename(bundle, exchange.bundle)  # the last: root waits for it
    except OSError as e:
        raise UpdateError(f"{exchange.folder}: can't be written: {e.strerror or e}") from e
    finally:
        disk.remove(signature)
        disk.remove(bundle)


def require_allowed(url: str) -> None:
    """Raises UpdateError for anything but https, or http in one's own house."""
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        _ = parts.port
    except ValueError as e:
        raise UpdateError(f"{url[:200]!r}: is no URL: {e}") from e
    if host and (scheme == "https" or (scheme == "http" and _at_home(host))):
        return
    raise UpdateError(
        f"{url[:200]!r}: give https://..., or http:// and a private address, as http://192.0.2.7/name.bundle"
    )


def _at_home(host: str) -> bool:
    if host == "localhost" or host.endswith((".local", ".lan", ".home.arpa", ".internal")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows only to where we would have gone by ourselves."""

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
    asked = urllib.request.Request(url, headers={"User-Agent": f"maskgate/{__version__}"})  # noqa: S310  checked
    try:
        with urllib.request.build_opener(_Redirects).open(asked, timeout=_TIMEOUT_S) as answer:
            _save(answer, to, size_max, disk, url, ends_s, stop)
    except urllib.error.HTTPError as e:
        raise UpdateError(f"{url}: the server says {e.code} {e.reason}") from e
    except urllib.error.URLError as e:
        raise UpdateError(f"{url}: can't be reached: {e.reason}") from e
    except (TimeoutError, ConnectionError, HTTPException) as e:
        raise UpdateError(f"{url}: the connection broke off: {e or type(e).__name__}") from e


def _save(
    answer: HTTPResponse, to: Path, size_max: int, disk: Disk, url: str, ends_s: float, stop: Event
) -> None:
    size, told = 0, answer.length  # Debian 12's read1 does not count it down
    with disk.create(to) as out:
        # what there is: to wait for a whole block could take for ever, byte by byte
        while block := answer.read1(_BLOCK if told is None else min(_BLOCK, told - size)):
            size += len(block)
            if stop.is_set():
                raise UpdateError(f"{url}: stopped")
            if size > size_max:
                raise UpdateError(f"{url}: more than {size_max / 1e6:g} MB come; no more are taken")
            if time.monotonic() > ends_s:
                raise UpdateError(f"{url}: not there after {_LIMIT_S / 60:.0f} min; {size / 1e6:.0f} MB came")
            if shutil.disk_usage(to.parent).free < _SPARE:
                raise UpdateError(f"{to.parent}: less than {_SPARE / 1e6:.0f} MB are free: no room for {url}")
            out.write(block)
        if told is not None and size < told:
            raise UpdateError(f"{url}: the connection broke off: {told - size} bytes are missing")
