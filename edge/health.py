"""What the device knows about itself: memory, temperature, frame rate, latency, trouble with its card."""

from collections import deque
from pathlib import Path
from statistics import median

_THERMAL = Path("/sys/class/thermal/thermal_zone0/temp")
_STATUS = Path("/proc/self/status")


def memory_mb() -> float | None:
    """Resident memory of this process in MB; None where the kernel does not tell."""
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), None)
    return None if kib is None else round(kib / 1024, 1)


def temperature_c() -> float | None:
    """The processor's temperature in degrees Celsius; None where there is no sensor."""
    try:
        return int(_THERMAL.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None


MACHINE_PROBLEMS = Path("/run/maskgate-machine/problems")
"""Where ``maskgate machine`` writes what is wrong with card and machine, one sentence a line."""
_PROBLEMS_MAX = 20


def machine_problems(path: Path = MACHINE_PROBLEMS) -> list[str]:
    """What ``maskgate machine`` has found; nothing where it never ran."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    said = [line for line in lines if line]
    more = len(said) - _PROBLEMS_MAX
    return [
        *said[:_PROBLEMS_MAX],
        *([f"and {more} more, in the report on the boot partition"] if more > 0 else []),
    ]


WINDOW_S = 10.0
"""What is called the frame rate now."""


class Pace:
    """Frame rate and latency over the last frames."""

    def __init__(self, frames: int = 1000) -> None:
        self._done: deque[float] = deque(maxlen=frames)
        self._took: deque[float] = deque(maxlen=frames)
        self.frames = 0
        self._first: float | None = None

    def add(self, done: float, took_s: float) -> None:
        """A frame was judged: when (monotonic s), and how long it took."""
        self._done.append(done)
        self._took.append(took_s)
        self._first = done if self._first is None else self._first
        self.frames += 1

    @property
    def seconds(self) -> float:
        """From the first judged frame to the last."""
        return self._done[-1] - self._first if self._first is not None else 0.0

    def fps(self, now: float) -> float:
        """Judged frames per second in the last ``WINDOW_S``; 0 when there were none."""
        recent = [done for done in self._done if now - done <= WINDOW_S]
        return (len(recent) - 1) / (now - recent[0]) if len(recent) > 1 and now > recent[0] else 0.0

    @property
    def latency_ms(self) -> float:
        """Median time to judge a frame."""
        return 1000 * median(self._took) if self._took else 0.0
