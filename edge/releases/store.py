"""What is in force, what is on trial, and what can be gone back to: one folder, root's.

``state.json`` is the only switch: it is replaced in one step, and names whole releases alone. ``trial.json``
is there while a release is on trial, and counts only as long as it names what is in force: so there is no
moment at which a power cut leaves two that contradict each other. Whatever else lies there is rubbish.
"""

import logging
import uuid
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import UpdateError
from edge.releases import choose
from edge.releases.disk import Disk
from edge.releases.release import Kind, Release, first_mistake, read_release

_log = logging.getLogger(__name__)
_GIVEN_UP_MAX = 20
_REFUSED_MAX = 50


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReleaseState(_Kept):
    """What is in force: names of folders below ``releases``; None: the Debian package's own."""

    application: str | None = None
    models: str | None = None
    previous: dict[Kind, str | None] = Field(default_factory=dict)
    """Of the kind that was changed last, what was in force before; empty: nothing to go back to."""
    given_up: dict[str, str] = Field(default_factory=dict)
    """Name -> why; those on the boot partition are not tried again by themselves."""
    refused: tuple[str, ...] = ()
    """Bundles on the boot partition that failed before a trial, as the updater knows them again."""

    def of(self, kind: Kind) -> str | None:
        """The name in force."""
        return self.application if kind == "application" else self.models


class Trial(_Kept):
    """A release that has to prove itself."""

    kind: Kind
    version: str
    over_mqtt: bool
    """It came from ops, over the broker: it must reach the broker again."""
    starts: int = 0
    """Of the service."""
    before: ReleaseState
    """To go back to."""
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"{self.kind}-{self.version}"


K = TypeVar("K", bound=_Kept)


class ReleaseStore:
    """The folder.

    Args:
        kept: it.
        shipped: the Debian package's application.
        disk: writes.
    """

    def __init__(
        self, kept: Path = choose.KEPT, shipped: Path = choose.SHIPPED, disk: Disk | None = None
    ) -> None:
        self.kept, self.shipped, self.disk = kept, shipped, disk or Disk()
        self.releases, self.staging = kept / "releases", kept / "staging"

    @property
    def state(self) -> ReleaseState:
        """What is in force."""
        return self._read("state.json", ReleaseState) or ReleaseState()

    @property
    def trial(self) -> Trial | None:
        """What is on trial."""
        trial = self._read("trial.json", Trial)
        return trial if trial is not None and self.state.of(trial.kind) == trial.name else None

    @property
    def cut_off(self) -> Trial | None:
        """A trial that was given back, if the power went before ``finish``."""
        trial = self._read("trial.json", Trial)
        return trial if trial is not None and trial.name in self.state.given_up and not self.trial else None

    def application(self) -> Path:
        """The folder that programs start from."""
        return choose.application(self.shipped, self.kept)

    def models(self, application: Path) -> Path | None:
        """The folder of models that an application starts with; None: its own."""
        return choose.models(application, self.kept)

    def used(self, kind: Kind) -> str:
        """The version that programs start with.

        Raises:
            UpdateError: a release does not say what it is.
        """
        tree = self.application()
        release = read_release(tree)
        if kind == "application":
            return release.version
        folder = self.models(tree)
        return read_release(folder).version if folder else release.models or "0"

    def begin(self, release: Release, *, over_mqtt: bool) -> None:
        """Put a release into force, on trial."""
        before = self.state
        trial = Trial(kind=release.kind, version=release.version, over_mqtt=over_mqtt, before=before)
        given_up = {n: why for n, why in before.given_up.items() if n != release.name}
        changed = {
            release.kind: release.name,
            "previous": {release.kind: before.of(release.kind)},
            "given_up": given_up,
        }
        self._save("trial.json", trial)
        self._save("state.json", before.model_copy(update=changed))

    def refuse(self, mark: str) -> None:
        """Remember a bundle that failed."""
        state = self.state
        refused = (*state.refused, mark)[-_REFUSED_MAX:]
        self._save("state.json", state.model_copy(update={"refused": refused}))

    def count_start(self, trial: Trial) -> int:
        """The service is about to start; returns how often it was in this trial."""
        self._save("trial.json", trial.model_copy(update={"starts": trial.starts + 1}))
        return trial.starts + 1

    def finish(self) -> None:
        """What was on trial, if anything was, is final."""
        self.disk.remove(self.kept / "trial.json")

    def give_back(self, trial: Trial, why: str) -> None:
        """As it was before the trial; ``finish`` ends it."""
        older = [(n, w) for n, w in trial.before.given_up.items() if n != trial.name]
        given_up = dict([*older, (trial.name, why)][-_GIVEN_UP_MAX:])
        self._save("state.json", trial.before.model_copy(update={"given_up": given_up}))

    def reopen(self) -> Trial:
        """Put on trial again what was the last update: so that it can be given back, in steps that are sure.

        Raises:
            UpdateError: there is none that is in use.
        """
        state = self.state
        for kind, name in state.previous.items():
            left = state.of(kind)
            if left is not None and self._is_used(kind, left):
                before = state.model_copy(update={kind: name, "previous": {}})
                version = read_release(self.releases / left).version
                trial = Trial(kind=kind, version=version, over_mqtt=False, before=before)
                self._save("trial.json", trial)
                return trial
        raise UpdateError("There is no update to go back from: what the Debian package brought is in use.")

    def collect(self) -> None:
        """Remove what is neither in force nor can be gone back to."""
        state, trial = self.state, self.trial
        states = [state] if trial is None else [state, trial.before]
        named = {name for s in states for name in (s.application, s.models, *s.previous.values())}
        if trial is None:
            self.finish()  # one that was cut off before it began, or after it ended
        self.disk.remove(self.staging)
        for path in sorted(self.releases.glob("*")):
            if path.name not in named:
                self.disk.remove(path)

    def _is_used(self, kind: Kind, name: str) -> bool:
        tree = self.application()
        folder = tree if kind == "application" else self.models(tree)
        return folder == self.releases / name

    def _read(self, name: str, kind: type[K]) -> K | None:
        path = self.kept / name
        try:
            return kind.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as e:
            why = first_mistake(e) if isinstance(e, ValidationError) else e.strerror
            _log.error("%s: can't be read, and so counts as missing: %s", path, why)
            return None

    def _save(self, name: str, content: _Kept) -> None:
        self.disk.save(self.kept / name, content.model_dump_json().encode())
