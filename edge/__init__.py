"""maskgate on the device: camera, faces, people, verdicts, events."""

import os

__version__ = "0.1.0"

# Read by OpenCV when it is first imported. What it and FFmpeg print says less than our own messages, and a
# camera's URL with its password may be in it.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
