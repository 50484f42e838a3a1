"""One connection to a source, read by a thread of its own."""

import threading
from collections.abc import Callable
from contextlib import closing

from edge.camera.state import DamagedPicture, Pictures
from edge.clock import Clock
from edge.errors import MaskgateError
from edge.values import Image


class Reader:
    """Reads a source until it ends or breaks off, or until its pictures are no longer wanted.

    Args:
        open_: opens the source.
        deliver: takes a picture, or what stands for a damaged one; returns False when this reader is no
            longer wanted.
        clock: paces finite sources.
        stop: ends the pause between two pictures.
    """

    def __init__(
        self,
        open_: Callable[[], Pictures],
        deliver: Callable[["Reader", Image | DamagedPicture], bool],
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._open, self._deliver, self._clock, self._stop = open_, deliver, clock, stop
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="camera-reader", daemon=True)
        self.born_s = self.last_s = clock.monotonic()
        """When it was made, and when its last picture came; monotonic seconds."""
        self.good_s = 0.0
        """From its first picture to its last."""
        self.pictures = 0
        self.damage: DamagedPicture | None = None
        """The last damaged picture, if no good one came after it."""
        self.ended = False
        """Whether a finite source has given all its pictures."""
        self.error: MaskgateError | None = None

    def start(self) -> None:
        """Open the source and read it, in the reader's own thread."""
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether ``ended`` and ``error`` are final."""
        return self._done.is_set()

    @property
    def alive(self) -> bool:
        """Whether its thread still runs, perhaps stuck in a driver."""
        return self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end, at most ``timeout_s`` seconds."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            with closing(self._open()) as pictures:
                self.ended = self._play(pictures)
        except MaskgateError as e:
            self.error = e
        finally:
            self._done.set()

    def _play(self, pictures: Pictures) -> bool:
        """Deliver the pictures when they are due; True if all of them were delivered."""
        start_s = first_s = None
        for image, due_s in pictures:
            now_s = self._clock.monotonic()
            start_s = now_s if start_s is None else start_s
            early_s = start_s + due_s - now_s
            if early_s > 0 and self._stop.wait(early_s):
                return False
            if isinstance(image, DamagedPicture):
                self.damage = image
            else:
                self.damage, self.last_s = None, self._clock.monotonic()
                first_s = self.last_s if first_s is None else first_s
                self.good_s = self.last_s - first_s
                self.pictures += 1
            if not self._deliver(self, image):
                return False
        return True
