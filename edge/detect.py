"""``maskgate detect``: faces and verdicts of single pictures, by the service's own code."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.camera import PICTURE_SUFFIXES, read_picture
from edge.compose import Judges
from edge.errors import CameraError, UsageError
from edge.values import Face, Image, Look, MaskScore, Verdict


@dataclass(frozen=True, slots=True)
class JudgedFace:
    """One face: the look at it, the classifier's opinion, and what follows."""

    look: Look
    score: MaskScore
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture and its faces, best first."""

    file: str
    width: int
    height: int
    faces: tuple[JudgedFace, ...]

    def json(self) -> dict[str, Any]:
        """The object that ``--jsonl`` prints; boxes are x1, y1, x2, y2 in the picture's pixels."""
        return {
            "file": self.file,
            "width": self.width,
            "height": self.height,
            "faces": [
                {
                    "box": [round(v, 1) for v in f.look.face.box.corners],
                    "detector_score": round(f.look.face.score, 4),
                    "mask_probability": round(f.score.probability, 4),
                    "verdict": f.verdict.value,
                }
                for f in self.faces
            ],
        }


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A picture that could not be judged, and why, in a full sentence."""

    file: str
    message: str


def find_pictures(paths: Sequence[Path]) -> list[Path]:
    """Files as given, each folder as the pictures in and below it, by name.

    Raises:
        UsageError: a folder holds no picture. A file that is missing is left to ``detect``, which names it.
    """
    found = []
    for path in paths:
        below = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURE_SUFFIXES and p.is_file())
        if path.is_dir() and not below:
            raise UsageError(
                f"{path}: no picture in or below it (looked for {', '.join(sorted(PICTURE_SUFFIXES))})"
            )
        found += below if path.is_dir() else [path]
    return found


def detect(paths: Sequence[Path], judges: Judges) -> Iterator[Picture | Unreadable]:
    """Judge every picture, in order; one that can't be read does not stop the rest."""
    for path in paths:
        try:
            image = read_picture(path)
        except CameraError as e:
            yield Unreadable(str(path), str(e))
            continue
        faces = tuple(_judge(image, face, judges) for face in judges.detector.find(image))
        yield Picture(str(path), image.shape[1], image.shape[0], faces)


def _judge(image: Image, face: Face, judges: Judges) -> JudgedFace:
    look = judges.assess(image, face)
    score = judges.classifier.score(image, face.box)
    return JudgedFace(look, score, Verdict.CANNOT_JUDGE if look.flaw else judges.classifier.verdict(score))
