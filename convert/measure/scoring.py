"""The device's own classifier over faces."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from convert.data.read_pictures import BrokenPictureError, read_rgb
from convert.data.records import Record
from convert.progress_log import Tell
from edge.errors import UsageError
from edge.model.classifier import MaskClassifier
from edge.model.contract import Contract
from edge.model.preprocess import face_input, light
from edge.values import Image, MaskScore, Verdict


@dataclass(frozen=True, slots=True)
class Scored:
    """One face with the device's opinion."""

    record: Record
    score: MaskScore
    accepted: bool
    """Whether the device says that a mask is worn properly."""
    took_s: float
    """Crop, resize and inference."""
    width_px: float
    """Of the detector's box, or of the picture where it is a face crop."""
    brightness: float
    sharpness: float
    """Both as ``edge.model.preprocess.light`` measures them."""

    @property
    def right(self) -> bool:
        """Whether the device's opinion is the label's."""
        return self.accepted == self.record.positive


@dataclass(frozen=True, slots=True)
class Scores:
    """All faces that could be read, and the names of those that could not."""

    faces: list[Scored] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def all_faces(self) -> list[Scored]:
        """The faces, where none is missing.

        Raises:
            UsageError: a picture could not be read, so that figures would be of other faces than wanted.
        """
        if self.unreadable:
            raise UsageError(
                f"{len(self.unreadable)} of {len(self.unreadable) + len(self.faces)} pictures of the dataset "
                f"can't be read any more, the first: {self.unreadable[0]}. Put them back where they were, or "
                "run `mask-convert prepare` again"
            )
        return self.faces


def score(classifier: MaskClassifier, records: Iterable[Record], progress: Tell = lambda _: None) -> Scores:
    """Ask the classifier about every face; unreadable pictures are named, not fatal."""
    scores = Scores()
    for i, record in enumerate(records):
        try:
            image = read_rgb(record.path)
        except BrokenPictureError as e:
            scores.unreadable.append(str(e))
            continue
        began = time.perf_counter()
        result = classifier.score(image, record.box)
        took_s = time.perf_counter() - began
        brightness, sharpness = light(image, record.box)
        width_px = record.box.width if record.box else float(image.shape[1])
        accepted = classifier.verdict(result) is Verdict.MASKED
        scores.faces.append(Scored(record, result, accepted, took_s, width_px, brightness, sharpness))
        if (i + 1) % 1000 == 0:
            progress(f"{i + 1} faces scored")
    return scores


def device_input(record: Record, contract: Contract) -> Image:
    """The (H, W, 3) uint8 RGB that the device would feed to a mask model of this contract.

    Raises:
        BrokenPictureError: the picture can't be read.
    """
    height, width = contract.input.shape[:2]
    margin = contract.crop.margin if contract.crop else 0.0
    return face_input(read_rgb(record.path), record.box, (height, width), margin)
