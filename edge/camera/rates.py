"""Whether enough pictures come, and enough of them are judged. Pure: no I/O, no threads, no clock."""

from edge.camera.state import CameraState, CameraStatus

IN_VIEW_S = 1.5
"""How long somebody who walks through a door shows the face: 2 m of way at a walking pace of 1.4 m/s."""
FEW_JUDGED = 0.5
"""A device that judges a smaller share of the pictures than this is too slow for its camera."""
ENOUGH_FPS = 5.0
"""Judged pictures per second that are enough, whatever share of the camera's they are."""

_KNOWN_AFTER = 5
"""Pictures until a camera's rate is known: the first ones may come slowly."""


def rate_problems(camera: CameraStatus, judged_fps: float | None, min_looks: int) -> list[str]:
    """What is wrong with the rates, as sentences for ``health``.

    Args:
        camera: its state now; nothing is said unless pictures come.
        judged_fps: pictures that are judged per second; None while that is not known yet.
        min_looks: pictures of a person that a verdict needs (``decision.min_looks``).
    """
    if camera.state is not CameraState.LIVE or camera.frames < _KNOWN_AFTER or camera.fps <= 0:
        return []
    problems = []
    needed_fps = min_looks / IN_VIEW_S
    if camera.fps < needed_fps:
        problems.append(
            f"{camera.source}: gives {camera.fps:.1f} pictures a second, too few to judge people who walk "
            f"by. At least {needed_fps:.0f} are needed: set a higher rate in the camera, or check its light "
            "and network"
        )
    if judged_fps is not None and judged_fps < min(FEW_JUDGED * camera.fps, ENOUGH_FPS):
        problems.append(
            f"this device judges {judged_fps:.1f} of the {camera.fps:.1f} pictures a second that come: check "
            "its temperature and power supply, or set a smaller picture in the camera"
        )
    return problems
