"""CSI cameras of a Raspberry Pi, by libcamera's picamera2."""

import importlib
from typing import Any

import numpy as np

from edge.camera.source_kind import SourceKind
from edge.camera.state import CameraSettings, Pictures
from edge.errors import CameraError


def open_picamera(settings: CameraSettings) -> Pictures:
    """Open a CSI camera through picamera2, which only the system's Python packages have."""
    try:
        # numpy raises ValueError where the system's binary packages were built for another numpy
        picamera2: Any = importlib.import_module("picamera2")
    except (ImportError, ValueError) as e:
        raise CameraError(
            f"picamera: picamera2 can't be imported ({e}). Install it: sudo apt install python3-picamera2, "
            "and let the environment see it: python3 -m venv --system-site-packages .venv"
        ) from e
    camera = None
    try:
        camera = picamera2.Picamera2()
        # libcamera names formats by byte order in a word: its BGR888 is R, G, B in memory
        main = {"format": "BGR888", "size": (settings.width, settings.height)}
        camera.configure(camera.create_video_configuration(main=main, controls={"FrameRate": settings.fps}))
        camera.start()
        while True:
            yield np.ascontiguousarray(camera.capture_array("main"), dtype=np.uint8), 0.0
    except (RuntimeError, IndexError) as e:  # what picamera2 raises for no camera and for a busy one
        raise CameraError(
            f"picamera: the CSI camera can't be used ({e}). Check the ribbon cable and "
            "`rpicam-hello --list-cameras`, and that no other program uses it."
        ) from e
    finally:
        if camera is not None:
            camera.close()


CSI = SourceKind("picamera", form="picamera", starts=("picamera",), open=open_picamera)
