"""How the service, which may do nothing, and root, who does it, speak: files in one folder of the service's.

The service asks (``request.json``, ``rollback``) and confirms (``confirmed``); a download lies there until
root takes it; root leaves what came of it (``outcome-*.json``) for the service to tell. Units watch for the
files.
"""

import logging
import os
from pathlib import Path

from pydantic import ValidationError

from edge.errors import UpdateError
from edge.releases.choose import KEPT
from edge.releases.disk import Disk, open_plain
from edge.releases.store import ReleaseStore, Trial
from edge.releases.update_messages import UpdateRequest, UpdateResult

_log = logging.getLogger(__name__)
_SMALL = 10_000
"""Bytes; all but the bundle are small."""
KEYS = Path("/etc/maskgate/update-keys")
"""The public keys (``*.pub``) whose signatures this machine believes."""
OUTCOMES_MAX = 20
"""Not yet told; of more, the oldest are forgotten."""


class Exchange:
    """The folder.

    Args:
        kept: root's folder around it.
        disk: writes.
        keys: the folder of the keys that are believed.
    """

    def __init__(self, kept: Path = KEPT, disk: Disk | None = None, keys: Path = KEYS) -> None:
        self._keys = keys
        self.kept, self.folder, self._disk = kept, kept / "exchange", disk or Disk()
        self.request_path, self.rollback_path = self.folder / "request.json", self.folder / "rollback"
        self.bundle, self.signature = self.folder / "incoming.bundle", self.folder / "incoming.minisig"
        self._last = kept / "last.json"
        self.wanted_path, self.confirmed_path = self.folder / "incoming.json", self.folder / "confirmed"

    # the service's side

    def ask(self, request: UpdateRequest) -> None:
        """Have it downloaded and installed.

        Raises:
            UpdateError: another one is on its way, or on trial; there is no key; or nobody is there to do it.
        """
        self._require_quiet()
        if not any(self._keys.glob("*.pub")):
            raise UpdateError(f"{self._keys}: no key (*.pub) there, so no update can be believed.")
        self._disk.save(self.request_path, request.model_dump_json().encode())

    def ask_rollback(self) -> None:
        """Go back, also from a trial; raises UpdateError where there is nothing, or nobody to do it."""
        self._require_there()
        store = ReleaseStore(self.kept)
        if store.trial is None and not store.state.previous:
            raise UpdateError("There is no update to go back from.")
        self._disk.save(self.rollback_path, b"")

    def trial(self) -> Trial | None:
        """What is on trial."""
        return ReleaseStore(self.kept).trial

    def confirm(self, trial: Trial) -> None:
        """It works."""
        self._disk.save(self.confirmed_path, trial.name.encode())

    def outcomes(self) -> list[UpdateResult]:
        """What is not told yet, the oldest first; what can't be read is removed."""
        found = []
        for path in self._outcome_paths():
            try:
                with open_plain(path, _SMALL) as file:
                    found.append(UpdateResult.model_validate_json(file.read()))
            except (UpdateError, ValidationError) as e:
                _log.error("%s: an outcome that can't be read is removed: %s", path, e)
                path.unlink(missing_ok=True)
        return sorted(found, key=lambda o: o.time)

    def told(self, outcome: UpdateResult) -> None:
        """It is in the outbox."""
        self._disk.remove(self._outcome_path(outcome))

    def last(self) -> str:
        """What came of root's last update, for people; empty: there was none."""
        try:
            told = UpdateResult.model_validate_json(self._last.read_bytes())
        except (OSError, ValidationError):
            return ""
        return f"{told} ({told.time:%Y-%m-%d %H:%M} UTC)"

    # the download's and root's side

    def leave(self, outcome: UpdateResult) -> None:
        """For the service to tell."""
        if not self.folder.is_dir():
            return
        path = self._outcome_path(outcome)
        owner = self.folder.stat()
        whose = (owner.st_uid, owner.st_gid) if os.geteuid() == 0 else None
        self._disk.save(path, outcome.model_dump_json().encode(), mode=0o600, owner=whose)
        oldest = sorted(self._outcome_paths(), key=lambda p: p.lstat().st_mtime)[:-OUTCOMES_MAX]
        for forgotten in oldest:
            self._disk.remove(forgotten)

    def requested(self) -> UpdateRequest | None:
        """What ops asked for and is not downloaded; None: nothing that can be understood."""
        return _read(self.request_path)

    def wanted(self) -> UpdateRequest | None:
        """What was asked for by what is downloaded."""
        return _read(self.wanted_path)

    def confirmed(self) -> str:
        """The name of the release that the service confirms; empty: none."""
        if not os.path.lexists(self.confirmed_path):
            return ""
        try:
            with open_plain(self.confirmed_path, _SMALL) as file:
                return file.read().decode("utf-8", errors="replace")
        except UpdateError as e:
            _log.error("%s", e)
            return ""

    def remember(self, outcome: UpdateResult) -> None:
        """For ``last``."""
        self._disk.save(self._last, outcome.model_dump_json().encode())

    def clear_incoming(self) -> None:
        """Root has taken the download; what asked for it is still there if the power went."""
        for path in (self.request_path, self.bundle, self.signature, self.wanted_path):
            self._disk.remove(path)

    def clear_rollback(self) -> None:
        """Root has gone back."""
        self._disk.remove(self.rollback_path)

    def clear_confirmed(self) -> None:
        """Root has ended the trial."""
        self._disk.remove(self.confirmed_path)

    def _require_there(self) -> None:
        if not os.access(self.folder, os.W_OK):
            raise UpdateError(
                f"{self.folder}: can't be written: only the Debian package can be updated over the air."
            )

    def _require_quiet(self) -> None:
        self._require_there()
        if (trial := self.trial()) is not None:
            raise UpdateError(
                f"{trial.kind} {trial.version} is on trial: wait for its outcome, or roll back."
            )
        if self.request_path.exists() or self.bundle.exists():
            raise UpdateError("Another update is on its way: wait for its outcome.")

    def _outcome_paths(self) -> list[Path]:
        return sorted(self.folder.glob("outcome-*.json"))

    def _outcome_path(self, outcome: UpdateResult) -> Path:
        return self.folder / f"outcome-{outcome.id}.json"


def _read(path: Path) -> UpdateRequest | None:
    if not os.path.lexists(path):
        return None
    try:
        with open_plain(path, _SMALL) as file:
            return UpdateRequest.model_validate_json(file.read())
    except (UpdateError, ValidationError) as e:
        _log.error("%s: no request: %s", path, e)
        return None
