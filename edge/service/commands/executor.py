"""What ops commands, done between two frames on the pipeline's thread: ``edge.service.commands``'s device."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from edge.camera import CameraStatus
from edge.clock import Clock, trusted
from edge.config import Config
from edge.errors import MaskgateError
from edge.events import Health, Overrides, new_event, rfc3339
from edge.people.compose import LoadedModels
from edge.people.pipeline import Pipeline
from edge.service.commands import CommandDispatcher, CommandResult, RefusedError, SnapshotFace, in_numbers
from edge.service.messenger import Messenger
from edge.service.updates import Updates
from edge.values import Face, Frame, Image, log_odds

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommandSources:
    """Where orders look things up; each is asked when a command needs it."""

    health: Callable[[], Health]
    camera: Callable[[], CameraStatus]
    newest: Callable[[], Frame | None]
    """The last frame that was judged."""
    updates: Updates
    reread: Callable[[], Config] | None
    """Reads the configuration again and checks all of it; None: there is no file."""


class CommandExecutor:
    """Takes commands from the messenger, has them done, and answers.

    Args:
        config: what is in force.
        models: the models, for ``snapshot-test``.
        pipeline: judges by the threshold that ``set-threshold`` changes.
        messenger: brings commands, takes answers and events.
        clock: the time.
        sources: all else that is asked.
    """

    def __init__(
        self,
        config: Config,
        models: LoadedModels,
        pipeline: Pipeline,
        messenger: Messenger,
        clock: Clock,
        sources: CommandSources,
    ) -> None:
        self._config, self._models, self._pipeline = config, models, pipeline
        self._messenger, self._clock, self._sources = messenger, clock, sources
        self._commander = CommandDispatcher(config.commands, self, clock)
        self._threshold: float | None = None
        self.ending: str | None = None
        """Why this run shall end, to be started again; None: it need not."""

    @property
    def overrides(self) -> Overrides:
        """What commands have changed."""
        muted_for_s = round(self._messenger.muted_for_s, 1)
        return Overrides(muted_for_s=muted_for_s or None, mask_threshold=self._threshold)

    def attend(self) -> None:
        """Do at most one command, so that the next frame need not wait for a second one."""
        asked = self._messenger.inbox.asked()
        if asked is None:
            return
        handled = self._commander.handle(asked.payload, retained=asked.retained)
        if handled.event is not None:
            said = handled.event
            _log.info("command %s: %s: %s", said.command or "?", said.error or said.status, said.message)
            self._messenger.record([new_event(said, self._clock.utc(), clock_trusted=trusted(self._clock))])
        if handled.response is not None:
            self._messenger.answer(handled.response)

    def status(self) -> CommandResult:
        """All of health."""
        health = self._sources.health()
        problems = "; ".join(health.problems) or "All is well."
        return CommandResult(problems, health.model_dump(mode="json"))

    def snapshot(self) -> CommandResult:
        """The last picture, looked at once more by the models; no pixel of it goes out."""
        frame, camera = self._sources.newest(), self._sources.camera()
        if frame is None:
            why = camera.message or "the camera is being opened"
            raise RefusedError("not possible", f"There is no picture yet: {why}.")
        faces = [self._sighting(frame.image, face) for face in self._models.detector.find(frame.image)]
        tampering, health = self._pipeline.tampering, self._sources.health()
        data: dict[str, JsonValue] = {
            **in_numbers(frame.image, faces),
            "taken": rfc3339(frame.taken),
            "camera": health.camera.model_dump(mode="json"),
            "judged_fps": health.fps,
            "tampering": None if tampering is None else tampering.reason,
            "mask_threshold": self._threshold or self._models.classifier.threshold,
        }
        judgeable = sum(face.score is not None for face in faces)
        return CommandResult(
            camera.message or f"Faces: {len(faces)}, of which {judgeable} can be judged.", data
        )

    def reload(self) -> CommandResult:
        """A configuration without mistakes is applied by an orderly restart: one rule for all keys."""
        if self._sources.reread is None:
            raise RefusedError("not possible", "This run has no configuration file: start it with --config.")
        try:
            new = self._sources.reread()
        except MaskgateError as e:
            raise RefusedError("not possible", f"Nothing is changed. {e}") from e
        changed = _changes(self._config, new)
        if not changed:
            return CommandResult("The configuration has not changed.", {"changed": []})
        self.ending = "restarts with a changed configuration"
        text = f"Restarts now, to apply {', '.join(changed)}."
        if any(key.startswith("speaker") for key in changed):
            text += " The speaker is a service of its own: systemctl restart maskgate-speaker."
        return CommandResult(text, {"changed": [*changed]})

    def announce(self) -> CommandResult:
        """The speaker's own report follows as an event."""
        if self._messenger.muted_for_s > 0:
            raise RefusedError("not possible", "This device is muted: end that first (mute with for_s 0).")
        name = self._messenger.try_speaker("command")
        return CommandResult(
            "Asked for: the speaker that hears it reports it as an event.", {"violation": name}
        )

    def mute(self, for_s: float) -> CommandResult:
        """A restart ends it, too."""
        self._messenger.mute(for_s)
        if for_s == 0:
            return CommandResult("Violations are announced again.")
        text = f"Violations are not announced for {for_s:g} s, or until the next start; events go on."
        return CommandResult(text, {"muted_for_s": for_s})

    def set_threshold(self, value: float) -> CommandResult:
        """People who are settled already are judged anew by their next looks."""
        before = self._threshold or self._models.classifier.threshold
        self._threshold = value
        self._pipeline.policy.threshold_logit = log_odds(value)
        text = f"The mask threshold is {value:g} instead of {before:g} until the next start."
        return CommandResult(text, {"before": before, "mask_threshold": value})

    def restart(self) -> CommandResult:
        """The answer goes out before the end."""
        self.ending = "restarts, as ops commanded"
        return CommandResult("Restarts now.")

    def update(self, url: str, version: str) -> CommandResult:
        """Root fetches, checks and switches; what comes of it is an event."""
        try:
            self._sources.updates.ask(url, version)
        except MaskgateError as e:
            raise RefusedError("not possible", str(e)) from e
        text = f"{version} is asked for; an event update.finished, .failed or .returned says what came of it."
        return CommandResult(text, {"version": version})

    def rollback(self) -> CommandResult:
        """Likewise."""
        try:
            self._sources.updates.ask_rollback()
        except MaskgateError as e:
            raise RefusedError("not possible", str(e)) from e
        return CommandResult("Asked for: this run ends in a moment, and update.returned says what is in use.")

    def _sighting(self, image: Image, face: Face) -> SnapshotFace:
        height, width = image.shape[:2]
        zone = self._pipeline.zones.of(face.box, width, height)
        look = self._models.assess(image, face, zone.min_face_width_px if zone else None)
        score = self._models.classifier.score(image, face.box) if zone and look.flaw is None else None
        return SnapshotFace(look, zone.name if zone else None, score)


def _changes(old: Config, new: Config) -> list[str]:
    """The keys that differ: ``section.key``, or the section where it is a list of tables."""
    out = []
    for name in Config.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        keys = type(before).model_fields if not isinstance(before, tuple) else ()
        out += [f"{name}.{k}" for k in keys if getattr(before, k) != getattr(after, k)] or [name]
    return out
