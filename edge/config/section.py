"""What all sections share: their base class, the types of names and points, and default folders."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

DEFAULT_PATH = Path("/etc/maskgate/config.toml")
_HERE = Path(__file__).resolve().parents[1]
_MODELS = next((d for d in (_HERE / "shipped" / "models",) if d.is_dir()), _HERE.parent / "models")
SHIPPED_MODELS = Path(os.environ.get("MASKGATE_MODELS") or _MODELS)
"""The models of an update, if the launcher names them; else those of the wheel or of the repository."""
SHIPPED_SOUNDS = _HERE / "speaker" / "sounds"

_NAME, _PIN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$", r"^GPIO(1?[0-9]|2[0-7])$"
HOST_NAME = r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$"
SERVER = r"^[A-Za-z0-9:][A-Za-z0-9.:-]{0,252}$"
USER_NAME = r"^[a-z_][a-z0-9_-]{0,30}$"
Name = Annotated[str, Field(pattern=_NAME)]
"""A topic level: no slash, no MQTT wildcard."""
Share = Annotated[float, Field(ge=0, le=1)]
Point = tuple[Share, Share]
"""(x, y) as shares of the picture's width and height."""
_FINGERPRINT = r"^[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){31}$"
Fingerprint = Annotated[str, Field(pattern=_FINGERPRINT)]
"""The SHA-256 of a certificate, in hexadecimal digits."""
Pin = Annotated[str, Field(pattern=_PIN)]
"""A pin by the chip's number, which is not its place on the header: GPIO17 is at place 11."""

IN_WORDS = {
    _NAME: "write letters, digits, - _ and ., at most 63, the first a letter or a digit",
    r"^https?://": "write a URL that starts with http:// or https://",
    r"^media_player\.[a-z0-9_]+$": "write the entity's id in Home Assistant: media_player. and a name",
    r"^tts\.[a-z0-9_]+$": "write the entity's id in Home Assistant: tts. and a name",
    r"^/[!-~]*$": "write a path that starts with /",
    HOST_NAME: "write letters, digits and -, at most 63, the first and the last a letter or a digit",
    SERVER: "write a server's name or IP address",
    USER_NAME: "write small letters, digits, - and _, at most 31, the first a letter or _",
    _PIN: "write GPIO0 to GPIO27, the chip's numbers",
    _FINGERPRINT: "write the 64 hexadecimal digits of a SHA-256 fingerprint, with or without colons",
}
"""What each pattern asks for, in words."""


def _named(value: object) -> object:
    if value == "":
        raise ValueError("is empty: name a file, or leave the key out")
    if isinstance(value, str) and not value.isprintable():
        raise ValueError(
            'holds a control character: a backslash in "..." has a meaning of its own, so write two for each '
            "one, or use '...' instead"
        )
    return value


File = Annotated[Path, BeforeValidator(_named)]
"""A file or folder. An empty name is refused: it would mean the current folder."""


class Section(BaseModel):
    """The base of all sections: an unknown key is a mistake, and values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def state_dir() -> Path:
    """The folder for what must survive: systemd's StateDirectory, else the system's or the user's own."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given)
    system = Path("/var/lib/maskgate")
    if os.access(system if os.access(system, os.F_OK) else system.parent, os.W_OK):
        return system
    try:
        return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "maskgate"
    except RuntimeError:  # a user without a home: whoever writes there gets an error that names the folder
        return system
