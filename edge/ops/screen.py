"""The fleet as lines of text for a terminal of some size. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edge.ops.fleet import DeviceRow, Fleet, StreamLine, trouble
from edge.ops.text import ago, columns, natural, plain

_STATE, _FPS, _TEMP, _WAITING = 17, 6, 7, 9
_NAME_MIN, _NAME_MAX = 12, 34
_TYPE = 22
_HOT_C = 80.0
"""A Raspberry Pi slows itself down from here on."""
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
_COLOURS = {
    "violation.opened": _RED,
    "violation.closed": _GREEN,
    "camera.fault": _YELLOW,
    "camera.tampered": _YELLOW,
    "announcement.failed": _YELLOW,
    "events.dropped": _RED,
    "identity.duplicated": _RED,
    "command.handled": _CYAN,
    "offline": _RED,
    "online": _GREEN,
}


@dataclass(frozen=True, slots=True)
class Screen:
    """What it is drawn on, and what is drawn above the table."""

    broker: str
    """Where all this comes from."""
    began: datetime
    """When we began to listen, UTC."""
    width: int = 100
    height: int = 30
    """Both in characters."""
    colour: bool = True
    problem: str | None = None
    """Why nothing comes at the moment."""


def draw(fleet: Fleet, stream: Sequence[StreamLine], screen: Screen, now: datetime) -> list[str]:
    """All of it.

    Args:
        fleet: the table.
        stream: what happened, oldest first.
        screen: where.
        now: UTC.

    Returns:
        Exactly ``screen.height`` lines, none wider than ``screen.width``.
    """
    pen = _Pen(screen)
    ill = {d.name: t for d in fleet.devices.values() if (t := trouble(d, now, screen.began))}
    name = max([columns(d.name) for d in fleet.devices.values()], default=0) + 3
    name = min(_NAME_MAX, max(_NAME_MIN, name))
    out = [
        _head(fleet, ill, pen, screen.broker, now),
        pen.line(f"  {screen.problem}" if screen.problem else "", _RED),
    ]
    out += _table(fleet, ill, pen, name, now, room=(screen.height - 5) * 2 // 3)
    out += ["", pen.line("  EVENTS", _DIM)]
    left = max(0, screen.height - len(out))
    out += [_event(line, pen, name, now) for line in stream[-left:]] if left else []
    return (out + [""] * screen.height)[: screen.height]


class _Pen:
    """Text in a colour, cut to the width."""

    def __init__(self, screen: Screen) -> None:
        self.width, self._colour = screen.width, screen.colour

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code and text else text

    def line(self, text: str, code: str = "") -> str:
        return self(plain(text, self.width), code)

    def cells(self, *cells: tuple[str, int, str]) -> str:
        """Text, width (negative: to the right; 0: what is left) and colour of each; one column parts them."""
        out, used = [], 0
        for text, width, code in cells:
            room = min(abs(width) or self.width, self.width - used)
            if room < 1:
                break
            cut = plain(text, max(1, room - 1) if width > 0 else room)
            gap = " " * (room - columns(cut)) if width else ""
            out.append(gap + self(cut, code) if width < 0 else self(cut, code) + gap)
            used += room
        return "".join(out).rstrip()


def _head(fleet: Fleet, ill: dict[str, str], pen: _Pen, broker: str, now: datetime) -> str:
    states = [d.online for d in fleet.devices.values()]
    counts = f"{states.count(True)} online, {states.count(False)} offline, {len(ill)} with problems"
    if fleet.unreadable or fleet.ignored:
        counts += f", {fleet.unreadable + fleet.ignored} messages unreadable"
    clock = f"{now:%H:%M:%S} UTC"
    middle = pen.width - 18 - len(counts) - 2 - len(clock) - 1
    return pen.cells(
        ("  maskgate watch", 18, _BOLD),
        (broker, max(10, middle), _CYAN),
        (counts, len(counts) + 2, _YELLOW if ill else _GREEN),
        (clock, -len(clock), _DIM),
    )


def _table(fleet: Fleet, ill: dict[str, str], pen: _Pen, name: int, now: datetime, room: int) -> list[str]:
    """Title and rows, and how many did not fit; those with trouble go first where not all fit."""
    out = [
        pen.cells(
            ("  DEVICE", name, _DIM), ("STATE", _STATE, _DIM), ("FPS", -_FPS, _DIM), ("TEMP", -_TEMP, _DIM),
            ("WAITING", -_WAITING, _DIM), ("", 2, ""), ("LAST VIOLATION", 0, _DIM),
        )
    ]  # fmt: skip
    devices = sorted(fleet.devices.values(), key=lambda d: natural(d.name))
    if 1 + len(devices) + sum(bool(d.overrides) or d.name in ill for d in devices) > room:
        devices.sort(key=lambda d: d.name not in ill)
    for number, device in enumerate(devices):
        rows = _rows(device, ill.get(device.name, ""), pen, name, now)
        if len(out) + len(rows) > room:
            rest = devices[number:]
            bad = sum(d.name in ill for d in rest)
            return [*out, pen.line(f"  ... and {len(rest)} more, {bad} of them with problems", _DIM)]
        out += rows
    return out if devices else [*out, pen.line("  no device heard yet", _DIM)]


def _rows(device: DeviceRow, ill: str, pen: _Pen, name: int, now: datetime) -> list[str]:
    dot, colour, state = "○", _DIM, "not heard"
    if device.online is not None:
        dot, colour = ("●", _YELLOW if ill else _GREEN) if device.online else ("○", _RED)
        age = "" if device.since is None else ago((now - device.since).total_seconds())
        state = f"{'online' if device.online else 'offline'} {age}"
    last = ""
    if device.last_violation is not None:
        last = f"{ago((now - device.last_violation).total_seconds())} {device.last_zone}"
    hot = device.temperature_c is not None and device.temperature_c >= _HOT_C
    row = pen.cells(
        (dot, 2, colour),
        (device.name, name - 2, _BOLD if ill else ""),
        (state, _STATE, colour),
        (_number(device.fps, "{:.1f}"), -_FPS, ""),
        (_number(device.temperature_c, "{:.0f}°C"), -_TEMP, _RED if hot else ""),
        (_number(device.waiting, "{:d}"), -_WAITING, _YELLOW if device.waiting else ""),
        ("", 2, ""),
        (last, 0, ""),
    )
    more = "; ".join(filter(None, (ill, device.overrides)))
    return [row, pen.line(f"    {more}", colour if ill else _CYAN)] if more else [row]


def _event(line: StreamLine, pen: _Pen, name: int, now: datetime) -> str:
    today = line.time.date() == now.date()
    return pen.cells(
        (f"  {line.time:%H:%M:%S}" if today else f"  {line.time:%d %b}", 12, _DIM),
        (line.device, name - 2, ""),
        (line.what, _TYPE, _COLOURS.get(line.what, "")),
        (f"(late) {line.text}" if line.late else line.text, 0, ""),
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
