"""Single pictures, judged by the code that the service uses."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.camera import PICTURE_SUFFIXES, Found, read_picture, what_lies_at
from edge.errors import CameraError, UsageError
from edge.people.compose import LoadedModels
from edge.values import Face, Image, Look, MaskScore, Verdict


@dataclass(frozen=True, slots=True)
class JudgedFace:
    """One face: its look, the classifier's score, and the verdict that follows from both."""

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
    """A picture that could not be read, or a folder without pictures, and the reason as a full sentence."""

    file: str
    message: str


def find_pictures(paths: Sequence[Path]) -> list[Path | Unreadable]:
    """All pictures to judge: the given files, and for each folder the pictures in and below it, by name.

    A missing file is left to ``judge_pictures``, which reports it.

    Raises:
        UsageError: the only path is a folder without pictures.
    """
    found: list[Path | Unreadable] = []
    for path in paths:
        try:
            folder = what_lies_at(path) is Found.FOLDER
        except CameraError as e:
            found.append(Unreadable(str(path), str(e)))
            continue
        inside = _below(path) if folder else [path]
        empty = f"{path}: no picture in or below it (looked for {', '.join(sorted(PICTURE_SUFFIXES))})"
        if not inside and len(paths) == 1:
            raise UsageError(empty)
        found += inside or [Unreadable(str(path), empty)]
    return found


def _below(folder: Path) -> list[Path | Unreadable]:
    unreadable: list[Path | Unreadable] = []

    def note(error: OSError) -> None:
        unreadable.append(Unreadable(error.filename, f"{error.filename}: can't be read: {error.strerror}."))

    names = [Path(where) / name for where, _, files in os.walk(folder, onerror=note) for name in files]
    return [*unreadable, *sorted(p for p in names if p.suffix.lower() in PICTURE_SUFFIXES)]


def judge_pictures(
    paths: Iterable[Path | Unreadable], models: LoadedModels
) -> Iterator[Picture | Unreadable]:
    """Judge every picture, in order; a picture that can't be read does not stop the others."""
    for path in paths:
        if isinstance(path, Unreadable):
            yield path
            continue
        try:
            image = read_picture(path)
        except CameraError as e:
            yield Unreadable(str(path), str(e))
            continue
        faces = tuple(_judge(image, face, models) for face in models.detector.find(image))
        yield Picture(str(path), image.shape[1], image.shape[0], faces)


def _judge(image: Image, face: Face, models: LoadedModels) -> JudgedFace:
    look = models.assess(image, face)
    score = models.classifier.score(image, face.box)
    return JudgedFace(look, score, Verdict.CANNOT_JUDGE if look.flaw else models.classifier.verdict(score))
