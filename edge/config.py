"""Contract 3: the configuration. One TOML file, typed, validated, every mistake reported at once.

Every key is defined here and nowhere else; ``maskgate config`` prints the file that these defaults make.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_PATH = Path("/etc/maskgate/config.toml")
_HERE = Path(__file__).resolve().parent
SHIPPED_MODELS = next((d for d in (_HERE / "shipped" / "models",) if d.is_dir()), _HERE.parent / "models")
"""Inside an installed wheel, or the repository's own folder."""
SHIPPED_SOUNDS = _HERE / "speaker" / "sounds"


def state_dir() -> Path:
    """Where what must survive is kept: systemd's StateDirectory, else the system's or the user's own."""
    if given := os.environ.get("STATE_DIRECTORY"):
        return Path(given)
    system = Path("/var/lib/maskgate")
    if os.access(system if system.exists() else system.parent, os.W_OK):
        return system
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "maskgate"


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
"""A topic level: no slash, no MQTT wildcard."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(_Section):
    """Where the device stands; these names become topic levels."""

    id: Name = Field("site-1", examples=["headquarters"])
    device: Name = Field("gate-1", examples=["north-door"])
    zone: Name = Field("entrance", examples=["lobby"])


class CameraConfig(_Section):
    """Where pictures come from."""

    source: str = Field("/dev/video0", min_length=1, examples=["rtsp://user:password@192.0.2.7/stream1"])
    width: int = Field(640, ge=160, le=7680, examples=[640])
    height: int = Field(480, ge=120, le=4320, examples=[480])
    fps: float = Field(15.0, gt=0, le=120, examples=[15.0])
    open_timeout_s: float = Field(10.0, gt=0, le=120, examples=[10.0])
    read_timeout_s: float = Field(5.0, gt=0, le=120, examples=[5.0])
    frozen_after_s: float = Field(10.0, gt=0, examples=[10.0])
    fault_after_s: float = Field(15.0, gt=0, examples=[15.0])
    """A camera that fails this long is reported as ``camera.fault``."""


class Models(_Section):
    """The two models and what runs them."""

    mask: Path = Field(SHIPPED_MODELS / "mask.tflite", examples=["/usr/share/maskgate/models/mask.tflite"])
    face: Path = Field(SHIPPED_MODELS / "face.tflite", examples=["/usr/share/maskgate/models/face.tflite"])
    runtime: Literal["auto", "litert", "tflite"] = Field("auto", examples=["auto"])
    threads: int = Field(1, ge=1, le=8, examples=[1])
    mask_threshold: float | None = Field(None, gt=0, lt=1, examples=[0.5])
    """Overrides the model's own threshold."""
    detector_score: float = Field(0.6, gt=0, lt=1, examples=[0.6])


class Faces(_Section):
    """Which faces can be judged at all; the rest are ``cannot_judge`` and never alarm."""

    min_width_px: float = Field(20.0, ge=8, examples=[20.0])
    min_sharpness: float = Field(10.0, ge=0, examples=[10.0])
    """Variance of the Laplacian of the face's luma at 48x48."""
    min_brightness: float = Field(25.0, ge=0, le=255, examples=[25.0])
    max_brightness: float = Field(245.0, ge=0, le=255, examples=[245.0])
    max_turn: float = Field(1.2, gt=0, examples=[1.2])
    """Nose tip's distance from the middle of the eyes, in half eye distances: 0 frontal, 1 profile."""


class Decision(_Section):
    """When looks become a verdict, and a verdict a violation."""

    min_looks: int = Field(3, ge=2, examples=[3])
    min_time_s: float = Field(0.4, ge=0, examples=[0.4])
    evidence: float = Field(3.0, gt=0, examples=[3.0])
    """Pooled log-odds that settle a person; 3 is 20 to 1."""
    recheck_s: float = Field(1.0, gt=0, examples=[1.0])
    """A settled person is looked at again this often: masks come off."""
    forget_s: float = Field(1.0, gt=0, examples=[1.0])
    """A person unseen this long has left."""


class Mqtt(_Section):
    """The broker."""

    host: str = Field("localhost", min_length=1, examples=["broker.example.org"])
    port: int = Field(1883, ge=1, le=65535, examples=[8883])
    prefix: Name = Field("maskgate", examples=["maskgate"])
    protocol: Literal["5", "3.1.1"] = Field("5", examples=["5"])
    username: str | None = Field(None, examples=["north-door"])
    password_file: Path | None = Field(None, examples=["/etc/maskgate/mqtt-password"])
    ca_file: Path | None = Field(None, examples=["/etc/maskgate/ca.pem"])
    """Given: the connection is encrypted and the broker's certificate checked."""
    cert_file: Path | None = Field(None, examples=["/etc/maskgate/client.pem"])
    key_file: Path | None = Field(None, examples=["/etc/maskgate/client.key"])
    keepalive_s: int = Field(10, ge=2, le=600, examples=[10])


