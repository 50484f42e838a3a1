"""Shows on the pins who is in view."""

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
    """Lights, buzzer, relay and button. Without a configured pin it does nothing.

    A failure of the pins, at the start or later, is logged and stands in ``problem``. The indicators are then
    off until the next start. Nothing is raised, because violations are reported without them, too.
    All methods belong to one thread.

    Args:
        settings: which pins, and how they work.
        clock: times muting and testing.
        on_test: called when the button asks for a test, so that loudspeakers are tested as well.
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
        """Whether the button has muted the buzzer less than ``mute_s`` seconds ago."""
        return self._clock.monotonic() < self._muted_until

    def show(self, present: Collection[Verdict], *, opened: bool = False) -> None:
        """Show what a judged frame led to.

        Args:
            present: one verdict for each person who has come and not left, also for those whose face was not
                found in this frame, because such a gap must not move a relay. Empty outside opening hours.
            opened: whether a violation started with this frame.
        """
        self._light = light_for(present)
        self._coil = energised(self._settings.relay_mode, shut=self._light is Light.RED)
        self._update(opened=opened)

    def rest(self) -> None:
        """Show that nothing can be judged: no light, and the relay as without power."""
        self._light, self._coil = Light.DARK, False
        self._update()

    def attend(self) -> None:
        """Answer the button and end a test although no frame came. ``show`` and ``rest`` do so as well."""
        self._update()

    def close(self) -> None:
        """Switch everything off, leave the relay as without power, and give the pins back."""
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
        """Write only what has changed; the relay first."""
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
