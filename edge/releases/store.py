"""Which releases are in force, which one is on trial, and which one can be restored: one folder of root's.

``state.json`` is the only switch. It is replaced in one step, and it names only complete releases.
``trial.json`` exists while a release is on trial. It counts only while it names a release in force. So a
power cut never leaves two files that contradict each other. Everything else in the folder is rubbish.
"""

import logging
import uuid
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import UpdateError
from edge.releases import choose
from edge.releases.release import Kind, Release, first_mistake, read_release
from edge.releases.update_disk import UpdateDisk

_log = logging.getLogger(__name__)
_GIVEN_UP_MAX = 20
_REFUSED_MAX = 50


class _Stored(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReleaseState(_Stored):
    """The releases in force: names of folders below ``releases``; None: the Debian package's release."""

    application: str | None = None
    models: str | None = None
    previous: dict[Kind, str | None] = Field(default_factory=dict)
    """The kind that was changed last, and its release before. Empty: there is no update to take back."""
    given_up: dict[str, str] = Field(default_factory=dict)
    """Names of releases that were taken back -> the reason. The boot partition's are not tried again."""
    refused: tuple[str, ...] = ()
    """Fingerprints of bundles on the boot partition that failed before a trial."""

    def of(self, kind: Kind) -> str | None:
        """The name of the release of this kind that is in force."""
        return self.application if kind == "application" else self.models


class Trial(_Stored):
    """A release that must show that it works before it is final."""

    kind: Kind
    version: str
    over_mqtt: bool
    """Ops requested it over the broker, so it must reach the broker again to be final."""
    starts: int = 0
    """How often the service was started with it."""
    before: ReleaseState
    """The state to restore if it does not work."""
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def name(self) -> str:
        """The name of its folder below ``releases``."""
        return f"{self.kind}-{self.version}"


K = TypeVar("K", bound=_Stored)


class ReleaseStore:
    """Reads and changes that folder.

    Args:
        folder: its path.
        shipped: the application that the Debian package installed.
        disk: makes the changes.
    """

    def __init__(
        self,
        folder: Path = choose.UPDATE_FOLDER,
        shipped: Path = choose.SHIPPED,
        disk: UpdateDisk | None = None,
    ) -> None:
        self.folder, self.shipped, self.disk = folder, shipped, disk or UpdateDisk()
        self.releases, self.staging = folder / "releases", folder / "staging"

    @property
    def state(self) -> ReleaseState:
        """The releases in force."""
        return self._read("state.json", ReleaseState) or ReleaseState()

    @property
    def trial(self) -> Trial | None:
        """The release on trial, if there is one."""
        trial = self._read("trial.json", Trial)
        return trial if trial is not None and self.state.of(trial.kind) == trial.name else None

    @property
    def interrupted_return(self) -> Trial | None:
        """A trial that was taken back, if the power failed before ``end_trial``."""
        trial = self._read("trial.json", Trial)
        return trial if trial is not None and trial.name in self.state.given_up and not self.trial else None

    def application(self) -> Path:
        """The tree that programs start from."""
        return choose.application(self.shipped, self.folder)

    def models(self, application: Path) -> Path | None:
        """The folder of the models that an application starts with; None: its own models."""
        return choose.models(application, self.folder)

    def version_in_use(self, kind: Kind) -> str:
        """The version that programs start with.

        Raises:
            UpdateError: the ``release.json`` of what is in use can't be read.
        """
        tree = self.application()
        release = read_release(tree)
        if kind == "application":
            return release.version
        folder = self.models(tree)
        return read_release(folder).version if folder else release.models or "0"

    def start_trial(self, release: Release, *, over_mqtt: bool) -> None:
        """Put a release into force, on trial."""
        before = self.state
        trial = Trial(kind=release.kind, version=release.version, over_mqtt=over_mqtt, before=before)
        given_up = {name: why for name, why in before.given_up.items() if name != release.name}
        changed = {
            release.kind: release.name,
            "previous": {release.kind: before.of(release.kind)},
            "given_up": given_up,
        }
        self._save("trial.json", trial)
        self._save("state.json", before.model_copy(update=changed))

    def remember_refused(self, fingerprint: str) -> None:
        """Remember a bundle on the boot partition that failed, so that it is not tried at each boot."""
        state = self.state
        refused = (*state.refused, fingerprint)[-_REFUSED_MAX:]
        self._save("state.json", state.model_copy(update={"refused": refused}))

    def count_start(self, trial: Trial) -> int:
        """Count a start of the service; returns how many there were in this trial."""
        self._save("trial.json", trial.model_copy(update={"starts": trial.starts + 1}))
        return trial.starts + 1

    def end_trial(self) -> None:
        """Make final what is in force, on trial or not."""
        self.disk.remove(self.folder / "trial.json")

    def restore(self, trial: Trial, why: str) -> None:
        """Restore the state before the trial; ``end_trial`` must follow."""
        earlier = [(name, reason) for name, reason in trial.before.given_up.items() if name != trial.name]
        given_up = dict([*earlier, (trial.name, why)][-_GIVEN_UP_MAX:])
        self._save("state.json", trial.before.model_copy(update={"given_up": given_up}))

    def reopen_trial(self) -> Trial:
        """Put the last update on trial again, so that it can be taken back in steps that survive a power cut.

        Raises:
            UpdateError: no update is in use.
        """
        state = self.state
        for kind, name in state.previous.items():
            updated = state.of(kind)
            if updated is not None and self._is_in_use(kind, updated):
                before = state.model_copy(update={kind: name, "previous": {}})
                version = read_release(self.releases / updated).version
                trial = Trial(kind=kind, version=version, over_mqtt=False, before=before)
                self._save("trial.json", trial)
                return trial
        raise UpdateError("There is no update to go back from: the release of the Debian package is in use.")

    def collect(self) -> None:
        """Remove all releases that are neither in force nor needed to go back."""
        state, trial = self.state, self.trial
        states = [state] if trial is None else [state, trial.before]
        named = {name for s in states for name in (s.application, s.models, *s.previous.values())}
        if trial is None:
            self.end_trial()  # a power cut may have left the file before the trial started, or after it ended
        self.disk.remove(self.staging)
        for path in sorted(self.releases.glob("*")):
            if path.name not in named:
                self.disk.remove(path)

    def _is_in_use(self, kind: Kind, name: str) -> bool:
        tree = self.application()
        folder = tree if kind == "application" else self.models(tree)
        return folder == self.releases / name

    def _read(self, name: str, kind: type[K]) -> K | None:
        path = self.folder / name
        try:
            return kind.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as e:
            why = first_mistake(e) if isinstance(e, ValidationError) else e.strerror
            _log.error("%s: can't be read, so it counts as missing: %s", path, why)
            return None

    def _save(self, name: str, content: _Stored) -> None:
        self.disk.save(self.folder / name, content.model_dump_json().encode())
