"""What root does about updates: called by units, or by a person. One at a time, under a lock."""

import contextlib
import fcntl
import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from edge.errors import MaskgateError, UpdateError
from edge.releases.exchange import KEYS, Exchange
from edge.releases.store import ReleaseStore, Trial
from edge.releases.update_messages import UpdateResult
from edge.systemd import systemctl
from edge.update.install import Prove, UpdateSource, beside, install, needless
from edge.update.signature import load_keys

_log = logging.getLogger(__name__)
STARTS_MAX = 3
"""Of the service in one trial; the next one is the old release's."""
_LEVELS = {"finished": logging.INFO, "returned": logging.WARNING, "failed": logging.ERROR}
SERVICE, SPEAKER, LIMIT = "maskgate.service", "maskgate-speaker.service", "maskgate-update-return.timer"


class Updater:
    """The updater.

    Args:
        store: what is in force.
        exchange: what the service asks for.
        prove: tries a release.
        keys: the folder of the keys that are believed.
        tell: systemd.
    """

    def __init__(
        self,
        store: ReleaseStore,
        exchange: Exchange,
        prove: Prove,
        keys: Path = KEYS,
        tell: Callable[..., None] = systemctl,
    ) -> None:
        self._store, self._exchange, self._prove = store, exchange, prove
        self._keys, self._tell = keys, tell

    def attend(self) -> bool:
        """Do what the service asked for or confirms; returns whether all of it was done."""
        with self._locked():
            exchange = self._exchange
            rollback, incoming = os.path.lexists(exchange.rollback_path), os.path.lexists(exchange.bundle)
            if os.path.lexists(exchange.confirmed_path):
                self._finish(exchange.confirmed())
                exchange.clear_confirmed()  # not where that failed: what works would be taken back
            try:
                well = not rollback or self._roll_back()
                return (not incoming or self._take_incoming()) and well
            finally:  # and not what came meanwhile
                if rollback:
                    exchange.clear_rollback()
                if incoming:
                    exchange.clear_incoming()

    def take_from(self, folder: Path) -> bool:
        """Install what lies on the boot partition, if it is newer; returns whether nothing was wrong.

        The camera waits for it at each boot: what failed is not tried again as it is.
        """
        with self._locked():
            well = True
            for bundle in sorted(folder.glob("[!.]*.bundle")):  # macOS leaves a ._name beside each file
                if self._store.trial is not None:
                    break  # one at a time: the others at a later boot
                well = self._take_one(bundle) and well
        return well

    def _take_one(self, bundle: Path) -> bool:
        mark = beside(bundle).mark(self._keys)
        if mark in self._store.state.refused:
            _log.info("%s: left alone: it failed before; under another name it is tried again", bundle)
            return True
        try:
            if why := needless(bundle, self._store):
                _log.info("%s: left alone: %s", bundle, why)
                return True
            self._installed(beside(bundle))
        except MaskgateError as e:
            # told once more after a power cut: then under the same id
            self._say(UpdateResult(id=str(uuid.UUID(mark[:32])), result="failed", reason=str(e)))
            self._store.refuse(mark)
            return False
        return True

    def take(self, bundle: Path) -> None:
        """Install one file, as a person asked for; raises UpdateError where it is not taken."""
        with self._locked():
            self._installed(beside(bundle))

    def started(self) -> None:
        """The service is about to start: in a trial, so often and not more."""
        with contextlib.suppress(BlockingIOError), self._locked(fcntl.LOCK_NB):  # the camera does not wait
            trial = self._store.trial
            if trial is not None and self._store.count_start(trial) > STARTS_MAX:
                why = f"it was started {STARTS_MAX} times and never judged frames long enough to be final"
                self._give_back(trial, why)
                self._tell("try-restart", "--no-block", SPEAKER)

    def give_back(self, why: str) -> None:
        """End the trial, if there is one, and start what was there before."""
        with self._locked():
            trial = self._store.trial
            if trial is not None and self._exchange.confirmed() == trial.name:
                self._finish(trial.name)  # in the last moment
                self._exchange.clear_confirmed()
            elif trial is not None:
                self._give_back(trial, why)
                self._tell("reset-failed", SERVICE)
                self._tell("restart", "--no-block", SERVICE)
                self._tell("try-restart", "--no-block", SPEAKER)

    def roll_back(self) -> None:
        """Go back, as a person asked for; raises UpdateError where there is nothing."""
        with self._locked():
            self._go_back()

    def _roll_back(self) -> bool:
        try:
            self._go_back()
        except UpdateError as e:  # who asked was told so at once, unless it is done by now
            _log.info("%s", e)
            return False
        return True

    def _go_back(self) -> None:
        self._give_back(self._store.trial or self._store.reopen(), "this was commanded")
        self._tell("reset-failed", SERVICE)
        self._tell("try-restart", "--no-block", SERVICE, SPEAKER)

    def _take_incoming(self) -> bool:
        wanted, trial = self._exchange.wanted(), self._store.trial
        if wanted is not None and trial is not None and trial.version == wanted.version:
            return True  # the power went between this and clear
        version = wanted.version if wanted else None
        source = UpdateSource(self._exchange.bundle, self._exchange.signature, wanted=version, over_mqtt=True)
        try:
            self._installed(source)
        except MaskgateError as e:
            self._say(wanted.failed(str(e)) if wanted else UpdateResult(result="failed", reason=str(e)))
            return False
        return True

    def _installed(self, source: UpdateSource) -> None:
        release = install(source, self._store, load_keys(self._keys), self._prove)
        _log.info("%s is on trial", release.title)
        self._tell("restart", "--no-block", LIMIT)
        self._tell("try-restart", "--no-block", SERVICE, SPEAKER)

    def _finish(self, name: str) -> None:
        trial = self._store.trial
        if trial is None or trial.name != name:
            return
        self._leave("finished", trial, "")
        self._store.finish()
        self._tell("stop", LIMIT)
        self._store.collect()

    def _give_back(self, trial: Trial, why: str) -> None:
        self._store.give_back(trial, why)
        self._leave("returned", trial, why)
        self._store.finish()
        self._tell("stop", LIMIT)

    def _leave(self, result: Literal["finished", "returned"], trial: Trial, why: str) -> None:
        # told once more after a power cut: then under the same name
        name, in_use = uuid.uuid5(uuid.UUID(trial.id), result), self._store.used(trial.kind)
        outcome = UpdateResult(
            id=str(name), result=result, kind=trial.kind, version=trial.version, in_use=in_use, reason=why
        )
        self._say(outcome)

    def _say(self, outcome: UpdateResult) -> None:
        _log.log(_LEVELS[outcome.result], "%s", outcome)
        self._exchange.leave(outcome)
        self._exchange.remember(outcome)

    @contextmanager
    def _locked(self, or_else: int = 0) -> Iterator[None]:
        kept = self._store.kept
        os.umask(0o022)  # whoever calls: the services must be able to read what comes
        try:
            kept.mkdir(mode=0o755, parents=True, exist_ok=True)
            lock = (kept / "lock").open("wb")
        except OSError as e:
            raise UpdateError(
                f"{kept}: can't be written: {e.strerror}. Updates are root's work (sudo)"
            ) from e
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX | or_else)
            if (trial := self._store.cut_off) is not None:
                self._leave("returned", trial, self._store.state.given_up[trial.name])
                self._store.finish()
            yield
