"""``maskgate config --check``: finds what only this machine can tell about a well-formed configuration.

Each part is checked as at its start, one after the other, so that all mistakes are reported at once. No pin
is claimed, no port opened and nothing written: a running service is not disturbed.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from edge.camera import CameraSettings, check_source
from edge.clock import SystemClock
from edge.config import Config, Models, Speaker, mistakes
from edge.errors import MaskgateError
from edge.model.classifier import MaskClassifier
from edge.model.detector import FaceDetector
from edge.model.runtime import find_runtime
from edge.mqtt.security import make_tls_context, read_password
from edge.people.hours import OpeningHours
from edge.speaker.recordings import sounds_of
from edge.speaker.sinks import remote_speakers

Check = tuple[str, Callable[[], object]]
"""A key (empty if the error names it itself), and a function that raises if its value can't be used."""


def check_config(config: Config, where: str) -> None:
    """Check that all files are there and can be used, and that all texts mean something.

    Args:
        config: as it was read.
        where: its file's name, for the message.

    Raises:
        ConfigError: lists every mistake with its key.
    """
    found = [line for key, check in _checks(config) for line in _complaints(key, check)]
    if found:
        raise mistakes(where, found)


def _checks(config: Config) -> Iterator[Check]:
    yield "camera.source: ", partial(check_source, CameraSettings.of(config.camera))
    yield "models.mask: ", partial(_load, MaskClassifier, config.models.mask, config.models)
    yield "models.face: ", partial(_load, FaceDetector, config.models.face, config.models)
    yield "hours.timezone: ", partial(OpeningHours.parse, (), config.hours.timezone)
    yield "hours.open: ", partial(OpeningHours.parse, config.hours.open, "UTC")
    yield "", partial(read_password, config.mqtt)
    yield "", partial(make_tls_context, config.mqtt)
    yield from _speaker_checks(config.speaker)


def _speaker_checks(speaker: Speaker) -> Iterator[Check]:
    yield "speaker.quiet: ", partial(OpeningHours.parse, speaker.quiet, "UTC")
    for language in speaker.languages if speaker.output != "none" else ():
        yield "", partial(sounds_of, speaker.model_copy(update={"languages": (language,)}))
    for kind, section in remote_speakers(speaker):
        yield "", partial(kind.sink, kind.key, section, SystemClock())


def _load(kind: type[MaskClassifier] | type[FaceDetector], path: Path, models: Models) -> None:
    kind(path, find_runtime(models.runtime))


def _complaints(key: str, check: Callable[[], object]) -> list[str]:
    try:
        check()
    except MaskgateError as e:
        return [f"{key}{line}" for line in str(e).splitlines()]
    return []
