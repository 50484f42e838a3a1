"""The capture: keeps a source open, whatever happens to it, and hands out its newest frame.

Each connection is read in a thread of its own, because OpenCV may not come back from a call. The supervisor
watches the age of its last picture, abandons a reader that hangs and opens the source anew.
"""

import atexit
import random
import threading
from collections.abc import Callable, Iterator

from edge.camera.kinds import kind_of
from edge.camera.reader import Reader
from edge.camera.slot import FrameSlot
from edge.camera.sources import open_source
from edge.camera.state import CameraSettings, CameraStatus, Fault, Pictures
from edge.clock import Clock
from edge.values import Frame

POLL_S = 0.05
"""How soon the supervisor notices what became of its reader."""
CLOSE_S = 1.0
"""How long ``close`` waits for a thread; a reader that hangs is left to end with the process."""
MAX_STUCK = 2
"""Abandoned readers that may be alive at the same time: each holds a thread and a decoder."""


class Camera:
    """Owns the capture threads of one source.

    Frames of a frozen camera are held back, for they are stale; black ones are given, for they are true.

    Args:
        settings: which source and when it counts as broken.
        clock: times the frames and the deadlines.
        stop: ends the capture; ``close`` sets it. Its own where None.
        rng: the jitter of the back-off.
        open_source: opens the source for the settings; ``edge.sim.camera`` has a scripted one.

    Raises:
        UsageError: the source is no form that we know, or a file that is not there.
        CameraError: a clip or folder can't be looked at.
    """

    def __init__(
        self,
        settings: CameraSettings,
        clock: Clock,
        stop: threading.Event | None = None,
        rng: random.Random | None = None,
        open_source: Callable[[CameraSettings], Pictures] = open_source,
    ) -> None:
        self._settings, self._clock, self._open = settings, clock, open_source
        self._live = kind_of(settings.source).live
        self._stop = stop or threading.Event()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._board = FrameSlot(settings, clock, checked=self._live)
        self._supervisor: threading.Thread | None = None
        self._readers: list[Reader] = []
        """The current reader last, before it those that were abandoned and still hang."""

    def start(self) -> None:
        """Begin to capture.

        Raises:
            CameraError: a clip or folder has no picture that can be read. A live camera does not fail here:
                it is tried until it comes.
        """
        opened = None if self._live else self._open(self._settings)
        first = self._new_reader(opened)
        self._supervisor = threading.Thread(target=self._supervise, args=(first,), name="camera", daemon=True)
        self._supervisor.start()
        # a reader that comes back from OpenCV into an interpreter that is ending aborts the process
        atexit.register(self.close)

    def next(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not taken yet; None if none comes in time, at the end, or on stop."""
        return self._board.next(timeout_s)

    @property
    def ended(self) -> bool:
        """Whether a finite source has given all its frames and the last one was taken."""
        return self._board.ended

    @property
    def status(self) -> CameraStatus:
        """How the camera is now."""
        return self._board.status

    def close(self) -> None:
        """Stop and wait, but never for long: a reader that hangs in a driver ends with the process."""
        atexit.unregister(self.close)
        self._stop.set()
        if self._supervisor:
            self._supervisor.join(CLOSE_S)
            self._readers[-1].join(CLOSE_S)

    def _new_reader(self, opened: Pictures | None = None) -> Reader:
        reader = Reader(
            lambda: opened or self._open(self._settings), self._board.put, self._clock, self._stop
        )
        self._readers = [*(r for r in self._readers if r.alive), reader]
        return reader

    def _supervise(self, reader: Reader) -> None:
        pauses = self._pauses()
        try:
            while self._follow(reader):
                if reader.last_s - reader.born_s > self._settings.backoff_max_s:
                    pauses = self._pauses()  # it worked for long: a new trouble, not the old one
                if not self._pause(pauses):
                    break
                reader = self._new_reader()
        finally:
            self._board.finish(ended=reader.ended)

    def _follow(self, reader: Reader) -> bool:
        """Let it read until it is over; whether to try again."""
        self._board.admit(reader)
        reader.start()
        while not self._stop.wait(POLL_S):
            if reader.ended:
                return False
            over = self._why_over(reader)
            if over:
                self._board.fail(*over)
                return True
        return False

    def _why_over(self, reader: Reader) -> tuple[Fault, str] | None:
        s, now_s, status = self._settings, self._clock.monotonic(), self.status
        fault = Fault.NO_FRAMES if reader.pictures else Fault.CANNOT_OPEN
        limit_s = s.read_timeout_s if reader.pictures else s.open_timeout_s
        if reader.done:
            return fault, str(reader.error or f"{status.source}: the capture failed; see the log.")
        if self._live and now_s - reader.last_s > limit_s:
            return fault, (
                f"{status.source}: no picture for {limit_s:g} s; check the camera's power, cable, network. "
                "It is opened again until it answers."
            )
        if status.fault is Fault.FROZEN and now_s - reader.born_s > s.frozen_after_s + s.backoff_max_s:
            return Fault.FROZEN, status.message  # some cameras come back to life when they are opened anew
        return None

    def _pause(self, pauses: Iterator[float]) -> bool:
        """Wait before the next attempt, and until few readers hang; False on stop."""
        while not self._stop.wait(next(pauses)):
            if sum(r.alive for r in self._readers) < MAX_STUCK:
                return True
        return False

    def _pauses(self) -> Iterator[float]:
        pause_s = self._settings.backoff_min_s
        while True:
            yield pause_s * self._rng.uniform(0.5, 1.0)
            pause_s = min(2 * pause_s, self._settings.backoff_max_s)
