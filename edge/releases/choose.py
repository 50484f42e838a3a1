"""Which application and which models a program starts with; ``/usr/bin/maskgate`` runs this file by its path.

Standard library alone, and whatever lies on the disk, an answer comes: what the Debian package brought is the
last resort. An update counts only while it is newer than that, so that apt's upgrades take effect.
"""

import json
import os
import sys
from pathlib import Path

SHIPPED = Path("/usr/lib/maskgate")
"""The Debian package's tree."""
KEPT = Path("/var/lib/maskgate-update")
"""Root's: what came as an update, and which of it is in force."""
MODELS = "MASKGATE_MODELS"
"""The environment variable that names the folder of the models, where it is not the application's own."""


def newer(one: str, other: str) -> bool:
    """Whether a version, as ``1.10.0``, is above another one.

    Raises:
        ValueError: one of them is no such version.
    """
    return tuple(map(int, one.split("."))) > tuple(map(int, other.split(".")))


def application(shipped: Path = SHIPPED, kept: Path = KEPT) -> Path:
    """The folder to import ``edge`` from."""
    try:
        tree = _in_force("application", kept)
        release, base = _release(tree), _release(shipped)
        fits = release["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
        return tree if fits and newer(release["version"], base["version"]) else shipped
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return shipped


def models(tree: Path, kept: Path = KEPT) -> Path | None:
    """The folder of models that goes before those of an application; None: there is no newer one.

    Args:
        tree: the application's folder.
        kept: where updates lie.
    """
    try:
        folder = _in_force("models", kept)
        return folder if newer(_release(folder)["version"], _release(tree)["models"]) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def prepare(arguments: list[str]) -> str:
    """What the launcher does: say where to import from, and let the environment say which models.

    ``maskgate update`` is root's work, and a broken update must not be able to break it.

    Args:
        arguments: of the command line, without the program's name.
    """
    command = next((word for word in arguments if not word.startswith("-")), "")
    tree = SHIPPED if command == "update" else application()
    folder = models(tree)
    if folder is not None:
        os.environ[MODELS] = str(folder)
    return str(tree)


def _in_force(kind: str, kept: Path) -> Path:
    name: str = json.loads((kept / "state.json").read_bytes())[kind]
    return kept / "releases" / name


def _release(tree: Path) -> dict[str, str]:
    said: dict[str, str] = json.loads((tree / "release.json").read_bytes())
    return said
