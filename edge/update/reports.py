"""Results that ops must get: they wait in root's own folder until they lie in the exchange.

The exchange is a folder in which another user can block any name and fill the disk. So a result is first
stored here, then the work is finished, and only then the result is published. To report never stops root's
work. After a power cut the same result is published again, under the same id. Only root can compute the ids,
so nobody can block their names beforehand.
"""

import hmac
import logging
import secrets
import uuid
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from edge.errors import UpdateError
from edge.releases.exchange import RESULTS_MAX, Exchange
from edge.releases.update_disk import UpdateDisk, read_small
from edge.releases.update_messages import UpdateResult

_log = logging.getLogger(__name__)
_LEVELS = {"finished": logging.INFO, "returned": logging.WARNING, "failed": logging.ERROR}
_SIZE_MAX = 1_000_000
_KEY_BYTES = 32


class _Waiting(BaseModel):
    results: dict[str, UpdateResult] = Field(default_factory=dict)
    """What a result is about -> the result; the oldest first."""


class Reports:
    """The results that wait.

    Args:
        folder: root's folder.
        exchange: where they are published.
        disk: makes the changes.
    """

    def __init__(self, folder: Path, exchange: Exchange, disk: UpdateDisk) -> None:
        self._path, self._key_path = folder / "reports.json", folder / "report-key"
        self._exchange, self._disk = exchange, disk

    def add(self, about: str, result: UpdateResult) -> None:
        """Store a result until it is published.

        Args:
            about: what the result is about, such as the id of a trial. The same always gives the same id.
            result: the result; it gets that id.
        """
        _log.log(_LEVELS[result.result], "%s", result)
        waiting = self._read().results
        try:
            result = result.model_copy(update={"id": self._id(about)})
            self._save(_Waiting(results=dict([*waiting.items(), (about, result)][-RESULTS_MAX:])))
            self._exchange.remember(result)
        except OSError as e:
            _log.error("%s; ops does not get this result", e)

    def publish(self) -> None:
        """Put all that waits into the exchange. What can't be written there waits for the next call."""
        waiting = self._read()
        left = {}
        for about, result in waiting.results.items():
            try:
                self._exchange.publish(result)
            except OSError as e:
                _log.error("%s; the result is reported later", e)
                left[about] = result
        if left != waiting.results:
            try:
                self._save(_Waiting(results=left))
            except OSError as e:  # then they are published again, under the same ids
                _log.error("%s", e)

    def _id(self, about: str) -> str:
        try:
            key = read_small(self._key_path, _KEY_BYTES)
        except UpdateError:  # at first there is none
            key = b""
        if len(key) != _KEY_BYTES:
            key = secrets.token_bytes(_KEY_BYTES)
            self._disk.save(self._key_path, key, mode=0o600)
        return str(uuid.UUID(bytes=hmac.digest(key, about.encode(), "sha256")[:16]))

    def _read(self) -> _Waiting:
        if not self._path.exists():
            return _Waiting()
        try:
            return _Waiting.model_validate_json(read_small(self._path, _SIZE_MAX))
        except (UpdateError, ValidationError) as e:
            _log.error("%s: can't be read, so it counts as missing: %s", self._path, e)
            return _Waiting()

    def _save(self, waiting: _Waiting) -> None:
        if waiting.results:
            # not readable for others: who knows an id could block its name in the exchange
            self._disk.save(self._path, waiting.model_dump_json().encode(), mode=0o600)
        else:
            self._disk.remove(self._path)
