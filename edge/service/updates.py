"""The service's part in updates: asks for them, proves that a new release works, tells what came of it.

Whatever it does, it can only ask: root checks signatures and switches (``edge.update``).
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
"""Until it can be written: else what works would be taken back."""


class Updates:
    """One thread.

    Args:
        health_s: so long a release on trial must judge frames.
        messenger: takes events, and knows whether the broker is reached.
        clock: the time.
        changed: called when a trial is over, for ``info`` says so.
        exchange: where root looks.
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
        """A frame was."""
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
            _log.error("%s %s works, which can't be said: %s", self._trial.kind, self._trial.version, e)

    def broken(self) -> None:
        """The camera is: the health period begins anew."""
        self._well_since_s = None

    def attend(self) -> None:
        """Tell what came of updates, if anything did."""
        now_s = self._clock.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + _LOOK_EVERY_S
        for outcome in self._exchange.results():
            data = _event(outcome)
            self._messenger.record([Event(outcome.id, outcome.time, data, trusted(self._clock))])
            self._exchange.discard(outcome)
            self.problem = None if outcome.result == "finished" else str(outcome)
            if outcome.result == "finished" and self._confirmed:
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
        """What came over the broker must reach it again, or nobody could mend it from afar."""
        return self._trial is not None and (
            not self._trial.over_mqtt or self._messenger.link_status.state == "online"
        )


def _event(outcome: UpdateResult) -> Data:
    if outcome.result == "failed" or outcome.kind is None:
        return UpdateFailed(version=outcome.version, reason=outcome.reason)
    if outcome.result == "finished":
        return UpdateFinished(kind=outcome.kind, version=outcome.version)
    return UpdateReturned(
        kind=outcome.kind, version=outcome.version, in_use=outcome.in_use, reason=outcome.reason
    )
