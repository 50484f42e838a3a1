"""From settings to an open source."""

from pathlib import Path

from edge.camera.clips import open_clip, open_pictures
from edge.camera.kinds import SourceKind, kind_of
from edge.camera.live import open_gstreamer, open_network, open_picamera, open_v4l2
from edge.camera.state import CameraSettings, Pictures

_LIVE = {
    SourceKind.V4L2: open_v4l2,
    SourceKind.RTSP: open_network,
    SourceKind.HTTP: open_network,
    SourceKind.PICAMERA: open_picamera,
    SourceKind.GSTREAMER: open_gstreamer,
}


def open_source(settings: CameraSettings) -> Pictures:
    """Open what ``settings.source`` names.

    Raises:
        UsageError: the source is no form that we know, or a file that is not there.
        CameraError: at once for files, with the first ``next`` for live cameras: it can't be opened.
    """
    kind, path = kind_of(settings.source), Path(settings.source)
    if kind.live:
        return _LIVE[kind](settings)
    return open_clip(path) if kind is SourceKind.CLIP else open_pictures(path, settings.fps)
