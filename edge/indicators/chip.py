"""Loads gpiozero, and explains its errors in words.

gpiozero and lgpio are imported here, and only when a pin is configured. Tests set
``gpiozero.Device.pin_factory``; where nobody has set it, lgpio drives the pins. It is the one library that
does so on every Raspberry Pi.
"""

import os
import sys
from pathlib import Path
from typing import Any

from edge.errors import ConfigError

_INSTALL = (
    "install maskgate[gpio] (Python 3.13: apt install python3-lgpio, and a virtual environment with "
    "--system-site-packages), or take the pins out of [indicators]"
)


def load_gpiozero() -> Any:  # noqa: ANN401 - gpiozero is untyped
    """Import gpiozero, with a library that drives the pins of this board.

    Raises:
        ConfigError: gpiozero or lgpio is not installed or can't start, or this board has no pins or refuses
            them.
    """
    try:
        import gpiozero  # noqa: PLC0415 - optional
    except ImportError as e:
        raise ConfigError(
            f"indicators: pins are configured, but gpiozero is not installed: {_INSTALL}"
        ) from e
    if gpiozero.Device.pin_factory is None:
        gpiozero.Device.pin_factory = _lgpio_factory(gpiozero)
    return gpiozero


def pin_errors(gpiozero: Any) -> tuple[type[Exception], ...]:  # noqa: ANN401 - gpiozero is untyped
    """What pins raise. lgpio's error is a class of its own, which exists only where lgpio is installed."""
    lgpio = sys.modules.get("lgpio")
    return (gpiozero.GPIOZeroError, OSError, *((lgpio.error,) if lgpio else ()))


def in_words(error: Exception) -> str:
    """An error's text, without the quotes that lgpio's errors put around theirs."""
    return str(error.args[0]) if len(error.args) == 1 else str(error)


def why_no_chip(dev: Path) -> str:
    """Why the pins' device can't be opened, and what to do, as a sentence.

    Args:
        dev: the folder of the devices; ``/dev`` except in tests.
    """
    chips = sorted(dev.glob("gpiochip*"))
    if not chips:
        return f"there is no {dev / 'gpiochip*'}: take the pins out of [indicators]"
    refusals = [refusal for chip in chips if (refusal := _refusal(chip)) is not None]
    return refusals[0] if refusals else f"{chips[0]} can be opened: the kernel's log (dmesg) may say more"


def _refusal(chip: Path) -> str | None:
    try:
        os.close(os.open(chip, os.O_RDWR | os.O_CLOEXEC))
    except PermissionError:
        return (
            f"{chip} may not be opened by user {os.geteuid()}: add the user to the group gpio (sudo usermod "
            "-aG gpio NAME); a unit needs SupplementaryGroups=gpio and DeviceAllow=char-gpiochip rw"
        )
    except OSError as e:
        return f"{chip} can't be opened: {e.strerror}"
    return None


def _lgpio_factory(gpiozero: Any) -> Any:  # noqa: ANN401 - gpiozero is untyped
    # gpiozero's own search tries one library after the other, and loses the reason why each one failed
    try:
        from gpiozero.pins.lgpio import LGPIOFactory  # noqa: PLC0415 - optional
    except ImportError as e:
        raise ConfigError(f"indicators: pins are configured, but lgpio is not installed: {_INSTALL}") from e
    except OSError as e:
        raise ConfigError(
            f"indicators: lgpio makes a pipe in the working directory, {Path.cwd()}, and can't: {e}. Start "
            "maskgate in a directory that it can write; a unit's WorkingDirectory= is its runtime directory"
        ) from e
    try:
        return LGPIOFactory()
    except gpiozero.PinUnknownPi as e:
        raise ConfigError(
            "indicators: pins are configured, but this is not a Raspberry Pi, and gpiozero knows no other "
            "board: take the pins out of [indicators]"
        ) from e
    except pin_errors(gpiozero) as e:
        raise ConfigError(f"indicators: {in_words(e)}: {why_no_chip(Path('/dev'))}") from e
