"""Finite sources fail at once, not with their first picture."""

from edge.camera.state import Pictures
from edge.errors import CameraError


def started(pictures: Pictures, otherwise: CameraError) -> Pictures:
    """The same pictures, after making sure that there is a first one.

    Raises:
        CameraError: ``otherwise``, if there is none.
    """
    first = next(pictures, None)
    if first is None:
        raise otherwise

    def go_on() -> Pictures:
        yield first
        yield from pictures

    return go_on()
