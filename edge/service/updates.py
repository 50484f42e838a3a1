"""The service's part in updates: it asks for them, confirms that a new release works, and reports results.

It can only ask: root checks the signatures and switches (``edge.update``).
"""

import logging
from collections.abc import Callable

from edge.clock import Clock, trusted
from edge.events import Data, Event, Releases, UpdateFailed, UpdateFinished, UpdateReturned
from edge.releases.exchange import Exchange
from edge.releases.release import in_use
from edge.releases.update_messages import UpdateRequest, UpdateResult
from edge.service.messenger import Messenger

_log = logging.getLogger(__name__)
_LOOK_EVERY_S = 5.0
_CONFIRM_EVERY_S = 30.0
"""A confirmation that can't be written is tried again: else root would take back a release that works."""


class Updates:
    """What this run has to do with updates. It belongs to the pipeline's thread.

    Args:
        health_s: for how many seconds a release on trial must judge frames.
        messenger: takes events, and knows whether the broker is reached.
        clock: the time.
        changed: called when a trial is over, because ``info`` names it.
        exchange: the folder that is shared with root.
    """

    def __init__(
        self,
        health_s: float,
        messenger: Messenger,
        clock: Clock,
        changed: Callable[[], None],
        exchange: Exchange | None = None,
    ) -> None:
        self._health_s, self._messenger, self._clock, self._changed = health_s, messenger, clock, changed
        self._exchange = exchange or Exchange()
        application, models = in_use()
        trial = self._exchange.trial()
        runs = {"application": application, "models": models}
        self._trial = trial if trial is not None and runs[trial.kind] == trial.version else None
        self._confirmed = False
        self.releases = Releases(application=application, models=models, on_trial=self._trial is not None)
        self._well_since_s: float | None = None
        self._next_confirm_s = clock.monotonic()
        self._next_look_s = clock.monotonic()
        self.problem: str | None = None
        """The last update that failed or was taken back, since the start."""

    def judged(self) -> None:
        """Count a frame that was judged; after the health period, confirm the release on trial."""
        if self._trial is None or self._confirmed:
            return
        now_s = self._clock.monotonic()
        self._well_since_s = now_s if self._well_since_s is None else self._well_since_s
        if now_s - self._well_since_s < self._health_s or not self._reaches_ops():
            return
        if now_s < self._next_confirm_s:
            return
        self._next_confirm_s = now_s + _CONFIRM_EVERY_S
        try:
            self._exchange.confirm(self._trial)
            self._confirmed = True
        except OSError as e:
            _log.error(
                "%s %s works, but that can't be confirmed: %s", self._trial.kind, self._trial.version, e
            )

    def broken(self) -> None:
        """The camera has failed: the health period starts again."""
        self._well_since_s = None

    def attend(self) -> None:
        """Report the results of updates, if there are any."""
        now_s = self._clock.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + _LOOK_EVERY_S
        for result in self._exchange.results():
            data = _event(result)
            self._messenger.record([Event(result.id, result.time, data, trusted(self._clock))])
            self._exchange.discard(result)
            self.problem = None if result.result == "finished" else str(result)
            if result.result == "finished" and self._confirmed:
                self.releases = self.releases.model_copy(update={"on_trial": False})
                self._changed()

    def ask(self, url: str, version: str) -> None:
        """Have an update downloaded and tried.

        Raises:
            UpdateError: why that is not possible now.
        """
        self._exchange.ask(UpdateRequest(url=url, version=version))

    def ask_rollback(self) -> None:
        """Go back to what was there before the last update.

        Raises:
            UpdateError: why that is not possible.
        """
        self._exchange.ask_rollback()

    def _reaches_ops(self) -> bool:
        """Whether an update that came over MQTT reaches ops again: else nobody could repair it from afar."""
        return self._trial is not None and (
            not self._trial.over_mqtt or self._messenger.link_status.state == "online"
        )


def _event(result: UpdateResult) -> Data:
    if result.result == "failed" or result.kind is None:
        return UpdateFailed(version=result.version, reason=result.reason)
    if result.result == "finished":
        return UpdateFinished(kind=result.kind, version=result.version)
    return UpdateReturned(
        kind=result.kind, version=result.version, in_use=result.in_use, reason=result.reason
    )
