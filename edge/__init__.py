"""maskgate on the device: camera, faces, people, verdicts, events."""

__version__ = "0.1.0"
