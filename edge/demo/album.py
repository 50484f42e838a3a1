"""What the demo leaves to look at: the clip with everybody's verdict drawn on it, and one picture."""

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from typing_extensions import Self

from edge.errors import MaskgateError
from edge.people.outcomes import Closed, Opened, Settled
from edge.people.pipeline import FrameResult, Sight
from edge.values import Frame, Image, Verdict

COLOURS = {
    Verdict.MASKED: (40, 170, 80),
    Verdict.NOT_MASKED: (215, 50, 45),
    Verdict.CANNOT_JUDGE: (130, 130, 130),
}
"""RGB."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_COLUMNS = 3


def annotate(image: Image, sights: tuple[Sight, ...]) -> Image:
    """A copy with a box and a label for everybody in view."""
    out = image.copy()
    for sight in sights:
        colour, box = COLOURS[sight.verdict], sight.look.face.box
        x1, y1, x2, y2 = (round(v) for v in box.corners)
        cv2.rectangle(out, (x1, y1), (x2, y2), colour, 2, cv2.LINE_AA)
        label = f"{sight.track.id}: " + (sight.look.flaw or sight.verdict.value.replace("_", " "))
        (w, h), _ = cv2.getTextSize(label, _FONT, 0.5, 1)
        cv2.rectangle(out, (x1, y1 - h - 10), (x1 + w + 8, y1), colour, cv2.FILLED)
        cv2.putText(out, label, (x1 + 4, y1 - 6), _FONT, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    return out


class Album:
    """Draws every frame into ``annotated.mp4``, and the decisive ones into ``visitors.jpg``.

    Args:
        folder: where both are written.
        fps: of the clip.
    """

    def __init__(self, folder: Path, fps: float) -> None:
        self.clip, self.picture = folder / "annotated.mp4", folder / "visitors.jpg"
        self._fps = fps
        self._writer: cv2.VideoWriter | None = None
        self._moments: list[Image] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()
        if self._moments:
            self._write_picture()

    def add(self, frame: Frame, result: FrameResult) -> None:
        """Draw one frame."""
        drawn = annotate(frame.image, result.sights)
        height, width = drawn.shape[:2]
        cv2.putText(
            drawn,
            f"{frame.captured_at:5.1f} s",
            (8, height - 10),
            _FONT,
            0.5,
            (255, 255, 255),
            1,
            cv2.LINE_AA,
        )
        if self._writer is None:
            fourcc = cv2.VideoWriter.fourcc(*"mp4v")
            self._writer = cv2.VideoWriter(str(self.clip), fourcc, self._fps, (width, height))
            if not self._writer.isOpened():
                raise MaskgateError(f"{self.clip}: can't be written; is the folder writable?")
        self._writer.write(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        if any(isinstance(o, (Settled, Opened, Closed)) for o in result.outcomes) and result.sights:
            self._moments.append(drawn)

    def _write_picture(self) -> None:
        blank = np.full_like(self._moments[0], 255)
        cells = self._moments + [blank] * (-len(self._moments) % _COLUMNS)
        rows = [np.hstack(cells[i : i + _COLUMNS]) for i in range(0, len(cells), _COLUMNS)]
        cv2.imwrite(str(self.picture), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
