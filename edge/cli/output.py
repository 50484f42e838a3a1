"""Standard output whose failures can be told from all other trouble: a full disk, a reader that has gone."""

import io
import threading


class OutputError(Exception):
    """What was printed can't be written.

    Attributes:
        cause: what the system said.
    """

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Output(io.TextIOWrapper):
    """Standard output that can print a file's name whatever bytes it holds.

    Its failures are raised on the main thread alone: the others have work that must go on.

    Args:
        plain: what it takes the place of.
    """

    def __init__(self, plain: io.TextIOWrapper) -> None:
        super().__init__(
            plain.buffer, plain.encoding, "backslashreplace",
            line_buffering=plain.line_buffering, write_through=plain.write_through,
        )  # fmt: skip
        self._failure: OSError | None = None

    def write(self, text: str, /) -> int:
        """As ``TextIOWrapper``'s.

        Raises:
            OutputError: it can't be written.
        """
        try:
            return super().write(text)
        except OSError as e:
            self._failure = e
            self._tell()
            return len(text)

    def flush(self) -> None:
        """As ``TextIOWrapper``'s.

        Raises:
            OutputError: this, or something before it, can't be written.
        """
        try:
            super().flush()
        except OSError as e:
            self._failure = e
        self._tell()

    def _tell(self) -> None:
        if self._failure is not None and threading.current_thread() is threading.main_thread():
            failure, self._failure = self._failure, None  # once is enough: Python flushes again at its end
            raise OutputError(failure) from failure
