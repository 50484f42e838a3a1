"""The capture: keeps a source open, whatever happens to it, and hands out its newest frame.

A thread of its own reads each connection, because a call of OpenCV may never return. The supervisor watches
the age of the last picture. It abandons a reader that hangs, and opens the source again.
"""

import atexit
import logging
import random
import threading
from collections.abc import Callable

from edge.backoff import Backoff
from edge.camera.kinds import check_source, open_source
from edge.camera.reader import Reader
from edge.camera.slot import FrameSlot
from edge.camera.state import CameraSettings, CameraStatus, Fault, Pictures
from edge.clock import Clock
from edge.values import Frame

POLL_S = 0.05
"""How often the supervisor looks at its reader."""
CLOSE_S = 1.0
"""How long ``close`` waits for each thread; a reader that hangs ends with the process."""
GOOD_S = 2.0
"""Pictures for this long end a series of failures: the next pause is the shortest one again."""
MAX_STUCK = 2
"""How many readers may be alive at the same time: each holds a thread and a decoder."""

_log = logging.getLogger(__name__)


class Camera:
    """Owns the capture threads of one source.

    Frames of a frozen camera are held back, because they are stale. Black frames are given, because they are
    true.

    Args:
        settings: which source and when it counts as broken.
        clock: times the frames and the deadlines.
        stop: ends the capture; ``close`` sets it. None: the camera makes its own.
        rng: the jitter of the back-off.
        open_source: opens the source for the settings; ``edge.sim.camera`` has a scripted one.

    Raises:
        UsageError: the source has none of the forms, or names a file that does not exist.
        ConfigError: a file that the settings name can't be used.
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
        self._live = check_source(settings).live
        self._stop = stop or threading.Event()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._board = FrameSlot(settings, clock, checked=self._live)
        self._supervisor: threading.Thread | None = None
        self._readers: list[Reader] = []
        """The current reader last, before it those that were abandoned and still hang."""

    def start(self) -> None:
        """Start to capture.

        Raises:
            CameraError: a clip or folder has no picture that can be read. A live camera does not fail here:
                it is opened again and again until it answers.
        """
        if self._settings.certificate == "insecure":
            _log.warning(
                "camera.certificate is insecure: anybody on the way can pretend to be %s",
                self.status.source,
            )
        opened = None if self._live else self._open(self._settings)
        first = self._new_reader(opened)
        self._supervisor = threading.Thread(target=self._supervise, args=(first,), name="camera", daemon=True)
        self._supervisor.start()
        # a reader that comes back from OpenCV into an interpreter that is ending aborts the process
        atexit.register(self.close)

    def next(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not taken yet; None if none comes in time, after the end, or on stop."""
        return self._board.next(timeout_s)

    @property
    def ended(self) -> bool:
        """Whether a finite source has given all its frames, and the last one was taken."""
        return self._board.ended

    @property
    def status(self) -> CameraStatus:
        """The camera's state now."""
        return self._board.status

    def close(self) -> None:
        """Stop, and wait briefly; a reader that hangs in a driver ends with the process."""
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
        failures = 0
        try:
            while self._follow(reader):
                failures = 1 if reader.good_s >= GOOD_S else failures + 1
                if not self._pause(failures):
                    break
                reader = self._new_reader()
        finally:
            self._board.finish(ended=reader.ended)

    def _follow(self, reader: Reader) -> bool:
        """Watch a reader until it is over; True if the source is to be opened again."""
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
        if self._live and now_s - reader.last_s > limit_s and reader.damage is not None:
            return fault, (
                f"{status.source}: no picture that can be used for {limit_s:g} s: the last one "
                f"{reader.damage.reason}. Check the camera's settings, cable and network. "
                "It is opened again until it gives good pictures."
            )
        if self._live and now_s - reader.last_s > limit_s:
            return fault, (
                f"{status.source}: no picture for {limit_s:g} s; check the camera's power, cable, network. "
                "It is opened again until it answers."
            )
        if status.fault is Fault.FROZEN and now_s - reader.born_s > s.frozen_after_s + s.backoff_max_s:
            return Fault.FROZEN, status.message  # some cameras recover when they are opened again
        return None

    def _pause(self, failures: int) -> bool:
        """Wait before the next attempt, and until few readers are alive; False on stop."""
        retry = Backoff(self._settings.backoff_min_s, self._settings.backoff_max_s)
        while not self._stop.wait(retry.pause_s(failures, self._rng)):
            if sum(r.alive for r in self._readers) < MAX_STUCK:
                return True
            failures += 1
        return False
