"""What a release is called, where it fits, and what a bundle holds of it."""

import os
import platform
import sys
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from edge.errors import UpdateError
from edge.releases.choose import MODELS, newer

Kind = Literal["application", "models"]
Version = Annotated[str, Field(pattern=r"^\d{1,6}(\.\d{1,6}){2,3}$", examples=["1.2.0"])]
"""Three or four numbers: what is newer must be plain to everybody, and 1.2 is a number in JSON."""
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The kernel's names -> Debian's."""
_FILES_MAX = 50_000
_BYTES_MAX = 2_000_000_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Release(_Strict):
    """The ``release.json`` in each tree."""

    kind: Kind
    version: Version
    arch: Literal["amd64", "arm64"] | None = None
    """None: any."""
    python: Annotated[str, Field(pattern=r"^3\.\d{1,2}$")] | None = None
    """The minor version that an application is bound to."""
    models: Version | None = None
    """Those inside an application."""

    @property
    def name(self) -> str:
        """Its folder's name."""
        return f"{self.kind}-{self.version}"

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.kind} {self.version}"

    def require_fit(self) -> None:
        """Raises UpdateError where this machine can't run it."""
        arch, python = ARCHITECTURES.get(platform.machine()), f"{sys.version_info[0]}.{sys.version_info[1]}"
        if self.arch not in (None, arch):
            raise UpdateError(
                f"{self.title} is for {self.arch}, this machine is {arch or platform.machine()}"
            )
        if self.python not in (None, python):
            raise UpdateError(f"{self.title} is for Python {self.python}, this machine has {python}")

    def require_newer(self, used: str) -> None:
        """Raises UpdateError where what is in use is not older: old bundles stay signed for ever."""
        if not newer(self.version, used):
            raise UpdateError(f"{self.title} is not newer than {used}, which is in use")


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if not name or name != str(path) or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError("not a plain path inside the tree")
    return name


class ReleaseFile(_Strict):
    """One file of a tree."""

    size: int = Field(ge=0, le=_BYTES_MAX)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Manifest(_Strict):
    """The first file of a bundle: all others, by their paths."""

    format: Literal[1] = 1
    release: Release
    files: dict[Annotated[str, AfterValidator(_inside)], ReleaseFile] = Field(max_length=_FILES_MAX)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())


def read_release(tree: Path) -> Release:
    """What a tree says of itself.

    Raises:
        UpdateError: nothing, or nothing that can be understood.
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
    """The versions of the application and the models that this process runs; None: they were no releases."""
    application = _said_in(Path(__file__).resolve().parents[2])
    folder = os.environ.get(MODELS)
    models = _said_in(Path(folder)) if folder else None
    return (
        application.version if application else None,
        models.version if models else application.models if application else None,
    )


def _said_in(tree: Path) -> Release | None:
    try:
        return read_release(tree)
    except UpdateError:
        return None


def first_mistake(error: ValidationError) -> str:
    """Of a text that a program wrote: one mistake says enough."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}"
