"""Standard output whose own failures (a full disk, a reader that has gone) are told apart from all others."""

import io
import logging
import threading


class OutputError(Exception):
    """Standard output can't be written.

    Attributes:
        cause: the system's error.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Output(io.TextIOWrapper):
    """Standard output that prints any file name, whatever bytes are in it.

    Its failures are raised on the main thread only: the work of other threads must go on.

    Args:
        plain: the stream that it replaces.
    """

    def __init__(self, plain: io.TextIOWrapper) -> None:
        super().__init__(
            plain.buffer, plain.encoding, "backslashreplace",
            line_buffering=plain.line_buffering, write_through=plain.write_through,
        )  # fmt: skip
        self._failure: OSError | None = None

    def write(self, text: str, /) -> int:
        """Write as ``TextIOWrapper`` does.

        Raises:
            OutputError: the text can't be written.
        """
        try:
            return super().write(text)
        except OSError as e:
            self._failure = e
            self._raise_failure()
            return len(text)

    def flush(self) -> None:
        """Flush as ``TextIOWrapper`` does.

        Raises:
            OutputError: this text, or some before it, can't be written.
        """
        try:
            super().flush()
        except OSError as e:
            self._failure = e
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None and threading.current_thread() is threading.main_thread():
            failure, self._failure = self._failure, None  # once is enough: Python flushes again at its end
            raise OutputError(failure) from failure


def log_from(level: int) -> None:
    """Log only messages of this level and above: a person at a terminal need not see each connection."""
    logging.getLogger().setLevel(level)
