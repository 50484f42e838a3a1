"""A camera that plays a script: pictures, failures and drivers that hang, without OpenCV or a device."""

import threading
from collections.abc import Iterable

import numpy as np

from edge.camera.state import DamagedPicture, Pictures
from edge.errors import CameraError
from edge.values import Image

Step = Image | DamagedPicture | CameraError | threading.Event
"""A picture to give, a damaged one, an error to raise, or an event to hang on until it is set."""


class ScriptedSource:
    """Stands for ``edge.camera``'s ``open_source``: each time it is opened it plays the next script.

    A script that runs out ends as a finite source does. After the last script nothing can be opened any more.

    Args:
        scripts: one for each time that the source is opened.
    """

    def __init__(self, *scripts: Iterable[Step]) -> None:
        self._scripts = scripts
        self.opened = 0
        """How often it was opened."""
        self.closed = 0
        """How often it was closed again."""

    def __call__(self, settings: object) -> Pictures:
        """Open it; what the settings say does not matter."""
        del settings
        number = self.opened
        self.opened += 1
        return self._play(number)

    def _play(self, number: int) -> Pictures:
        if number >= len(self._scripts):
            raise CameraError("the script has no more connections")
        try:
            for step in self._scripts[number]:
                if isinstance(step, threading.Event):
                    step.wait()
                elif isinstance(step, CameraError):
                    raise step
                else:
                    yield step, 0.0
        finally:
            self.closed += 1


def noisy_picture(seed: int, width: int = 64, height: int = 48, level: int = 128) -> Image:
    """A picture (height, width, 3) of an even grey with a sensor's noise; each seed another one."""
    noise = np.random.default_rng(seed).normal(level, 3, (height, width, 3))
    return np.clip(noise, 0, 255).astype(np.uint8)
