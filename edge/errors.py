"""What can go wrong in ways that we expect, each with the exit code that a shell or systemd sees.

An error's text is complete: it names the file, key, device or host, what was found there, and what to do.
"""


class MaskgateError(Exception):
    """Base of every error that maskgate raises on purpose; ends a command with ``exit_code``."""

    exit_code = 1


class UsageError(MaskgateError):
    """The command line asks for something that is not there."""

    exit_code = 2


class ConfigError(MaskgateError):
    """The configuration is wrong; restarting does not help (sysexits' EX_CONFIG)."""

    exit_code = 78


class ModelError(MaskgateError):
    """A model is missing, damaged or not the one that its contract describes."""

    exit_code = 78


class CameraError(MaskgateError, OSError):
    """A source could not be opened or stopped giving pictures."""


class LinkError(MaskgateError, ConnectionError):
    """The broker can't be reached or refuses us."""


class StoreError(MaskgateError, OSError):
    """The outbox can't be written: disk full, read-only, damaged."""


class SpeakerError(MaskgateError, OSError):
    """An announcement could not be played."""


class UpdateError(MaskgateError):
    """A bundle is not taken, or there is nothing to go back to."""
