"""``maskgate-report.txt``: the device's report on the boot partition, for whoever has the card."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path

from edge import __version__
from edge.clock import SystemClock, trusted
from edge.config import Config, load_config
from edge.errors import ConfigError
from edge.machine import inspection
from edge.machine.applied_state import load_state
from edge.machine.apply_result import ApplyResult, ApplyVerdict
from edge.machine.card_files import REPORT, TOML, read_card_file
from edge.machine.plan import SSH
from edge.machine.planned_files import CONFIG, KEYS, SERVICES
from edge.releases.choose import UPDATE_FOLDER
from edge.releases.exchange import Exchange

_MAX = 256 * 1024
_PASSES = re.compile(r"^Written .*$|(?<![0-9.])[0-9.]{1,12} (?:frames/s|GB free)", re.MULTILINE)
"""What changes all the time, and is not a reason to write to the card."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def warnings(root: Path, boot: Path) -> list[str]:
    """What is wrong with the machine itself, as sentences; the service reports on camera and broker."""
    return [*inspection.architecture(), *inspection.notes(root), *inspection.disks(root, boot)]


def compose(outcome: ApplyResult, root: Path, boot: Path, *, services: bool) -> str:
    """The whole report.

    Args:
        outcome: the result of applying the card.
        root: of the file system.
        boot: the boot partition.
        services: whether the services have had time to start.
    """
    parts = [
        ("", _head()),
        (f"{TOML} {outcome.verdict.value}", [*_configuration(outcome, root)]),
        ("Warnings", [f"- {w}" for w in [*warnings(root, boot), *_camera(root), *outcome.remarks]]),
        ("This machine", [*_machine(root, boot)]),
        ("Services", [*_services(started=services)]),
        ("Updates", [*_updates(root)]),
    ]
    blocks = ["\n".join([*_title(title), *lines]) for title, lines in parts if lines]
    text = "\n\n".join(blocks)
    return f"{text}\n"


def _title(text: str) -> list[str]:
    return [text, "-" * len(text)] if text else []


def differs(boot: Path, text: str) -> bool:
    """Whether the report on the card is a different one."""
    try:
        old = read_card_file(boot / REPORT, _MAX).decode("utf-8", errors="replace")
    except (OSError, ValueError, RuntimeError):
        return True
    return _PASSES.sub("", old.replace("\r\n", "\n")) != _PASSES.sub("", text)


def encoded(text: str) -> bytes:
    """The bytes, with line ends that the simplest editor of every computer shows."""
    return text.replace("\n", "\r\n").encode()


def _head() -> list[str]:
    clock = SystemClock()
    doubt = "" if trusted(clock) else " (this time is wrong: the clock has not been set from the network yet)"
    return [
        f"maskgate {__version__}: the state of this device",
        f"Written {datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC{doubt}",
        f"Start {inspection.text_of(_BOOT_ID)[:8]} (a new number each time that the device starts)",
    ]


def _configuration(outcome: ApplyResult, root: Path) -> Iterator[str]:
    state = load_state(root)
    if outcome.mistakes:
        count = len(outcome.mistakes)
        yield f"{count} mistake{'' if count == 1 else 's'} to correct:"
        yield from (f"- {mistake}" for mistake in outcome.mistakes)
    if outcome.verdict is ApplyVerdict.REFUSED:
        stays = (
            f"What was applied on {state.when} stays in force." if state.when else "Nothing is in force yet."
        )
        yield f"{stays} Correct the file, and switch the device on again."
    elif outcome.verdict is ApplyVerdict.NONE and not state.when:
        yield f"Put {TOML} on this partition; the device applies it at its next start."
    elif state.when:
        yield f"In force since {state.when}."
    try:
        yield f"This device is {'/'.join(_name(load_config(_config(root))))}."
    except ConfigError as e:
        yield f"The service's own configuration can't be used: {e}"


def _name(config: Config) -> Sequence[str]:
    return config.mqtt.prefix, "v1", config.site.id, config.site.device


def _config(root: Path) -> Path:
    return root / CONFIG.lstrip("/")


def _camera(root: Path) -> Iterator[str]:
    try:
        config = load_config(_config(root))
    except ConfigError:
        return
    yield from inspection.missing_camera(root, config.camera.source)


def _machine(root: Path, boot: Path) -> Iterator[str]:
    yield inspection.board(root)
    yield inspection.system(root)
    yield f"Disk: {inspection.space(root)}; boot partition: {inspection.space(boot)}"
    yield f"Host name: {inspection.text_of(root / 'etc/hostname') or 'none'}"
    yield from (f"Network: {line}" for line in inspection.addresses())
    keys = len(inspection.text_of(root / KEYS.lstrip("/")).splitlines())
    server = "is running" if inspection.is_active(SSH) else "is not running"
    yield f"Login over ssh: keys given: {keys}; the ssh server {server}"
    there = inspection.cameras(root)
    yield f"Cameras here: {', '.join(there) or 'none'}"


def _updates(root: Path) -> Iterator[str]:
    last = Exchange(root / str(UPDATE_FOLDER).lstrip("/")).last()
    if last:
        yield f"The last one: {last}"


def _services(*, started: bool) -> Iterator[str]:
    if not started:
        yield "They start after this; their state is written here a minute later."
        return
    for unit in SERVICES:
        yield from inspection.service(unit)
