"""Lights, buzzer, relay and button on gpiozero's mock pins, by the exact list of states.

gpiozero's own ``assert_states`` passes when nothing happened; these lists are compared whole.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from gpiozero import LED, Device
from gpiozero.pins.mock import MockFactory, MockPin

from edge.config import IndicatorsConfig as Settings
from edge.config import parse_config
from edge.errors import ConfigError
from edge.indicators import Indicators, Light, light_for
from edge.indicators import pins as board
from edge.indicators.chip import why_no_chip
from edge.sim.manual_clock import ManualClock
from edge.values import Verdict

ROOT = Path(__file__).resolve().parents[2]
MASKED, NOT_MASKED, UNKNOWN = Verdict.MASKED, Verdict.NOT_MASKED, Verdict.CANNOT_JUDGE
GREEN, AMBER, RED, BUZZER, RELAY, BUTTON = "GPIO17", "GPIO27", "GPIO22", "GPIO23", "GPIO24", "GPIO25"
ALL = {
    "led_green": GREEN,
    "led_amber": AMBER,
    "led_red": RED,
    "buzzer": BUZZER,
    "relay": RELAY,
    "button": BUTTON,
}
OFF, ON = False, True


class Pin(MockPin):  # type: ignore[misc]
    """A mock pin that records its writes, and can come loose."""

    writes: ClassVar[list[str]] = []
    loose: ClassVar[str] = ""

    def _set_state(self, value: float) -> None:
        if repr(self) == Pin.loose:
            raise OSError(5, "Input/output error")
        Pin.writes.append(repr(self))
        super()._set_state(value)


class Bench:
    """Indicators on mock pins, and a clock."""

    def __init__(self, factory: Any) -> None:
        self.factory, self.clock, self.tests = factory, ManualClock(), 0
        self.made: list[Indicators] = []

    def make(self, **settings: Any) -> Indicators:
        self.made.append(Indicators(Settings(**settings), self.clock, self._on_test))
        return self.made[-1]

    def states(self, pin: str) -> list[bool]:
        """All levels that the pin has had since it was made: True is 3.3 V."""
        return [bool(s.state) for s in self.factory.pin(pin).states]

    def press(self) -> None:
        """Push the button and let go."""
        self.factory.pin(BUTTON).drive_low()
        self.factory.pin(BUTTON).drive_high()

    def _on_test(self) -> None:
        self.tests += 1


@pytest.fixture
def bench() -> Iterator[Bench]:
    Pin.loose = ""
    Device.pin_factory = MockFactory(pin_class=Pin)
    made = Bench(Device.pin_factory)
    yield made
    for indicators in made.made:
        indicators.close()
    Device.pin_factory.close()
    Device.pin_factory = None


@pytest.fixture
def endless_beep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "_BEEP_S", 3600.0)


@pytest.mark.parametrize(
    ("present", "light"),
    [
        ([], Light.DARK),
        ([UNKNOWN], Light.AMBER),
        ([MASKED], Light.GREEN),
        ([UNKNOWN, MASKED], Light.GREEN),
        ([NOT_MASKED], Light.RED),
        ([MASKED, UNKNOWN, NOT_MASKED], Light.RED),
    ],
)
def test_the_light_for_the_people_in_view(present: list[Verdict], light: Light) -> None:
    assert light_for(present) is light


def test_lamps_follow_the_people(bench: Bench) -> None:
    indicators = bench.make(**ALL)
    for present in ([], [UNKNOWN], [NOT_MASKED], [NOT_MASKED, MASKED], [MASKED], []):
        indicators.show(present)
    assert bench.states(AMBER) == [OFF, ON, OFF]
    assert bench.states(RED) == [OFF, ON, OFF]
    assert bench.states(GREEN) == [OFF, ON, OFF]
    assert bench.states(BUZZER) == [OFF]


def test_only_changes_are_written(bench: Bench) -> None:
    indicators = bench.make(**ALL)
    Pin.writes.clear()
    for _ in range(100):
        indicators.show([])
    assert Pin.writes == []
    for _ in range(100):
        indicators.show([NOT_MASKED])
    assert Pin.writes == [RELAY, RED]


@pytest.mark.parametrize(
    ("mode", "coil"),
    [
        ("fail-safe", [OFF, OFF, OFF, ON, OFF, OFF, ON, OFF, OFF]),
        ("fail-secure", [OFF, ON, ON, OFF, ON, OFF, OFF, ON, OFF]),
    ],
)
@pytest.mark.parametrize("active_low", [False, True])
def test_the_relays_coil_from_the_start_to_the_end(
    bench: Bench, mode: str, coil: list[bool], *, active_low: bool
) -> None:
    indicators = bench.make(relay=RELAY, relay_mode=mode, active_low=["relay"] if active_low else [])
    seen = [bench.states(RELAY)[-1]]
    steps: list[list[Verdict] | None] = [[], [MASKED], [NOT_MASKED], [MASKED], None, [NOT_MASKED], [MASKED]]
    for present in steps:
        if present is None:
            indicators.rest()
        else:
            indicators.show(present)
        seen.append(bench.states(RELAY)[-1])
    indicators.close()
    seen.append(bench.states(RELAY)[-1])
    assert seen == [energised is not active_low for energised in coil]
    # and nothing in between; the mock's input is low before it is claimed
    changes = [level for level, _ in itertools.groupby([OFF, *seen])]
    assert bench.states(RELAY) == changes


def test_closing_gives_the_pins_back(bench: Bench) -> None:
    indicators = bench.make(**ALL)
    indicators.show([NOT_MASKED])
    Pin.writes.clear()
    indicators.close()
    assert Pin.writes == [RELAY, GREEN, AMBER, RED, BUZZER], "the relay first"
    assert {bench.factory.pin(pin).function for pin in ALL.values()} == {"input"}
    assert bench.states(RED) == [OFF, ON, OFF]
    assert bench.make(**ALL).problem is None


def test_a_violation_sounds_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "_BEEP_S", 0.001)
    monkeypatch.setattr(board, "_GAP_S", 0.001)
    before = set(threading.enumerate())
    indicators = bench.make(buzzer=BUZZER)
    indicators.show([NOT_MASKED])
    assert bench.states(BUZZER) == [OFF], "a verdict alone is not a violation"
    indicators.show([NOT_MASKED], opened=True)
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert bench.states(BUZZER) == [OFF, ON, OFF, ON, OFF]


@pytest.mark.usefixtures("endless_beep")
def test_the_sound_waits_for_nothing_and_ends_with_the_indicators(bench: Bench) -> None:
    indicators = bench.make(**ALL)
    indicators.show([NOT_MASKED], opened=True)
    indicators.show([NOT_MASKED], opened=True)
    assert bench.states(BUZZER) == [OFF, ON]
    indicators.close()
    assert bench.states(BUZZER) == [OFF, ON, OFF]


@pytest.mark.usefixtures("endless_beep")
def test_the_button_mutes_for_a_while(bench: Bench) -> None:
    indicators = bench.make(**ALL, mute_s=60)
    indicators.show([NOT_MASKED], opened=True)
    bench.press()
    indicators.attend()
    assert bench.states(BUZZER) == [OFF, ON, OFF]
    assert indicators.muted
    indicators.show([NOT_MASKED], opened=True)
    assert bench.states(BUZZER) == [OFF, ON, OFF]
    assert bench.states(RED) == [OFF, ON], "only the sound is muted"
    bench.clock.advance(60)
    assert not indicators.muted
    indicators.show([NOT_MASKED], opened=True)
    assert bench.states(BUZZER) == [OFF, ON, OFF, ON]


@pytest.mark.usefixtures("endless_beep")
def test_a_second_press_ends_the_silence(bench: Bench) -> None:
    indicators = bench.make(**ALL)
    for _ in range(2):
        bench.press()
        indicators.show([])
    assert not indicators.muted
    indicators.show([NOT_MASKED], opened=True)
    assert bench.states(BUZZER) == [OFF, ON]


@pytest.mark.usefixtures("endless_beep")
def test_the_button_tests_all_but_the_relay(bench: Bench) -> None:
    indicators = bench.make(**ALL, button_action="test")
    indicators.show([MASKED])
    bench.press()
    indicators.show([MASKED])
    bench.clock.advance(1.9)
    indicators.show([MASKED])
    assert (bench.states(GREEN), bench.states(AMBER), bench.states(RED)) == ([OFF, ON], [OFF, ON], [OFF, ON])
    assert bench.states(BUZZER) == [OFF, ON]
    bench.clock.advance(0.1)
    indicators.attend()
    assert (bench.states(GREEN), bench.states(AMBER)) == ([OFF, ON], [OFF, ON, OFF])
    assert bench.states(RED) == [OFF, ON, OFF]
    assert bench.states(RELAY) == [OFF]
    assert bench.tests == 1


def test_a_pin_that_comes_loose_ends_the_indicators_not_the_service(bench: Bench) -> None:
    indicators = bench.make(**ALL)
    indicators.show([NOT_MASKED])
    Pin.loose = GREEN
    indicators.show([MASKED, NOT_MASKED])
    assert indicators.problem is None
    indicators.show([MASKED])
    assert indicators.problem is not None
    assert indicators.problem.startswith("indicators.led_green: GPIO17 can't be switched: ")
    assert "Input/output error" in indicators.problem
    assert bench.states(RELAY) == [OFF, ON, OFF]
    indicators.show([NOT_MASKED], opened=True)
    assert (bench.states(RED), bench.states(BUZZER)) == ([OFF, ON, OFF], [OFF])


def test_a_buzzer_that_comes_loose_is_noticed(bench: Bench) -> None:
    indicators = bench.make(**ALL)
    Pin.loose = BUZZER
    indicators.show([NOT_MASKED], opened=True)
    assert str(indicators.problem).startswith("indicators.buzzer: GPIO23 can't be switched: ")


def test_a_pin_in_use_is_named_and_none_stays_claimed(bench: Bench) -> None:
    other = LED(RELAY)
    problem = bench.make(**ALL).problem
    assert problem is not None
    assert problem.startswith("indicators.relay: GPIO24 can't be used: ")
    assert "choose another pin" in problem
    other.close()
    assert bench.make(**ALL).problem is None


def test_a_pin_that_this_board_lacks_is_named(bench: Bench) -> None:
    Device.pin_factory = bench.factory = MockFactory(revision="0002", pin_class=Pin)
    problem = bench.make(led_red="GPIO26").problem
    assert problem is not None
    assert problem.startswith("indicators.led_red: this board has no GPIO26")


def test_conflicts_are_found_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match="GPIO22 is given to led_red and relay") as caught:
        parse_config({"indicators": {"led_red": "GPIO22", "relay": "GPIO22", "button": "GPIO3"}}, "gate.toml")
    assert "button" not in str(caught.value)


@pytest.mark.parametrize("pin", ["GPIO28", "J8:11", "17", "GPIO017"])
def test_only_the_chips_own_numbers_are_pins(pin: str) -> None:
    with pytest.raises(ConfigError, match=r'indicators.relay: found .* Example: relay = "GPIO24"'):
        parse_config({"indicators": {"relay": pin}}, "gate.toml")


def in_a_process_of_its_own(cwd: Path, *lines: str) -> str:
    """What a program prints that has ``make(**settings)``, to print the problem of indicators."""
    program = "\n".join(
        (
            "import sys",
            "from edge.clock import SystemClock",
            "from edge.config import IndicatorsConfig as Settings",
            "from edge.indicators import Indicators",
            "def make(**settings):",
            "    print(Indicators(Settings(**settings), SystemClock()).problem)",
            *lines,
        )
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["gpiozero", "lgpio"])
def test_without_the_libraries_only_configured_pins_are_a_problem(tmp_path: Path, missing: str) -> None:
    output = in_a_process_of_its_own(
        tmp_path, f"sys.modules['{missing}'] = None", "make()", "make(led_red='GPIO22')"
    )
    without, with_a_pin = output.splitlines()
    assert without == "None"
    assert f"{missing} is not installed: install maskgate[gpio]" in with_a_pin


@pytest.mark.slow
def test_without_pins_nothing_is_imported(tmp_path: Path) -> None:
    output = in_a_process_of_its_own(tmp_path, "make()", "print({'gpiozero', 'lgpio'} & set(sys.modules))")
    assert output == "None\nset()\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_working_directory_that_cannot_be_written_is_named() -> None:
    output = in_a_process_of_its_own(Path("/proc"), "make(led_red='GPIO22')")
    assert "lgpio makes a pipe in the working directory, /proc, and can't" in output
    assert "WorkingDirectory=" in output


@pytest.mark.slow
@pytest.mark.skipif(Path("/proc/device-tree/system/linux,revision").exists(), reason="this is a Raspberry Pi")
def test_another_board_is_named(tmp_path: Path) -> None:
    output = in_a_process_of_its_own(tmp_path, "make(led_red='GPIO22')")
    assert "this is not a Raspberry Pi" in output


def test_a_machine_without_pins_is_named(tmp_path: Path) -> None:
    assert why_no_chip(tmp_path).startswith(f"there is no {tmp_path}/gpiochip*")


def test_a_chip_that_may_not_be_opened_names_the_group() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        chip = Path(folder) / "gpiochip0"
        chip.touch(mode=0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            text = why_no_chip(Path(folder))
        finally:
            os.seteuid(user)
    assert text.startswith(f"{chip} may not be opened by user ")
    assert "usermod -aG gpio" in text
    assert "DeviceAllow=char-gpiochip rw" in text


def test_a_chip_that_fails_otherwise_says_how(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").mkdir()
    assert why_no_chip(tmp_path) == f"{tmp_path}/gpiochip0 can't be opened: Is a directory"
