"""From the people in view to the pins."""

import logging
import threading
from collections.abc import Callable, Collection

from edge.clock import Clock
from edge.config import IndicatorsConfig as Settings
from edge.errors import MaskgateError
from edge.indicators.lights import Light, energised, light_for
from edge.indicators.pins import OutputPins
from edge.values import Verdict

_log = logging.getLogger(__name__)
_TEST_S = 2.0
_LAMPS = (Light.GREEN, Light.AMBER, Light.RED)


class Indicators:
    """Lights, buzzer, relay and button; where none is configured, it works and does nothing.

    A failure of the pins, at the start or later, is logged and told in ``problem``; the indicators are then
    off until the next start, and nothing is raised: violations are reported without them. All methods belong
    to one thread.

    Args:
        settings: which pins, and how they work.
        clock: times muting and testing.
        on_test: called when the button asks for a test, for others who can be heard.
    """

    def __init__(
        self, settings: Settings, clock: Clock, on_test: Callable[[], object] = lambda: None
    ) -> None:
        self._settings, self._clock, self._on_test = settings, clock, on_test
        self.problem: str | None = None
        """Why the indicators are off, as a sentence; None when all is well."""
        self._pressed = threading.Event()
        self._light, self._coil = Light.DARK, False
        self._shown: tuple[tuple[Light, ...], bool] = ((), False)
        self._muted_until = self._test_until = float("-inf")
        self._board: OutputPins | None = None
        try:
            self._board = OutputPins(settings, self._pressed.set) if settings.pins else None
        except MaskgateError as e:
            self._give_up(e)

    @property
    def muted(self) -> bool:
        """The button was pressed for silence, less than ``mute_s`` ago."""
        return self._clock.monotonic() < self._muted_until

    def show(self, present: Collection[Verdict], *, opened: bool = False) -> None:
        """Say what a judged frame led to.

        Args:
            present: one verdict for each person who has come and not left; also of those whose face was
                missed in this frame, for no such gap may move a relay. Nobody outside the opening hours.
            opened: a violation began with this frame.
        """
        self._light = light_for(present)
        self._coil = energised(self._settings.relay_mode, shut=self._light is Light.RED)
        self._update(opened=opened)

    def rest(self) -> None:
        """Nothing can be judged: dark, and the relay as without power."""
        self._light, self._coil = Light.DARK, False
        self._update()

    def attend(self) -> None:
        """No frame came: answer the button, and end a test. ``show`` and ``rest`` do so, too."""
        self._update()

    def close(self) -> None:
        """All off, the relay as without power, and the pins given back."""
        if self._board is not None:
            self._board.close()
            self._board = None

    def _update(self, *, opened: bool = False) -> None:
        if self._board is None:
            return
        try:
            self._answer(self._board)
            self._write(self._board)
            if opened and not self.muted:
                self._board.buzz()
        except MaskgateError as e:
            self._give_up(e)

    def _answer(self, board: OutputPins) -> None:
        if not self._pressed.is_set():
            return
        self._pressed.clear()
        now = self._clock.monotonic()
        if self._settings.button_action == "mute":
            self._muted_until = float("-inf") if self.muted else now + self._settings.mute_s
            board.hush()
        else:
            self._test_until = now + _TEST_S
            board.buzz()
            self._on_test()

    def _write(self, board: OutputPins) -> None:
        """Only what has changed; the relay first."""
        testing = self._clock.monotonic() < self._test_until
        lit = _LAMPS if testing else (self._light,)
        was_lit, coil = self._shown
        if self._coil != coil:
            board.relay(energised=self._coil)
        for lamp in _LAMPS:
            if (lamp in lit) != (lamp in was_lit):
                board.light(lamp, on=lamp in lit)
        self._shown = (lit, self._coil)

    def _give_up(self, error: MaskgateError) -> None:
        self.problem = str(error)
        _log.error("%s", error)
        self.close()
