"""Does what ops commands."""

from collections.abc import Callable

from pydantic import JsonValue

from edge.config import Config
from edge.errors import MaskgateError
from edge.events import rfc3339
from edge.people.compose import LoadedModels
from edge.people.pipeline import Pipeline
from edge.service.commands import CommandResult, RefusedError, SnapshotFace, in_numbers
from edge.service.device_state import DeviceState
from edge.service.messenger import Messenger
from edge.service.reporting import Reporter
from edge.service.updates import Updates
from edge.values import Face, Image, log_odds


class CommandExecutor:
    """The device's ``CommandActions``; each is done at once, between two frames, on the pipeline's thread.

    Args:
        config: what is in force.
        models: for ``snapshot-test``.
        pipeline: judges by the threshold that ``set-threshold`` changes.
        messenger: mutes announcements and tries the speaker.
        reporter: makes the health report that ``status`` answers with.
        state: what the device is right now.
        updates: asks for releases.
        reread: reads the configuration again and checks all of it; None where there is no file.
    """

    def __init__(
        self,
        config: Config,
        models: LoadedModels,
        pipeline: Pipeline,
        messenger: Messenger,
        reporter: Reporter,
        state: DeviceState,
        updates: Updates,
        reread: Callable[[], Config] | None,
    ) -> None:
        self._config, self._models, self._pipeline = config, models, pipeline
        self._messenger, self._reporter, self._state = messenger, reporter, state
        self._updates, self._reread = updates, reread
        self.ending: str | None = None
        """Why this run must end, to be started again; None: it goes on."""

    def status(self) -> CommandResult:
        """Answer with all of ``health``."""
        health = self._reporter.health()
        problems = "; ".join(health.problems) or "All is well."
        return CommandResult(problems, health.model_dump(mode="json"))

    def snapshot(self) -> CommandResult:
        """Show what the models see in the last picture, in numbers; no pixel of it leaves the device."""
        frame, camera = self._state.newest, self._state.camera
        if frame is None:
            why = camera.message or "the camera is being opened"
            raise RefusedError("not possible", f"There is no picture yet: {why}.")
        faces = [self._sighting(frame.image, face) for face in self._models.detector.find(frame.image)]
        tampering, health = self._pipeline.tampering, self._reporter.health()
        data: dict[str, JsonValue] = {
            **in_numbers(frame.image, faces),
            "taken": rfc3339(frame.taken),
            "camera": health.camera.model_dump(mode="json"),
            "judged_fps": health.fps,
            "tampering": None if tampering is None else tampering.reason,
            "mask_threshold": self._state.mask_threshold or self._models.classifier.threshold,
        }
        judgeable = sum(face.score is not None for face in faces)
        return CommandResult(
            camera.message or f"Faces: {len(faces)}, of which {judgeable} can be judged.", data
        )

    def reload(self) -> CommandResult:
        """Apply a configuration without mistakes by an orderly restart: one rule for all keys."""
        if self._reread is None:
            raise RefusedError("not possible", "This run has no configuration file: start it with --config.")
        try:
            new = self._reread()
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
        """Let the speaker sound once; its own report follows as an event."""
        if self._messenger.muted_for_s > 0:
            raise RefusedError("not possible", "This device is muted: end that first (mute with for_s 0).")
        name = self._messenger.try_speaker("command")
        return CommandResult(
            "The speaker is asked: it reports the announcement as an event.", {"violation": name}
        )

    def mute(self, for_s: float) -> CommandResult:
        """Have no violation announced for ``for_s`` seconds; a restart ends that, too."""
        self._messenger.mute(for_s)
        if for_s == 0:
            return CommandResult("Violations are announced again.")
        text = f"Violations are not announced for {for_s:g} s, or until the next start; events go on."
        return CommandResult(text, {"muted_for_s": for_s})

    def set_threshold(self, value: float) -> CommandResult:
        """Judge by another threshold from now on; people who were judged already are judged again."""
        before = self._state.mask_threshold or self._models.classifier.threshold
        self._state.mask_threshold = value
        self._pipeline.policy.threshold_logit = log_odds(value)
        text = f"The mask threshold is {value:g} instead of {before:g} until the next start."
        return CommandResult(text, {"before": before, "mask_threshold": value})

    def restart(self) -> CommandResult:
        """End this run; the answer goes out first."""
        self.ending = "restarts, as ops commanded"
        return CommandResult("Restarts now.")

    def update(self, url: str, version: str) -> CommandResult:
        """Ask root for a release. Root fetches, checks and switches; an event says what came of it."""
        try:
            self._updates.ask(url, version)
        except MaskgateError as e:
            raise RefusedError("not possible", str(e)) from e
        text = f"{version} is asked for; an event update.finished, .failed or .returned says what came of it."
        return CommandResult(text, {"version": version})

    def rollback(self) -> CommandResult:
        """Ask root for the release that was in use before; an event says what came of it."""
        try:
            self._updates.ask_rollback()
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
    """The keys that differ: ``section.key``, or the section's name where it is a list of tables."""
    out = []
    for name in Config.model_fields:
        before, after = getattr(old, name), getattr(new, name)
        if before == after:
            continue
        keys = type(before).model_fields if not isinstance(before, tuple) else ()
        out += [f"{name}.{k}" for k in keys if getattr(before, k) != getattr(after, k)] or [name]
    return out