class OutboxConfig(_Section):
    """Events that the broker has not acknowledged yet."""

    path: Path = Field(
        default_factory=lambda: state_dir() / "outbox.sqlite", examples=["/var/lib/maskgate/outbox.sqlite"]
    )
    max_rows: int = Field(100_000, ge=100, examples=[100_000])


class Speaker(_Section):
    """The announcement."""

    sounds: Path = Field(SHIPPED_SOUNDS, examples=["/etc/maskgate/sounds"])
    """A folder with one ``<language>.wav`` for each language."""
    languages: tuple[Name, ...] = Field(("id", "en"), min_length=1, examples=[["id", "en"]])
    """Played one after the other."""
    output: str = Field("default", min_length=1, examples=["plughw:CARD=Device"])
    """ALSA device; or a path ending in ``.wav``, to which the samples are written instead."""
    hold_s: float = Field(10.0, ge=0, examples=[10.0])
    """After an announcement, silence for so long: a crowd hears one sentence, not twelve."""
    max_age_s: float = Field(10.0, gt=0, examples=[10.0])
    """Violations older than this are not announced: nobody wants yesterday's."""


class Reporting(_Section):
    """What ops hears besides violations."""

    health_every_s: float = Field(15.0, ge=1, examples=[15.0])
    summary_every_s: float = Field(60.0, ge=1, examples=[60.0])


class Config(_Section):
    """The whole configuration."""

    site: Site = Field(default_factory=Site)
    camera: CameraConfig = Field(default_factory=CameraConfig)
    models: Models = Field(default_factory=Models)
    faces: Faces = Field(default_factory=Faces)
    decision: Decision = Field(default_factory=Decision)
    mqtt: Mqtt = Field(default_factory=Mqtt)
    outbox: OutboxConfig = Field(default_factory=OutboxConfig)
    speaker: Speaker = Field(default_factory=Speaker)
    reporting: Reporting = Field(default_factory=Reporting)


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: the file can't be read, is not TOML, or has mistakes: all of them are listed.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise ConfigError(f"{path}: no such file. Make one with: maskgate config > {path}") from e
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path}: can't be read: {e}") from e
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{path}: not valid TOML: {e}") from e
    return parse_config(raw, str(path))


def parse_config(raw: dict[str, Any], where: str) -> Config:
    """Check a configuration that was read from ``where``.

    Raises:
        ConfigError: lists every mistake with its key, what was found, what is allowed, and an example.
    """
    try:
        return Config.model_validate(raw)
    except ValidationError as e:
        lines = [_explain(dict(err)) for err in e.errors()]
        count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        raise ConfigError(f"{where}: {count}:\n" + "\n".join(f"  {line}" for line in lines)) from e


def _explain(err: dict[str, Any]) -> str:
    loc = [str(p) for p in err["loc"]]
    key = ".".join(loc)
    section = Config.model_fields.get(loc[0])
    keys = section.annotation.model_fields if section else {}  # type: ignore[union-attr]
    if err["type"] == "extra_forbidden":
        allowed = ", ".join(keys if len(loc) > 1 else Config.model_fields)
        return f"{key}: unknown {'key' if len(loc) > 1 else 'section'}. Allowed here: {allowed}"
    field = keys.get(loc[1]) if len(loc) > 1 else None
    example = f" Example: {loc[1]} = {_toml(field.examples[0])}" if field and field.examples else ""
    return f"{key}: found {err['input']!r}; {err['msg'][0].lower()}{err['msg'][1:]}.{example}"


def example_config() -> str:
    """The default configuration as TOML, each section under its description."""
    out = ["# maskgate's configuration; every key is optional, and these are the defaults"]
    for name, value in Config():
        out += ["", f"# {(type(value).__doc__ or '').strip()}", f"[{name}]"]
        for key, field in type(value).model_fields.items():
            current = getattr(value, key)
            if current is None or isinstance(
                current, Path
            ):  # differs from machine to machine: shown, not set
                out.append(f"# {key} = {_toml((field.examples or [''])[0])}")
            else:
                out.append(f"{key} = {_toml(current)}")
    return "\n".join(out) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
