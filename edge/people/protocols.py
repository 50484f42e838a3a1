"""What the pipeline needs of its parts, so that it runs in tests without OpenCV, models or a camera."""

from collections.abc import Sequence
from enum import IntEnum
from typing import Protocol

from edge.events import TamperReason
from edge.people.outcomes import TamperChange
from edge.values import Box, Face, Image, Look, MaskScore


class Cut(IntEnum):
    """Whether the picture was cut."""

    NONE = 0
    LIKELY = 1
    """It is one if nobody's face is where it is expected."""
    SURE = 2


class Detector(Protocol):
    """Finds faces."""

    def find(self, image: Image) -> list[Face]:
        """All faces, in the picture's pixels."""
        ...


class Classifier(Protocol):
    """Judges one look at one face."""

    def score(self, image: Image, box: Box | None, *, mirrored: bool) -> MaskScore:
        """The probability of a properly worn mask, of the face or of its mirror image."""
        ...


class Assessor(Protocol):
    """Says whether and how well a face can be judged."""

    def __call__(self, image: Image, face: Face, min_width_px: float | None) -> Look:
        """Judge a look; ``min_width_px`` overrides the usual minimum."""
        ...


class Cuts(Protocol):
    """Notices that the picture shows another scene."""

    def update(self, image: Image) -> Cut:
        """Whether there is a cut before this picture."""
        ...


class TamperMonitor(Protocol):
    """Notices that the camera shows too little, or something else."""

    def update(
        self, image: Image, now_s: float, *, face_seen: bool, people: Sequence[Box]
    ) -> TamperChange | None:
        """What this picture changes; None: nothing.

        ``face_seen``: it shows a face that can be judged; ``people``: all faces in it, in px.
        """
        ...

    @property
    def reason(self) -> TamperReason | None:
        """The reason of the tampering that is open; None: there is none."""
        ...
