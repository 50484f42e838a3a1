"""maskgate on the device: camera, faces, people, verdicts, events."""

import os

__version__ = "0.1.0"

# Read by OpenCV when it is first imported. What it and FFmpeg print says less than our own messages, and a
# camera's URL with its password may be in it.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
# OpenCV refuses a picture of more pixels, whatever kind of file it is in: it would take 300 MB and more.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(100_000_000))
