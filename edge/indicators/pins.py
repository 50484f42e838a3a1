"""The configured pins as devices of gpiozero."""

import logging
from collections.abc import Callable
from typing import Any

from edge.config import IndicatorsConfig as Settings
from edge.errors import ConfigError, MaskgateError
from edge.indicators.chip import in_words, load_gpiozero, pin_errors
from edge.indicators.lights import Light

_log = logging.getLogger(__name__)
_BEEP_S, _GAP_S, _BEEPS = 0.12, 0.08, 2
_BOUNCE_S = 0.05
"""How long a button's contacts may bounce."""
_LAMPS = {Light.GREEN: "led_green", Light.AMBER: "led_amber", Light.RED: "led_red"}


class OutputPins:
    """Claims all configured pins; all outputs are off at first.

    Args:
        settings: which pins.
        pressed: called at every press of the button, in a thread of gpiozero.

    Raises:
        ConfigError: gpiozero can't be used here, or a pin does not exist or is in use. The message names the
            key, the pin and what to do. No pin stays claimed.
    """

    def __init__(self, settings: Settings, pressed: Callable[[], None]) -> None:
        self._gpiozero = load_gpiozero()
        self._errors = pin_errors(self._gpiozero)
        self._settings = settings
        self._devices: dict[str, Any] = {}
        try:
            for key, pin in settings.pins.items():
                self._devices[key] = self._claim(key, pin)
        except ConfigError:
            self.close()
            raise
        if "button" in self._devices:
            self._devices["button"].when_activated = pressed

    def light(self, lamp: Light, *, on: bool) -> None:
        """Switch a lamp, if one is configured.

        Raises:
            MaskgateError: the pin can't be written.
        """
        self._do(_LAMPS[lamp], "on" if on else "off")

    def relay(self, *, energised: bool) -> None:
        """Let current through the relay's coil, or not.

        Raises:
            MaskgateError: the pin can't be written.
        """
        self._do("relay", "on" if energised else "off")

    def buzz(self) -> None:
        """Sound twice, briefly; returns at once, and replaces a sound that is on.

        Raises:
            MaskgateError: the pin can't be written.
        """
        # blink alone writes in a thread of its own, where an error would be lost
        self._do("buzzer", "on")
        self._do("buzzer", "blink", _BEEP_S, _GAP_S, _BEEPS)

    def hush(self) -> None:
        """End a sound that is on.

        Raises:
            MaskgateError: the pin can't be written.
        """
        self._do("buzzer", "off")

    def close(self) -> None:
        """Switch all outputs off, the relay first, and give the pins back; never fails."""
        for key in sorted(self._devices, key=lambda key: key != "relay"):
            device = self._devices.pop(key)
            try:
                if key != "button":
                    device.off()
                device.close()
            except self._errors as e:
                _log.warning(
                    "indicators.%s: %s can't be given back: %s", key, self._settings.pins[key], in_words(e)
                )

    def _claim(self, key: str, pin: str) -> Any:  # noqa: ANN401 - gpiozero is untyped
        gpiozero = self._gpiozero
        try:
            if key == "button":
                return gpiozero.DigitalInputDevice(pin, pull_up=True, bounce_time=_BOUNCE_S)
            return gpiozero.DigitalOutputDevice(pin, active_high=key not in self._settings.active_low)
        except gpiozero.PinInvalidPin as e:
            raise ConfigError(
                f"indicators.{key}: this board has no {pin}: choose another ({in_words(e)})"
            ) from e
        except self._errors as e:
            raise ConfigError(
                f"indicators.{key}: {pin} can't be used: {in_words(e)}. If another program or an overlay "
                "holds it (gpioinfo shows which), end that or choose another pin"
            ) from e

    def _do(self, key: str, method: str, *args: float) -> None:
        if key not in self._devices:
            return
        try:
            getattr(self._devices[key], method)(*args)
        except self._errors as e:
            pin = self._settings.pins[key]
            raise MaskgateError(
                f"indicators.{key}: {pin} can't be switched: {in_words(e)}. All indicators are off: "
                "check the wiring, then restart maskgate"
            ) from e
