"""The folder through which the service, which has no rights, and root, who installs, communicate by files.

The service requests (``request.json``, ``rollback``) and confirms (``confirmed``). A download waits there
until root takes it. Root leaves its results (``outcome-*.json``), and the service reports them to ops.
systemd units watch for these files.

The service can write anything into this folder at any time. So root reads only bounded copies of its files,
and nothing that lies here can keep root from its work: see ``UpdateDisk.discard``, ``edge.update.reports``.
"""

import logging
import os
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from edge.errors import UpdateError
from edge.releases.choose import UPDATE_FOLDER
from edge.releases.store import ReleaseStore, Trial
from edge.releases.update_disk import UpdateDisk, read_small
from edge.releases.update_messages import UpdateRequest, UpdateResult

_log = logging.getLogger(__name__)
_SMALL = 10_000
"""Bytes that a file here may have, except the bundle."""
KEYS = Path("/etc/maskgate/update-keys")
"""The folder of the public keys (``*.pub``) whose signatures this machine trusts."""
_NAMES_MAX = 1000
"""Names in the folder that are looked at. There are about ten, unless somebody fills it."""
RESULTS_MAX = 20
"""Results that wait to be reported. The oldest ones above this number are deleted."""


class Exchange:
    """Reads and writes the files of that folder.

    Args:
        update_folder: root's folder, in which the exchange lies.
        disk: makes the changes.
        keys: the folder of the trusted keys.
    """

    def __init__(
        self, update_folder: Path = UPDATE_FOLDER, disk: UpdateDisk | None = None, keys: Path = KEYS
    ) -> None:
        self._keys = keys
        self.update_folder, self.folder = update_folder, update_folder / "exchange"
        self._disk = disk or UpdateDisk()
        self.request_path, self.rollback_path = self.folder / "request.json", self.folder / "rollback"
        self.bundle, self.signature = self.folder / "incoming.bundle", self.folder / "incoming.minisig"
        self._undeletable: set[str] = set()
        self._last = update_folder / "last.json"
        self.wanted_path, self.confirmed_path = self.folder / "incoming.json", self.folder / "confirmed"

    # Used by the service.

    def ask(self, request: UpdateRequest) -> None:
        """Request that an update is downloaded and installed.

        Raises:
            UpdateError: another update is under way or on trial, there is no key, or no update is possible
                here.
        """
        self._require_idle()
        if not any(self._keys.glob("*.pub")):
            raise UpdateError(
                f"{self._keys}: no key (*.pub) there, so no update can be trusted. Put the public key of the "
                "people who sign your bundles there."
            )
        self._save(self.request_path, request.model_dump_json().encode())

    def ask_rollback(self) -> None:
        """Request that the last update, also one on trial, is taken back.

        Raises:
            UpdateError: there is no update to take back, or this is not an installation that can be updated.
        """
        self._require_writable()
        store = ReleaseStore(self.update_folder)
        if store.trial is None and not store.state.previous:
            raise UpdateError("There is no update to go back from.")
        self._save(self.rollback_path, b"")

    def trial(self) -> Trial | None:
        """The release on trial, if there is one."""
        return ReleaseStore(self.update_folder).trial

    def confirm(self, trial: Trial) -> None:
        """Declare that the release on trial works."""
        self._save(self.confirmed_path, trial.name.encode())

    def results(self) -> list[UpdateResult]:
        """The results not reported yet, the oldest first. A file that can't be read is deleted."""
        results = []
        for path in self._result_paths():
            try:
                results.append(UpdateResult.model_validate_json(read_small(path, _SMALL)))
            except (UpdateError, ValidationError) as e:
                _log.error("%s: deleted, because it can't be read: %s", path, e)
                self._clear(path)
        return sorted((r for r in results if r.id not in self._undeletable), key=lambda result: result.time)

    def discard(self, result: UpdateResult) -> None:
        """Delete a result that is in the outbox by now. Even if that fails, it is not reported again."""
        try:
            self._disk.discard(self._result_path(result))
        except OSError as e:
            _log.error("%s: can't be deleted: %s", self._result_path(result), e)
            self._undeletable.add(result.id)

    def last(self) -> str:
        """The result of the last update, as text for people; empty if there was none."""
        try:
            result = UpdateResult.model_validate_json(self._last.read_bytes())
        except (OSError, ValidationError):
            return ""
        return f"{result} ({result.time:%Y-%m-%d %H:%M} UTC)"

    # Used by the download and by root.

    def publish(self, result: UpdateResult) -> None:
        """Leave a result that the service is to report.

        Raises:
            OSError: it can't be written. Others can cause this, so it must not stop anything.
        """
        if not self.folder.is_dir():
            return
        folder = self.folder.stat()
        owner = (folder.st_uid, folder.st_gid) if os.geteuid() == 0 else None
        content = result.model_dump_json().encode()
        self._disk.save(self._result_path(result), content, mode=0o600, owner=owner)
        for surplus in sorted(self._result_paths(), key=_modified)[:-RESULTS_MAX]:
            self._disk.discard(surplus)

    def requested(self) -> UpdateRequest | None:
        """The request that is not downloaded yet; None if there is none, or none that can be understood."""
        return _read_request(self.request_path)

    def wanted(self) -> UpdateRequest | None:
        """The request that belongs to the downloaded bundle; None as above."""
        return _read_request(self.wanted_path)

    def confirmed(self) -> str:
        """The name of the release that the service confirms; empty if it confirms none."""
        if not os.path.lexists(self.confirmed_path):
            return ""
        try:
            return read_small(self.confirmed_path, _SMALL).decode("utf-8", errors="replace")
        except UpdateError as e:
            _log.error("%s", e)
            return ""

    def remember(self, result: UpdateResult) -> None:
        """Keep a result in root's own folder, for ``last``."""
        self._disk.save(self._last, result.model_dump_json().encode())

    def clear_incoming(self) -> None:
        """Delete the download that root has taken, and the request, which a power cut may have left."""
        for path in (self.request_path, self.bundle, self.signature, self.wanted_path):
            self._clear(path)

    def clear_rollback(self) -> None:
        """Delete the request to go back, after root has done so."""
        self._clear(self.rollback_path)

    def clear_confirmed(self) -> None:
        """Delete the confirmation, after root has ended the trial."""
        self._clear(self.confirmed_path)

    def _clear(self, path: Path) -> None:
        try:
            self._disk.discard(path)
        except OSError as e:  # another user is at work in the folder: that must not stop root
            _log.error("%s: can't be deleted: %s", path, e)

    def _save(self, path: Path, content: bytes) -> None:
        if path.is_dir():
            self._disk.discard(path)
        self._disk.save(path, content)

    def _require_writable(self) -> None:
        if not os.access(self.folder, os.W_OK):
            raise UpdateError(
                f"{self.folder}: can't be written: only the Debian package can be updated over the air."
            )

    def _require_idle(self) -> None:
        self._require_writable()
        if (trial := self.trial()) is not None:
            raise UpdateError(f"{trial.kind} {trial.version} is on trial: wait for its result, or roll back.")
        if self.request_path.exists() or self.bundle.exists():
            raise UpdateError("Another update is under way: wait for its result.")

    def _result_paths(self) -> list[Path]:
        try:
            with os.scandir(self.folder) as entries:
                names = [entry.name for entry in islice(entries, _NAMES_MAX)]
        except OSError:  # there is none where maskgate was not installed by the Debian package
            return []
        return sorted(self.folder / name for name in names if fnmatch(name, "outcome-*.json"))

    def _result_path(self, result: UpdateResult) -> Path:
        return self.folder / f"outcome-{result.id}.json"


def _read_request(path: Path) -> UpdateRequest | None:
    if not os.path.lexists(path):
        return None
    try:
        return UpdateRequest.model_validate_json(read_small(path, _SMALL))
    except (UpdateError, ValidationError) as e:
        _log.error("%s: is not a request that can be understood: %s", path, e)
        return None


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:  # the service has deleted it meanwhile
        return 0.0
