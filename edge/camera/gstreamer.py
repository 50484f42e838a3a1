"""Pipelines of GStreamer, as Jetson's CSI cameras need."""

import re

import cv2

from edge.camera.opencv import captured
from edge.camera.shown import PIPELINE, shown_source
from edge.camera.source_kind import SourceKind
from edge.camera.state import CameraSettings, Pictures
from edge.errors import CameraError


def open_gstreamer(settings: CameraSettings) -> Pictures:
    """Open a pipeline of GStreamer, as Jetson's CSI cameras need; OpenCV gives up a silent one after 30 s."""
    shown = shown_source(settings.source)
    if not re.search(r"GStreamer:\s+YES", cv2.getBuildInformation()):
        raise CameraError(
            f"{shown}: this OpenCV ({cv2.__version__}, {cv2.__file__}) was built without GStreamer, as "
            "PyPI's are. Remove it, and let the environment see the system's: "
            "sudo apt install python3-opencv, python3 -m venv --system-site-packages"
        )
    capture = cv2.VideoCapture(settings.source.removeprefix(PIPELINE), cv2.CAP_GSTREAMER)
    if not capture.isOpened():
        raise CameraError(
            f"{shown}: GStreamer can't start this. Try it with gst-launch-1.0; for us it must end in: "
            "videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1"
        )
    yield from captured(capture, settings, "the pipeline ended; check the camera")


GSTREAMER = SourceKind(
    "gstreamer",
    form=f"{PIPELINE}PIPELINE (GStreamer's, which ends in appsink)",
    starts=(PIPELINE,),
    open=open_gstreamer,
)
