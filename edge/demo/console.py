"""What the demo prints on the terminal, as it happens."""

import json
import sys
import threading

from edge.people.outcomes import Closed, Opened, Outcome, Settled, describe
from edge.people.pipeline import FrameResult
from edge.values import Frame, Verdict

_BOLD, _DIM, _OFF = "1", "2", "0"
_COLOUR = {Verdict.MASKED: "32", Verdict.NOT_MASKED: "31", Verdict.CANNOT_JUDGE: "33"}


class Console:
    """Lines from several threads, whole and in order; in colour on a terminal.

    The left column says who speaks: the device, the broker's subscriber, the speaker.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._colour = sys.stdout.isatty()

    def say(self, who: str, text: str, *styles: str) -> None:
        """Print one line."""
        if self._colour and styles:
            text = f"\033[{';'.join(styles)}m{text}\033[{_OFF}m"
        with self._lock:
            print(f"{who:>8}  {text}", flush=True)  # noqa: T201 - its job

    def heading(self, text: str) -> None:
        """A line that starts a part of the story."""
        self.say("", text, _BOLD)

    def watch(self, frame: Frame, result: FrameResult) -> None:
        """Say what a frame led to."""
        for outcome in result.outcomes:
            self.say("device", f"{frame.captured_at:5.1f} s  {describe(outcome)}", *_styles(outcome))

    def message(self, topic: str, payload: bytes, retained: bool) -> None:  # noqa: FBT001 - the link's signature
        """Show what the subscriber received."""
        message = json.loads(payload)
        data = message.get("data", message)
        kept = {k: v for k, v in data.items() if k in _SHOWN}
        self.say(
            "MQTT", f"{topic}  {message.get('type', '')} {json.dumps(kept)}{' (retained)' * retained}", _DIM
        )


_SHOWN = {
    "state", "reason", "track", "score", "face_width_px", "seen_for_s", "duration_s", "speaker", "language",
    "delay_s", "people", "masked", "not_masked", "violations", "complied", "software", "runtime", "fps",
}  # fmt: skip
"""What of a message fits a line; the whole of it is in ``messages.jsonl``."""


def _styles(outcome: Outcome) -> tuple[str, ...]:
    if isinstance(outcome, Settled):
        return (_COLOUR[outcome.verdict],)
    if isinstance(outcome, Opened):
        return _BOLD, _COLOUR[Verdict.NOT_MASKED]
    return (_BOLD,) if isinstance(outcome, Closed) else ()
