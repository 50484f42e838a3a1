"""The files with secrets that a configuration names; a relative name is a systemd credential."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator

from edge.config.section import File, Section

CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""The environment variable in which systemd names the folder of LoadCredential=."""
SUFFIX = "_file"
"""The end of their keys; no other key ends like this."""
S = TypeVar("S", bound=Section)


def _from_credentials(path: Path) -> Path:
    folder = os.environ.get(CREDENTIALS_DIRECTORY)
    return path if folder is None else Path(folder) / path  # an absolute path stays as it is


Secret = Annotated[File, AfterValidator(_from_credentials)]
"""A file; a relative name is one in ``$CREDENTIALS_DIRECTORY``, where systemd's LoadCredential= puts it."""


def credential_hint(path: Path | None) -> str:
    """What to add for a file that can't be read: a relative name is most likely a credential of a service."""
    if path is None or path.is_absolute():
        return ""
    return (
        ". A relative name is looked up in $CREDENTIALS_DIRECTORY, which is set where systemd starts "
        "maskgate; by hand: sudo CREDENTIALS_DIRECTORY=/etc/maskgate/credentials maskgate config --check ..."
    )


def secret_files(section: Section, at: str = "") -> dict[str, Path]:
    """All files that a section names, by their keys, as in ``mqtt.ca_file``."""
    found: dict[str, Path] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, Section):
            found |= secret_files(value, f"{at}{key}.")
        elif key.endswith(SUFFIX) and value is not None:
            found[f"{at}{key}"] = value
    return found


def with_secret_files(section: S, files: Mapping[str, Path | None]) -> S:
    """A copy of the section with other files, or none, for these keys."""
    update: dict[str, object] = {}
    for key in type(section).model_fields:
        value = getattr(section, key)
        if isinstance(value, Section):
            start = f"{key}."
            below = {name.removeprefix(start): path for name, path in files.items() if name.startswith(start)}
            update[key] = with_secret_files(value, below)
        elif key in files:
            update[key] = files[key]
    return section.model_copy(update=update)
