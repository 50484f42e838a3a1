"""The demo's subscriber: what really came over MQTT."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from edge.mqtt import IncomingMessage


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """A message as the broker sent it."""

    topic: str
    payload: bytes
    retained: bool


class MessageRecorder:
    """Keeps every message, writes it to a file, and shows it.

    Args:
        path: one JSON object a line: topic, retained, message.
        show: called for each, on the link's thread.
    """

    def __init__(self, path: Path, show: Callable[[str, bytes, bool], None]) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._show = show
        self._came = threading.Condition()
        self.messages: list[RecordedMessage] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._came:
            self._file.close()

    def receive(self, message: IncomingMessage) -> None:
        """Record a message; the link calls this on its own thread."""
        topic, payload, retained = message.topic, message.payload, message.retained
        with self._came:
            if self._file.closed:
                return
            self.messages.append(RecordedMessage(topic, payload, retained))
            line = {"topic": topic, "retained": retained, "message": json.loads(payload)}
            self._file.write(json.dumps(line) + "\n")
            self._came.notify_all()
        self._show(topic, payload, retained)

    def wait(self, wanted: Callable[[RecordedMessage], bool], timeout_s: float) -> bool:
        """Whether a wanted message is here, or arrives within ``timeout_s``."""
        with self._came:
            return self._came.wait_for(lambda: any(wanted(m) for m in self.messages), timeout_s)
