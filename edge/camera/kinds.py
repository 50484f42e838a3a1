"""The table of camera kinds, and which of them a source is."""

from contextlib import closing
from pathlib import Path

from edge.camera.clips import CLIP
from edge.camera.csi import CSI
from edge.camera.gstreamer import GSTREAMER
from edge.camera.http import HTTP
from edge.camera.orientation import Turn
from edge.camera.paths import Found, require_utf8, what_lies_at
from edge.camera.pictures import PICTURE_SUFFIXES, PICTURES
from edge.camera.rtsp import RTSP
from edge.camera.shown import shown_source
from edge.camera.source_kind import SourceKind
from edge.camera.state import CameraSettings, DamagedPicture, Pictures
from edge.camera.v4l2 import V4L2
from edge.errors import CameraError, UsageError

KINDS: tuple[SourceKind, ...] = (V4L2, RTSP, HTTP, CSI, GSTREAMER, CLIP, PICTURES)
FORMS = f"A source is one of: {', '.join(kind.form for kind in KINDS)}"


def kind_of(source: str) -> SourceKind:
    """Classify a source. A device that is not there is still a V4L2 camera: it may be plugged in later.

    Raises:
        UsageError: the text has none of the forms, or names a file that does not exist.
        CameraError: what it names can't be looked at, or OpenCV can't be given its name.
    """
    if not source:
        raise UsageError(f"the source is empty. {FORMS}.")
    shown = shown_source(source)
    require_utf8(shown)
    kind = next((kind for kind in KINDS if kind.means(source)), None)
    if kind is not None and kind is not V4L2:
        return kind
    if "://" in source:
        raise UsageError(f"source {shown!r}: {source.partition(':')[0]}:// is not supported. {FORMS}.")
    path = Path(source)
    try:
        found = what_lies_at(path)
    except CameraError as e:
        raise CameraError(str(e).replace(source, shown)) from e
    if found is Found.FOLDER and kind is None:
        return PICTURES
    if found is Found.FILE:  # also in /dev: /dev/shm may well hold a clip
        return PICTURES if path.suffix.lower() in PICTURE_SUFFIXES else CLIP
    if kind is not None:
        return kind
    hint = f" (did you mean /dev/video{source}?)" if source.isdecimal() else ""
    raise UsageError(f"source {shown!r}: {found.value}{hint}. {FORMS}.")


def check_source(settings: CameraSettings) -> SourceKind:
    """Check all that can be known about a camera without opening it.

    Raises:
        UsageError: the source has none of the forms, or names no host, no file or an empty folder.
        ConfigError: a file that the settings name can't be used.
        CameraError: what the source names can't be looked at.
    """
    kind = kind_of(settings.source)
    kind.check(settings)
    return kind


def open_source(settings: CameraSettings) -> Pictures:
    """Open what ``settings.source`` names.

    Raises:
        UsageError: the source has none of the forms, or names a file that does not exist.
        CameraError: it can't be opened; raised at once for files, with the first ``next`` for live cameras.
    """
    kind = check_source(settings)
    pictures = kind.open(settings)
    if kind.live:
        pictures = _of_one_size(pictures, shown_source(settings.source))
    return _turned(pictures, settings.turn) if settings.turn != Turn() else pictures


def _of_one_size(pictures: Pictures, shown: str) -> Pictures:
    """The same, until a picture has another size than the first one: zones and tracks then mean nothing."""
    first: tuple[int, ...] | None = None
    with closing(pictures):
        for picture, due_s in pictures:
            if not isinstance(picture, DamagedPicture):
                first = first or picture.shape
                if picture.shape != first:
                    raise CameraError(
                        f"{shown}: its pictures have changed from {first[1]} x {first[0]} px to "
                        f"{picture.shape[1]} x {picture.shape[0]}; it is opened again."
                    )
            yield picture, due_s


def _turned(pictures: Pictures, turn: Turn) -> Pictures:
    with closing(pictures):
        for picture, due_s in pictures:
            yield picture if isinstance(picture, DamagedPicture) else turn.upright(picture), due_s
