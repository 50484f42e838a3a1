"""What every source of faces gives: a face with its picture and its ties; and notes of what went wrong."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from convert.data.read_pictures import SUFFIXES, BrokenPictureError, read_rgb
from convert.data.records import Record
from edge.values import Image

MIN_WIDTH_PX = 20
PHOTO_ID = re.compile(r"maksssksksss\d+")
"""The photo's name in the collection that several sources were cut from."""


@dataclass(slots=True)
class Notes:
    """What was left out and what was taken otherwise than given: counts by reason, and every one by name."""

    left_out: dict[str, int] = field(default_factory=dict)
    left_out_by_name: list[str] = field(default_factory=list)
    changed: dict[str, int] = field(default_factory=dict)
    changed_by_name: list[str] = field(default_factory=list)

    def leave_out(self, reason: str, text: str) -> None:
        """Note something that is not in the dataset."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1
        self.left_out_by_name.append(f"{reason}: {text}")

    def change(self, what: str, text: str) -> None:
        """Note something that is in the dataset, but not as its source gave it."""
        self.changed[what] = self.changed.get(what, 0) + 1
        self.changed_by_name.append(f"{what}: {text}")


@dataclass(frozen=True, eq=False, slots=True)
class Candidate:
    """A face with its picture and everything that ties it to others of the same photo or person."""

    record: Record
    """Its ``split`` is the one that the source gives, if any."""
    image: Image
    """(H, W, 3) uint8 RGB: the face crop or the whole photo."""
    ties: tuple[str, ...]


def read_or_note(path: Path, notes: Notes) -> tuple[Image, str] | None:
    """A picture and the SHA-256 of its file; None, and a note, where there is none that can be read."""
    if path.suffix.lower() not in SUFFIXES:
        notes.leave_out("not a picture", str(path))
        return None
    if not path.is_file():
        notes.leave_out("missing file", str(path))
        return None
    try:
        return read_rgb(path), hashlib.sha256(path.read_bytes()).hexdigest()
    except BrokenPictureError as e:
        notes.leave_out("broken file", str(e))
        return None


def wide_enough(path: Path, width_px: float, notes: Notes) -> bool:
    """Whether a face is at least ``MIN_WIDTH_PX`` wide; noted where it isn't."""
    if width_px >= MIN_WIDTH_PX:
        return True
    notes.leave_out("too small", f"{path}: a face {width_px:.0f} px wide, at least {MIN_WIDTH_PX} wanted")
    return False


def look_hash(image: Image) -> str:
    """64 bits of brightness gradients, the same for re-encoded and resized copies of a picture."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA)
    return np.packbits(grey[:, 1:] > grey[:, :-1]).tobytes().hex()


def photo_tie(group: str) -> str:
    """One name for a photo or person, however a source writes it."""
    name = group if group.startswith(("photo:", "person:")) else f"photo:{group}"
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and f".{suffix.lower()}" in SUFFIXES else name
