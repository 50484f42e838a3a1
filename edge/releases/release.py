"""A release's name, the machines that it fits, and the list of files that a bundle holds."""

import os
import platform
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edge.errors import UpdateError
from edge.releases.choose import MODELS, is_newer

Kind = Literal["application", "models"]
Version = Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,6}){2,3}$", examples=["1.2.0"])]
"""Three or four numbers, so that everybody sees which version is newer. Two would be a number in JSON."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The kernel's names of processors -> Debian's."""
_FILES_MAX = 50_000
_BYTES_MAX = 2_000_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Release(_Strict):
    """The content of the ``release.json`` in each tree."""

    kind: Kind
    version: Version
    arch: Literal["amd64", "arm64"] | None = None
    """None: it runs on any processor."""
    python: Annotated[str, Field(pattern=r"^3\.\d{1,2}$")] | None = None
    """The version of Python, such as 3.11, that an application needs. None: it needs none, as models."""
    models: Version | None = None
    """The version of the models inside an application."""

    @property
    def name(self) -> str:
        """The name of its folder below ``releases``."""
        return f"{self.kind}-{self.version}"

    @property
    def title(self) -> str:
        """Its name for people."""
        return f"{self.kind} {self.version}"

    def require_fit(self) -> None:
        """Check that this machine can run it.

        Raises:
            UpdateError: it is for another processor or another version of Python.
        """
        arch, python = ARCHITECTURES.get(platform.machine()), f"{sys.version_info[0]}.{sys.version_info[1]}"
        if self.arch not in (None, arch):
            raise UpdateError(
                f"{self.title} is for {self.arch}, this machine is {arch or platform.machine()}"
            )
        if self.python not in (None, python):
            raise UpdateError(f"{self.title} is for Python {self.python}, this machine has {python}")

    def require_newer(self, in_use: str) -> None:
        """Check that it is newer than the version in use: the signatures of old bundles stay valid for ever.

        Raises:
            UpdateError: it is not newer.
        """
        if not is_newer(self.version, in_use):
            raise UpdateError(f"{self.title} is not newer than {in_use}, which is in use")


def _require_inside(name: str) -> str:
    path = PurePosixPath(name)
    if not name or name != str(path) or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError("not a plain path inside the tree")
    return name


class ReleaseFile(_Strict):
    """Size and hash of one file of a tree."""

    size: int = Field(ge=0, le=_BYTES_MAX)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(_Strict):
    """The first file of a bundle. It lists all others by their paths."""

    format: Literal[1] = 1
    release: Release
    files: dict[Annotated[str, AfterValidator(_require_inside)], ReleaseFile] = Field(max_length=_FILES_MAX)

    @property
    def size(self) -> int:
        """How many bytes all files have together."""
        return sum(file.size for file in self.files.values())


def read_release(tree: Path) -> Release:
    """Read a tree's ``release.json``.

    Raises:
        UpdateError: there is none, or it can't be understood.
    """
    path = tree / "release.json"
    try:
        return Release.model_validate_json(path.read_bytes())
    except OSError as e:
        raise UpdateError(
            f"{path}: can't be read: {e.strerror}. Only the Debian package can be updated"
        ) from e
    except ValidationError as e:
        raise UpdateError(f"{path}: {first_mistake(e)}") from e


def in_use() -> tuple[str | None, str | None]:
    """The versions of the application and of the models that this process runs; None: not a release."""
    application = _release_or_none(Path(__file__).resolve().parents[2])
    folder = os.environ.get(MODELS)
    models = _release_or_none(Path(folder)) if folder else None
    return (
        application.version if application else None,
        models.version if models else application.models if application else None,
    )


def _release_or_none(tree: Path) -> Release | None:
    try:
        return read_release(tree)
    except UpdateError:
        return None


def first_mistake(error: ValidationError) -> str:
    """The first mistake as text. One is enough, because a program wrote what was read."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}"
