"""Which application and which models a program starts with; ``/usr/bin/maskgate`` runs this file by its path.

It uses the standard library alone. Whatever is on the disk, it gives an answer: the tree of the Debian
package is the last resort. An update counts only while it is newer than that tree, so that apt's upgrades
take effect.
"""

import json
import os
import sys
from pathlib import Path

SHIPPED = Path("/usr/lib/maskgate")
"""The tree that the Debian package installed."""
UPDATE_FOLDER = Path("/var/lib/maskgate-update")
"""Root's folder: the releases that came as updates, and which of them are in force."""
MODELS = "MASKGATE_MODELS"
"""The environment variable that names the folder of the models, if it is not the application's own."""


def is_newer(one: str, other: str) -> bool:
    """Whether one version, such as ``1.10.0``, is above another.

    Raises:
        ValueError: one of them is not a version of this form.
    """
    return tuple(map(int, one.split("."))) > tuple(map(int, other.split(".")))


def application(shipped: Path = SHIPPED, update_folder: Path = UPDATE_FOLDER) -> Path:
    """The folder to import ``edge`` from."""
    try:
        tree = _in_force("application", update_folder)
        release, base = _release(tree), _release(shipped)
        fits = release["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
        return tree if fits and is_newer(release["version"], base["version"]) else shipped
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return shipped


def models(tree: Path, update_folder: Path = UPDATE_FOLDER) -> Path | None:
    """The folder of models that replaces those of an application; None if no update has newer ones.

    Args:
        tree: the application's folder.
        update_folder: the folder of the updates.
    """
    try:
        folder = _in_force("models", update_folder)
        return folder if is_newer(_release(folder)["version"], _release(tree)["models"]) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def prepare(arguments: list[str]) -> str:
    """The launcher's work: return the folder to import from, and name the models in the environment.

    ``maskgate update`` always runs from the Debian package: it is root's work, and a broken update must not
    be able to break it.

    Args:
        arguments: the command line, without the program's name.
    """
    command = next((word for word in arguments if not word.startswith("-")), "")
    tree = SHIPPED if command == "update" else application()
    folder = models(tree)
    if folder is not None:
        os.environ[MODELS] = str(folder)
    return str(tree)


def _in_force(kind: str, update_folder: Path) -> Path:
    name: str = json.loads((update_folder / "state.json").read_bytes())[kind]
    return update_folder / "releases" / name


def _release(tree: Path) -> dict[str, str]:
    release: dict[str, str] = json.loads((tree / "release.json").read_bytes())
    return release
