"""The fleet as lines of styled text for a terminal of some size. Pure.

The layout is ours, because a device may need a second line across all columns. rich draws the styles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.text import Text

from edge.ops.fleet import DeviceRow, Fleet, StreamLine, trouble
from edge.ops.text import ago, columns, natural, plain

_STATE, _FPS, _TEMP, _WAITING = 17, 6, 7, 9
_NAME_MIN, _NAME_MAX = 12, 34
_TYPE = 22
_HOT_C = 80.0
"""A Raspberry Pi slows itself down from this temperature on."""
_COLOURS = {
    "violation.opened": "red",
    "violation.closed": "green",
    "camera.fault": "yellow",
    "camera.tampered": "yellow",
    "announcement.failed": "yellow",
    "events.dropped": "red",
    "identity.duplicated": "red",
    "command.handled": "cyan",
    "offline": "red",
    "online": "green",
}


@dataclass(frozen=True, slots=True)
class Screen:
    """The terminal that is drawn on, and what stands above the table."""

    broker: str
    """The broker that the messages come from."""
    started: datetime
    """When we started to listen, UTC."""
    width: int = 100
    height: int = 30
    """Width and height in characters."""
    problem: str | None = None
    """Why no messages come at the moment."""


def draw(fleet: Fleet, stream: Sequence[StreamLine], screen: Screen, now: datetime) -> list[Text]:
    """Draw the whole screen.

    Args:
        fleet: the devices of the table.
        stream: the events, oldest first.
        screen: the terminal.
        now: the time, UTC.

    Returns:
        Exactly ``screen.height`` lines, none wider than ``screen.width``.
    """
    troubles = {d.name: t for d in fleet.devices.values() if (t := trouble(d, now, screen.started))}
    name = max([columns(d.name) for d in fleet.devices.values()], default=0) + 3
    name = min(_NAME_MAX, max(_NAME_MIN, name))
    width = screen.width
    out = [
        _head(fleet, troubles, screen, now),
        _line(f"  {screen.problem}" if screen.problem else "", width, "red"),
    ]
    out += _table(fleet, troubles, width, name, now, room=(screen.height - 5) * 2 // 3)
    out += [Text(), _line("  EVENTS", width, "dim")]
    left = max(0, screen.height - len(out))
    out += [_event(line, width, name, now) for line in stream[-left:]] if left else []
    return (out + [Text()] * screen.height)[: screen.height]


def _line(text: str, width: int, style: str = "") -> Text:
    return Text(plain(text, width), style, no_wrap=True)


def _cells(line_width: int, *cells: tuple[str, int, str]) -> Text:
    """One line of cells: text, width and style of each.

    A negative width aligns to the right, and 0 takes the rest of the line. One column parts two cells.
    """
    out, used = Text(no_wrap=True), 0
    for text, width, style in cells:
        room = min(abs(width) or line_width, line_width - used)
        if room < 1:
            break
        cut = plain(text, max(1, room - 1) if width > 0 else room)
        gap = " " * (room - columns(cut)) if width else ""
        out.append(gap if width < 0 else "").append(cut, style).append(gap if width > 0 else "")
        used += room
    out.rstrip()
    return out


def _head(fleet: Fleet, troubles: dict[str, str], screen: Screen, now: datetime) -> Text:
    states = [d.online for d in fleet.devices.values()]
    counts = f"{states.count(True)} online, {states.count(False)} offline, {len(troubles)} with problems"
    if fleet.unreadable or fleet.ignored:
        counts += f", {fleet.unreadable + fleet.ignored} messages unreadable"
    clock = f"{now:%H:%M:%S} UTC"
    middle = screen.width - 18 - len(counts) - 2 - len(clock) - 1
    return _cells(
        screen.width,
        ("  maskgate watch", 18, "bold"),
        (screen.broker, max(10, middle), "cyan"),
        (counts, len(counts) + 2, "yellow" if troubles else "green"),
        (clock, -len(clock), "dim"),
    )


def _table(
    fleet: Fleet, troubles: dict[str, str], width: int, name: int, now: datetime, room: int
) -> list[Text]:
    """Title and rows, and how many did not fit. If not all fit, devices with problems go first."""
    out = [
        _cells(
            width,
            ("  DEVICE", name, "dim"), ("STATE", _STATE, "dim"), ("FPS", -_FPS, "dim"),
            ("TEMP", -_TEMP, "dim"), ("WAITING", -_WAITING, "dim"), ("", 2, ""), ("LAST VIOLATION", 0, "dim"),
        )
    ]  # fmt: skip
    devices = sorted(fleet.devices.values(), key=lambda d: natural(d.name))
    if 1 + len(devices) + sum(bool(d.overrides) or d.name in troubles for d in devices) > room:
        devices.sort(key=lambda d: d.name not in troubles)
    for number, device in enumerate(devices):
        rows = _rows(device, troubles.get(device.name, ""), width, name, now)
        if len(out) + len(rows) > room:
            rest = devices[number:]
            bad = sum(d.name in troubles for d in rest)
            return [*out, _line(f"  ... and {len(rest)} more, {bad} of them with problems", width, "dim")]
        out += rows
    return out if devices else [*out, _line("  no device heard yet", width, "dim")]


def _rows(device: DeviceRow, problem: str, width: int, name: int, now: datetime) -> list[Text]:
    dot, colour, state = "○", "dim", "not heard"
    if device.online is not None:
        dot, colour = ("●", "yellow" if problem else "green") if device.online else ("○", "red")
        age = "" if device.since is None else ago((now - device.since).total_seconds())
        state = f"{'online' if device.online else 'offline'} {age}"
    last = ""
    if device.last_violation is not None:
        last = f"{ago((now - device.last_violation).total_seconds())} {device.last_zone}"
    hot = device.temperature_c is not None and device.temperature_c >= _HOT_C
    row = _cells(
        width,
        (dot, 2, colour),
        (device.name, name - 2, "bold" if problem else ""),
        (state, _STATE, colour),
        (_number(device.fps, "{:.1f}"), -_FPS, ""),
        (_number(device.temperature_c, "{:.0f}°C"), -_TEMP, "red" if hot else ""),
        (_number(device.waiting, "{:d}"), -_WAITING, "yellow" if device.waiting else ""),
        ("", 2, ""),
        (last, 0, ""),
    )
    more = "; ".join(filter(None, (problem, device.overrides)))
    return [row, _line(f"    {more}", width, colour if problem else "cyan")] if more else [row]


def _event(line: StreamLine, width: int, name: int, now: datetime) -> Text:
    today = line.time.date() == now.date()
    return _cells(
        width,
        (f"  {line.time:%H:%M:%S}" if today else f"  {line.time:%d %b}", 12, "dim"),
        (line.device, name - 2, ""),
        (line.what, _TYPE, _COLOURS.get(line.what, "")),
        (f"(late) {line.text}" if line.late else line.text, 0, ""),
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
