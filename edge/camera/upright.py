"""Notices a camera that hangs on its side or upside down. Pure: no I/O, no threads, no clock.

A face detector finds faces best when they are upright: on eight clips its best score was about .90 in the
right picture, and lower in turned ones, often 0. So now and then a picture is turned and looked at again.
One look proves nothing, many that agree do.
"""

from collections import deque
from collections.abc import Callable, Sequence

from edge.camera.orientation import Turn
from edge.values import Face, Image

LOOK_EVERY_S = 6.0
"""One angle is tried this often, which takes one or two runs of the detector."""
CERTAIN = 0.8
"""A detector score that means a face."""
BETTER = 0.05
"""By how much the turned picture's best score must be higher."""
_VOTES, _NEEDED = 6, 5
_ANGLES = (180, 90, 270)


class UprightCheck:
    """Looks at turned pictures now and then.

    Args:
        find: finds faces in a picture.
        turn: how pictures are turned already.
    """

    def __init__(self, find: Callable[[Image], Sequence[Face]], turn: Turn) -> None:
        self._find, self._turn = find, turn
        self._next_s: float | None = None
        self._looks = 0
        self._votes: dict[int, deque[bool]] = {angle: deque(maxlen=_VOTES) for angle in _ANGLES}

    def look(self, image: Image, now_s: float) -> None:
        """Look at a picture, (H, W, 3) uint8 RGB, if it is time to; ``now_s`` on any steady clock."""
        if self._next_s is None:  # the first pictures are wanted soon
            self._next_s = now_s + LOOK_EVERY_S
        if now_s < self._next_s:
            return
        self._next_s = now_s + LOOK_EVERY_S
        angle = _ANGLES[self._looks % len(_ANGLES)]
        self._looks += 1
        turned = self._best(Turn(angle).upright(image))
        if turned >= CERTAIN:
            self._votes[angle].append(turned > self._best(image) + BETTER)
        elif self._votes[angle] and self._best(image) >= CERTAIN:
            self._votes[angle].append(False)

    @property
    def problem(self) -> str | None:
        """What to write into the configuration, as a sentence; None while the picture seems upright."""
        angle = max(_ANGLES, key=lambda angle: sum(self._votes[angle]))
        if sum(self._votes[angle]) < _NEEDED:
            return None
        # what is mirrored after it was turned has to be turned the other way
        wanted = (self._turn.rotate + (-angle if self._turn.flip else angle)) % 360
        return (
            f"faces are found better when the picture is turned by {angle} degrees: if the camera hangs that "
            f"way, write rotate = {wanted} into [camera]"
        )

    def _best(self, image: Image) -> float:
        return max((face.score for face in self._find(image)), default=0.0)
