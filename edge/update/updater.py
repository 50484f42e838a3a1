"""Root's work on updates, called by systemd units or by a person. A lock admits one call at a time."""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from edge.errors import MaskgateError, UpdateError
from edge.releases.exchange import KEYS, Exchange
from edge.releases.store import ReleaseStore, Trial
from edge.releases.update_messages import UpdateResult
from edge.systemd import systemctl
from edge.update.install import SelfTest, UpdateSource, install, reason_to_skip, with_signature
from edge.update.lock import update_lock
from edge.update.reports import Reports
from edge.update.signature import load_keys

_log = logging.getLogger(__name__)
STARTS_MAX = 3
"""Starts of the service in one trial. At the next one the old release is restored."""
_BUNDLES_MAX = 20
"""Bundles on the boot partition that are looked at; the camera waits for it."""
SERVICE, SPEAKER, LIMIT = "maskgate.service", "maskgate-speaker.service", "maskgate-update-return.timer"


class Updater:
    """Installs, confirms and takes back updates.

    Args:
        store: the releases in force.
        exchange: the requests of the service.
        self_test: tests a release before it is switched to.
        keys: the folder of the trusted keys.
        systemctl: calls systemd.
    """

    def __init__(
        self,
        store: ReleaseStore,
        exchange: Exchange,
        self_test: SelfTest,
        keys: Path = KEYS,
        systemctl: Callable[..., None] = systemctl,
    ) -> None:
        self._store, self._exchange, self._self_test = store, exchange, self_test
        self._keys, self._systemctl = keys, systemctl
        self._reports = Reports(store.folder, exchange, store.disk)

    def attend(self) -> bool:
        """Do what the service requested or confirmed; returns whether all of it was done."""
        with self._locked():
            exchange = self._exchange
            rollback, incoming = os.path.lexists(exchange.rollback_path), os.path.lexists(exchange.bundle)
            if os.path.lexists(exchange.confirmed_path):
                self._make_final(exchange.confirmed())
                # Only after success: without the confirmation, a release that works would be taken back.
                exchange.clear_confirmed()
            try:
                done = not rollback or self._roll_back()
                return (not incoming or self._install_incoming()) and done
            finally:  # a request that came meanwhile stays
                if rollback:
                    exchange.clear_rollback()
                if incoming:
                    exchange.clear_incoming()

    def install_from(self, folder: Path) -> bool:
        """Install the bundles on the boot partition that are newer; returns whether none of them failed.

        The camera waits for this at each boot, so a bundle that failed is not tried again until it changes.
        """
        with self._locked():
            all_good = True
            bundles = sorted(folder.glob("[!.]*.bundle"))  # macOS leaves a file ._name beside each file
            for bundle in bundles[:_BUNDLES_MAX]:
                if self._store.trial is not None:
                    break  # one at a time: the others follow at a later boot
                all_good = self._install_newer(bundle) and all_good
        return all_good

    def _install_newer(self, bundle: Path) -> bool:
        fingerprint = with_signature(bundle).fingerprint(self._keys)
        if fingerprint in self._store.state.refused:
            _log.info("%s: skipped, because it failed before; under another name it is tried again", bundle)
            return True
        try:
            if why := reason_to_skip(bundle, self._store):
                _log.info("%s: skipped: %s", bundle, why)
                return True
            self._install(with_signature(bundle))
        except MaskgateError as e:
            self._reports.add(fingerprint, UpdateResult(result="failed", reason=str(e)))
            self._store.remember_refused(fingerprint)
            return False
        return True

    def install_file(self, bundle: Path) -> None:
        """Install one bundle, at a person's request.

        Raises:
            UpdateError: why it is not installed.
        """
        with self._locked():
            self._install(with_signature(bundle))

    def count_start(self) -> None:
        """Count a start of the service. After ``STARTS_MAX`` starts in a trial, restore the old release."""
        with contextlib.suppress(BlockingIOError), self._locked(wait=False):  # the camera must not wait
            trial = self._store.trial
            if trial is not None and self._store.count_start(trial) > STARTS_MAX:
                why = f"it was started {STARTS_MAX} times and never judged frames long enough to become final"
                self._take_back(trial, why)
                self._systemctl("try-restart", "--no-block", SPEAKER)

    def end_trial(self, why: str) -> None:
        """Take back the release on trial, if there is one, and start the old one.

        Args:
            why: the reason, for ops.
        """
        with self._locked():
            trial = self._store.trial
            if trial is not None and self._exchange.confirmed() == trial.name:
                self._make_final(trial.name)  # it was confirmed at the last moment
                self._exchange.clear_confirmed()
            elif trial is not None:
                self._take_back(trial, why)
                self._systemctl("reset-failed", SERVICE)
                self._systemctl("restart", "--no-block", SERVICE)
                self._systemctl("try-restart", "--no-block", SPEAKER)

    def roll_back(self) -> None:
        """Take back the last update, at a person's request.

        Raises:
            UpdateError: there is no update to take back.
        """
        with self._locked():
            self._go_back()

    def _roll_back(self) -> bool:
        try:
            self._go_back()
        except UpdateError as e:  # the service refuses such a request at once, unless it is done by now
            _log.info("%s", e)
            return False
        return True

    def _go_back(self) -> None:
        self._take_back(self._store.trial or self._store.reopen_trial(), "this was commanded")
        self._systemctl("reset-failed", SERVICE)
        self._systemctl("try-restart", "--no-block", SERVICE, SPEAKER)

    def _install_incoming(self) -> bool:
        wanted, trial = self._exchange.wanted(), self._store.trial
        if wanted is not None and trial is not None and trial.version == wanted.version:
            return True  # the power failed before the download was deleted
        version = wanted.version if wanted else None
        source = UpdateSource(self._exchange.bundle, self._exchange.signature, wanted=version, over_mqtt=True)
        try:
            self._install(source)
        except MaskgateError as e:
            about = str(wanted.id) if wanted else source.fingerprint(self._keys)
            self._reports.add(about, UpdateResult(result="failed", version=version or "", reason=str(e)))
            return False
        return True

    def _install(self, source: UpdateSource) -> None:
        release = install(source, self._store, load_keys(self._keys), self._self_test)
        _log.info("%s is on trial", release.title)
        self._systemctl("restart", "--no-block", LIMIT)
        self._systemctl("try-restart", "--no-block", SERVICE, SPEAKER)

    def _make_final(self, name: str) -> None:
        trial = self._store.trial
        if trial is None or trial.name != name:
            return
        self._report_trial("finished", trial, "")
        self._store.end_trial()
        self._systemctl("stop", LIMIT)
        self._store.collect()

    def _take_back(self, trial: Trial, why: str) -> None:
        self._store.restore(trial, why)
        self._report_trial("returned", trial, why)
        self._store.end_trial()
        self._systemctl("stop", LIMIT)

    def _report_trial(self, result: Literal["finished", "returned"], trial: Trial, why: str) -> None:
        try:
            in_use = self._store.version_in_use(trial.kind)
        except UpdateError as e:
            _log.error("%s", e)
            in_use = ""
        self._reports.add(
            f"{result} {trial.id}",
            UpdateResult(result=result, kind=trial.kind, version=trial.version, in_use=in_use, reason=why),
        )

    @contextmanager
    def _locked(self, *, wait: bool = True) -> Iterator[None]:
        """Hold the lock, finish what a power cut interrupted, and publish results when the work is done."""
        os.umask(0o022)  # the services must be able to read releases, whatever umask the caller has
        with update_lock(self._store.folder, wait=wait):
            if (trial := self._store.interrupted_return) is not None:
                self._report_trial("returned", trial, self._store.state.given_up[trial.name])
                self._store.end_trial()
            try:
                yield
            finally:
                self._reports.publish()
