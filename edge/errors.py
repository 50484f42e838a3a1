"""The failures that we expect, each with the exit code that a shell or systemd sees.

An error's text is complete: it names the file, key, device or host, what was found there, and what to do.
"""


class MaskgateError(Exception):
    """Base of every error that maskgate raises on purpose; ends a command with ``exit_code``."""

    exit_code = 1


class UsageError(MaskgateError):
    """The command line asks for something that does not exist or makes no sense."""

    exit_code = 2


class ConfigError(MaskgateError):
    """The configuration is wrong; restarting does not help (sysexits' EX_CONFIG)."""

    exit_code = 78


class ModelError(MaskgateError):
    """A model is missing, is damaged, or is not the one that its contract describes."""

    exit_code = 78


class CameraError(MaskgateError, OSError):
    """A source can't be opened, or it stopped sending pictures."""


class LinkError(MaskgateError, ConnectionError):
    """The broker can't be reached, or it refuses this client."""


class StoreError(MaskgateError, OSError):
    """What must last (the outbox, a state file) can't be written: the disk is full, read-only or damaged."""


class SpeakerError(MaskgateError, OSError):
    """An announcement can't be played."""


class UpdateError(MaskgateError):
    """A bundle is refused, or there is no earlier release to go back to."""


class ProgramError(MaskgateError):
    """Another program can't be run, or failed.

    Attributes:
        program: its name.
        code: its exit code, minus the signal's number if a signal ended it; None: it did not come that far.
        last_lines: the end of what it wrote to stderr.
    """

    def __init__(self, message: str, *, program: str, code: int | None = None, last_lines: str = "") -> None:
        super().__init__(message)
        self.program, self.code, self.last_lines = program, code, last_lines


class ProgramMissingError(ProgramError):
    """The program is not installed."""


class ProgramTimeoutError(ProgramError, TimeoutError):
    """The program did not end in time and was killed."""
