"""Whether the camera still shows what it is meant to show. Pure: time comes in as an argument."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.config import TamperingConfig
from edge.events import TamperReason
from edge.people.outcomes import TamperChange
from edge.people.tampering.bystanders import Bystanders
from edge.people.tampering.features import Eye, Features, Marks
from edge.people.tampering.judge import CLOSE, OPEN, Finding, describe, is_outshone, judge
from edge.people.tampering.reference import Comparison, Reference
from edge.values import Box, Image

EVERY_S = 0.25
"""A picture that comes sooner after the last one, in seconds, is not looked at."""
SETTLE_S = 2.0
"""For this time, in seconds, the first pictures only show how noisy the camera is."""
GAP_S = 5.0
"""After a longer pause, in seconds, the averages start again."""
CLEAR_S = 2.0
"""The picture must be as usual for this time, in seconds, before a tampering is closed."""
_MIN_FREE = 0.5
"""A view is learned once people leave at least this share of it free."""
RELEARN_S = 600.0
"""A new view that stays for this time, in seconds, is intended: somebody has moved the camera."""


@dataclass(frozen=True, eq=False, slots=True)
class _Moment:
    """One picture that was looked at."""

    at_s: float
    dt_s: float
    """Seconds since the picture before."""
    features: Features
    view: Comparison | None
    finding: Finding
    free: Marks
    """The cells that nobody covers."""


@dataclass(slots=True)
class _Suspicion:
    """Something is wrong, but not yet for long enough to report it."""

    begin_s: float
    lasted_s: float = 0.0
    """How long it was seen, less the time in which the picture was unsure."""
    seen: Counter[TamperReason] = field(default_factory=Counter)


@dataclass(slots=True)
class _Tampering:
    """The tampering that is open."""

    reason: TamperReason
    begin_s: float
    well_s: float = 0.0
    other: Reference | None = None
    """The view that is seen instead, since ``other_since_s``."""
    other_since_s: float = 0.0


class TamperCheck:
    """Watches the pictures of one camera; at most one tampering is open.

    A reference of the view is learned from the first pictures. It follows the daylight, but not a tampering.
    A tampering is opened under the reason seen most until then and keeps it, whatever follows, until the
    picture fits the reference again, or until another view has stayed for ``RELEARN_S`` and becomes the
    reference. The reference does not outlive a restart.

    Args:
        settings: whether to look at all, and how long a tampering must last.
    """

    def __init__(self, settings: TamperingConfig) -> None:
        self._settings = settings
        self._eye = Eye()
        self._bystanders = Bystanders()
        self._settled_s = 0.0
        self._last_s: float | None = None
        self._reference: Reference | None = None
        self._suspicion: _Suspicion | None = None
        self._open: _Tampering | None = None

    @property
    def reason(self) -> TamperReason | None:
        """The reason of the tampering that is open; None: all is well."""
        return None if self._open is None else self._open.reason

    def update(
        self, image: Image, now_s: float, *, face_seen: bool = False, people: Sequence[Box] = ()
    ) -> TamperChange | None:
        """Look at the next picture; pictures come in the order of time.

        Args:
            image: (H, W, 3) uint8 RGB.
            now_s: when it was taken, seconds on a clock that does not jump.
            face_seen: a face that can be judged is in it.
            people: all faces in it, in the picture's pixels.

        Returns:
            What has changed, if something has.
        """
        dt_s = 0.0 if self._last_s is None else now_s - self._last_s
        if not self._settings.enabled or (self._last_s is not None and dt_s < EVERY_S - 1e-6):
            return None
        self._last_s = now_s
        if dt_s > GAP_S:
            self._eye, self._settled_s, self._suspicion, dt_s = Eye(), 0.0, None, 0.0
        features = self._eye.look(image, dt_s)
        self._settled_s += dt_s
        if self._settled_s < SETTLE_S:
            return None
        free = self._bystanders.update(people, (image.shape[1], image.shape[0]), now_s)
        view = self._reference.compare(features, free) if self._reference else None
        finding = judge(features, view, CLOSE if self._open else OPEN)
        if face_seen and finding in {"covered", "defocused"}:
            finding = "unsure"  # a crowd hides the view and has little texture, but it has faces
        moment = _Moment(now_s, dt_s, features, view, finding, free)
        if finding == "well":
            self._learn(moment)
        return self._watch(moment, self._open) if self._open else self._suspect(moment)

    def _learn(self, moment: _Moment) -> None:
        if moment.view and is_outshone(moment.view):
            # the exposure must settle first, as at the start
            self._reference, self._settled_s = None, 0.0
        elif self._reference is None:
            if moment.free.mean() >= _MIN_FREE:
                self._reference = Reference(moment.features, moment.free)
        else:
            self._reference.learn(moment.features, moment.dt_s, moment.free)

    def _suspect(self, moment: _Moment) -> TamperChange | None:
        """Whether a tampering must be opened; none is open."""
        if moment.finding == "well":
            self._suspicion = None
            return None
        suspicion = self._suspicion
        if moment.finding == "unsure":
            if suspicion is not None:
                suspicion.lasted_s -= moment.dt_s
                self._suspicion = suspicion if suspicion.lasted_s > 0 else None
            return None
        if suspicion is None:
            suspicion = self._suspicion = _Suspicion(moment.at_s)
        else:
            suspicion.lasted_s += moment.dt_s
        suspicion.seen[moment.finding] += 1
        if suspicion.lasted_s < self._settings.after_s:
            return None
        reason = suspicion.seen.most_common(1)[0][0]
        self._open, self._suspicion = _Tampering(reason, suspicion.begin_s), None
        message = describe(reason, moment.features, moment.view)
        return TamperChange(
            opened=True, reason=reason, message=message, duration_s=moment.at_s - suspicion.begin_s
        )

    def _watch(self, moment: _Moment, it: _Tampering) -> TamperChange | None:
        """Whether the open tampering is over."""
        if moment.finding == "well":
            it.well_s, it.other = it.well_s + moment.dt_s, None
            known = f"{moment.view.known:.0%} of it is seen" if moment.view else "it is learned again"
            message = f"The camera shows its usual view again: {known}."
            return self._close(it, message, moment.at_s) if it.well_s >= CLEAR_S else None
        it.well_s = 0.0
        if moment.finding != "turned":
            return None
        if it.other is None or it.other.compare(moment.features, moment.free).known < CLOSE.known:
            it.other, it.other_since_s = Reference(moment.features, moment.free), moment.at_s
        it.other.learn(moment.features, moment.dt_s, moment.free)
        if moment.at_s - it.other_since_s < RELEARN_S:
            return None
        self._reference = it.other
        message = (
            f"The camera's new view has stayed for {RELEARN_S / 60:.0f} minutes and is taken as its usual "
            "one. Check that the entrance, the zones and the lines are where they should be."
        )
        return self._close(it, message, moment.at_s)

    def _close(self, it: _Tampering, message: str, now_s: float) -> TamperChange:
        self._open = None
        return TamperChange(opened=False, reason=it.reason, message=message, duration_s=now_s - it.begin_s)
