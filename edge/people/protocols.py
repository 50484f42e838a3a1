"""What the pipeline asks of its parts; so that it runs in tests without OpenCV, models or a camera."""

from typing import Protocol

from edge.events import TamperReason
from edge.values import Box, Face, Image, Look, MaskScore


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

    def update(self, image: Image) -> bool:
        """Whether there is a cut before this picture."""
        ...


class TamperChangeEvent(Protocol):
    """The camera was tampered with, or is well again."""

    @property
    def opened(self) -> bool:
        """Whether it begins; else it ends."""
        ...

    @property
    def reason(self) -> TamperReason:
        """What was done to it."""
        ...

    @property
    def message(self) -> str:
        """What is seen, in numbers, and what to do."""
        ...

    @property
    def duration_s(self) -> float:
        """Since it began."""
        ...


class TamperMonitor(Protocol):
    """Notices that the camera shows too little, or something else."""

    def update(self, image: Image, now_s: float, *, face_seen: bool) -> TamperChangeEvent | None:
        """What this picture changes; ``face_seen``: it shows a face that can be judged."""
        ...

    @property
    def reason(self) -> TamperReason | None:
        """What is being done to the camera now."""
        ...
