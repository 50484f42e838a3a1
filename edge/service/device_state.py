"""What the device is right now: the one place that reports and commands look at."""

from pathlib import Path
from typing import Protocol

from edge.camera import CameraStatus
from edge.clock import Clock, trusted
from edge.events import Overrides
from edge.hardware import MACHINE_PROBLEMS
from edge.indicators import Indicators
from edge.service.messenger import Messenger
from edge.service.updates import Updates
from edge.values import Frame

_PROBLEMS_MAX = 20


class FrameSource(Protocol):
    """A camera, or what plays one."""

    def start(self) -> None:
        """Start to take pictures."""
        ...

    def next(self, timeout_s: float) -> Frame | None:
        """The newest picture, or None."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no picture will ever come again."""
        ...

    @property
    def status(self) -> CameraStatus:
        """How the source is now."""
        ...

    def close(self) -> None:
        """Stop and join."""
        ...


class DeviceState:
    """Asked again for every report and every command. It belongs to the pipeline's thread.

    Attributes:
        newest: the frame that was judged last; None before the first.
        wrong_way_up: what is wrong with how the camera hangs, as a sentence; None: nothing.
        mask_threshold: set by a command, in force instead of the configured one; None: that one is in force.

    Args:
        source: where frames come from.
        messenger: knows the broker, the outbox, and whether ops has muted the device.
        indicators: the pins.
        updates: which releases run, and what became of the last update.
        clock: the time.
    """

    def __init__(
        self,
        source: FrameSource,
        messenger: Messenger,
        indicators: Indicators,
        updates: Updates,
        clock: Clock,
    ) -> None:
        self._source, self._messenger, self._clock = source, messenger, clock
        self._indicators, self._updates = indicators, updates
        self.newest: Frame | None = None
        self.wrong_way_up: str | None = None
        self.mask_threshold: float | None = None

    @property
    def camera(self) -> CameraStatus:
        """How the camera is."""
        return self._source.status

    @property
    def overrides(self) -> Overrides:
        """What commands have changed."""
        muted_for_s = round(self._messenger.muted_for_s, 1)
        return Overrides(muted_for_s=muted_for_s or None, mask_threshold=self.mask_threshold)

    def problems(self) -> list[str]:
        """All that is wrong, each as a full sentence."""
        own = (self.camera.message, self.wrong_way_up, self._indicators.problem, self._updates.problem)
        found = [*(p for p in own if p), *self._messenger.problems(), *machine_problems()]
        if not trusted(self._clock):
            found.append(
                f"the clock says {self._clock.utc():%Y-%m-%d %H:%M}, which can't be right: no time from the "
                "network yet"
            )
        return found


def machine_problems(path: Path = MACHINE_PROBLEMS) -> list[str]:
    """What ``maskgate machine`` has found; nothing where it never ran."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    problems = [line for line in lines if line]
    more = len(problems) - _PROBLEMS_MAX
    return [
        *problems[:_PROBLEMS_MAX],
        *([f"and {more} more, in the report on the boot partition"] if more > 0 else []),
    ]
