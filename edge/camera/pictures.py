"""Pictures in files: one, or a folder of them."""

import logging
from pathlib import Path

from edge.camera.decoding import PHOTO_PIXELS, decode_file
from edge.camera.paths import Found, open_regular, what_lies_at
from edge.camera.picture_headers import DamagedPictureError
from edge.camera.shown import shown_source
from edge.camera.source_kind import SourceKind
from edge.camera.started import started
from edge.camera.state import CameraSettings, Pictures
from edge.errors import CameraError, UsageError
from edge.values import Image

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
_GIF = (b"GIF87a", b"GIF89a")
_MAX_BYTES = 200_000_000
_log = logging.getLogger(__name__)


def read_picture(path: Path) -> Image:
    """Read one picture from a file.

    Returns:
        (H, W, 3) uint8 RGB, turned upright by its EXIF.

    Raises:
        CameraError: it is not a picture that can be read, or it is too large.
    """
    with open_regular(path) as file:
        try:
            data = file.read(_MAX_BYTES + 1)
        except OSError as e:
            raise CameraError(f"{path}: can't be read: {e.strerror}.") from e
    if data.startswith(_GIF):
        raise CameraError(f"{path}: GIF pictures are not supported; for a moving one: maskgate replay {path}")
    if len(data) > _MAX_BYTES:
        raise CameraError(f"{path}: is larger than {_MAX_BYTES // 1_000_000} MB; is it a picture?")
    try:
        return decode_file(data, PHOTO_PIXELS)
    except DamagedPictureError as e:
        raise CameraError(
            f"{path}: not a readable picture ({len(data)} bytes): it {e}; is it damaged, or not a picture?"
        ) from e


def pictures_in(path: Path) -> list[Path]:
    """The pictures of a folder by name, or the one picture that the path names.

    Raises:
        UsageError: it does not exist, or holds no picture.
        CameraError: it can't be looked at.
    """
    found = what_lies_at(path)
    if found is Found.FILE:
        return [path]
    if found is not Found.FOLDER:
        raise UsageError(f"source {shown_source(str(path))!r}: {found.value}.")
    try:
        inside = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURE_SUFFIXES)
    except OSError as e:
        raise CameraError(f"{path}: can't be read: {e.strerror}.") from e
    pictures = [p for p in inside if what_lies_at(p) is Found.FILE]
    if not pictures:
        raise UsageError(
            f"source {str(path)!r}: no picture in this folder. "
            f"Looked for {', '.join(sorted(PICTURE_SUFFIXES))}."
        )
    return pictures


def open_pictures(settings: CameraSettings) -> Pictures:
    """Open a folder's pictures (or one picture), in the order of their names, ``settings.fps`` a second.

    Pictures that can't be read are logged and skipped.

    Raises:
        CameraError: at once, if none of them can be read.
        UsageError: there is none.
    """
    path = Path(settings.source)
    paths = pictures_in(path)
    none = CameraError(f"{path}: none of its {len(paths)} pictures can be read.")
    return started(_load(paths, settings.fps), none)


def _load(paths: list[Path], fps: float) -> Pictures:
    shown = 0
    for path in paths:
        try:
            image = read_picture(path)
        except CameraError as e:
            _log.warning("%s: skipped", e)
            continue
        yield image, shown / fps
        shown += 1


def _require_pictures(settings: CameraSettings) -> None:
    pictures_in(Path(settings.source))


PICTURES = SourceKind(
    "pictures",
    form="a picture, a folder of pictures",
    open=open_pictures,
    live=False,
    check=_require_pictures,
)
