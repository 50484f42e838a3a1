"""Contract 3: the configuration. One TOML file, typed, validated, every mistake reported at once.

Every key is defined in this package and nowhere else.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from edge.config.core import CameraConfig, Decision, Faces, Models, OutboxConfig, Reporting, SiteConfig
from edge.config.mqtt import Mqtt
from edge.config.ops import Commands, HomeAssistantDiscovery, UpdateConfig
from edge.config.secret_files import SUFFIX
from edge.config.section import IN_WORDS, Section
from edge.config.speaker import Speaker
from edge.config.surroundings import (
    CountingLine,
    CrowdingConfig,
    HoursConfig,
    IndicatorsConfig,
    TamperingConfig,
    Zone,
    flaws_of_lines,
    flaws_of_zones,
)
from edge.config.toml_file import read_toml
from edge.errors import ConfigError

_SECRET_KEYS = frozenset({"source", "url", "username", "passphrase", "ssh_keys"})
_LONGEST = 200
"""The most characters of a wrong value that are shown."""
_KEY_LONGEST = 60
"""The most characters of an unknown key that are shown."""
_MOST = 100
"""The most mistakes that are listed: a file of a thousand is not a configuration."""
_WANTED = {
    "tuple_type": "input should be a list, in [ ]",
    "model_type": "input should be a table of its own",
    "path_type": "input should be a path, in quotes",
}
"""Plain words for what pydantic says in the words of Python."""


class Config(Section):
    """The whole configuration."""

    site: SiteConfig = Field(default_factory=SiteConfig)
    camera: CameraConfig = Field(default_factory=CameraConfig)
    models: Models = Field(default_factory=Models)
    faces: Faces = Field(default_factory=Faces)
    decision: Decision = Field(default_factory=Decision)
    zones: tuple[Zone, ...] = ()
    lines: tuple[CountingLine, ...] = ()
    hours: HoursConfig = Field(default_factory=HoursConfig)
    crowding: CrowdingConfig = Field(default_factory=CrowdingConfig)
    tampering: TamperingConfig = Field(default_factory=TamperingConfig)
    indicators: IndicatorsConfig = Field(default_factory=IndicatorsConfig)
    mqtt: Mqtt = Field(default_factory=Mqtt)
    outbox: OutboxConfig = Field(default_factory=OutboxConfig)
    speaker: Speaker = Field(default_factory=Speaker)
    reporting: Reporting = Field(default_factory=Reporting)
    commands: Commands = Field(default_factory=Commands)
    update: UpdateConfig = Field(default_factory=UpdateConfig)
    home_assistant_discovery: HomeAssistantDiscovery = Field(default_factory=HomeAssistantDiscovery)

    @field_validator("zones")
    @classmethod
    def _zones_make_sense(cls, zones: tuple[Zone, ...]) -> tuple[Zone, ...]:
        if flaws := flaws_of_zones(zones):
            raise ValueError("; ".join(flaws))
        return zones

    @field_validator("lines")
    @classmethod
    def _lines_make_sense(cls, lines: tuple[CountingLine, ...]) -> tuple[CountingLine, ...]:
        if flaws := flaws_of_lines(lines):
            raise ValueError("; ".join(flaws))
        return lines


Kind = TypeVar("Kind", bound=Config)


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: the file can't be read, is not TOML, or has mistakes: all of them are listed.
    """
    return parse_config(read_toml(path), str(path))


def parse_config(raw: dict[str, Any], where: str) -> Config:
    """Check the tables of a configuration; ``where`` is the file's name, for messages.

    Raises:
        ConfigError: lists every mistake with its key, what was found, what is allowed, and an example.
    """
    return parse_as(Config, raw, where)


def parse_as(kind: type[Kind], raw: dict[str, Any], where: str) -> Kind:
    """The same for a configuration with more sections than the service's own.

    Raises:
        ConfigError: lists every mistake with its key, what was found, what is allowed, and an example.
    """
    try:
        return kind.model_validate(raw)
    except ValidationError as e:
        raise mistakes(where, [_explain(kind, dict(err)) for err in e.errors()]) from e


def mistakes(where: str, lines: Sequence[str]) -> ConfigError:
    """The error that lists all mistakes of a configuration; each line starts with its key."""
    count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    return ConfigError(f"{where}: {count}:\n" + "\n".join(f"  {line}" for line in [*lines[:_MOST], *more]))


def _explain(root: type[Config], err: dict[str, Any]) -> str:
    keys = [_short(str(part)) for part in err["loc"]]
    where = ".".join(keys)
    owner, field = _find(root, err["loc"])
    key = next((k for k in reversed(err["loc"]) if isinstance(k, str)), "")
    if err["type"] == "extra_forbidden":
        if where == "machine":
            return "machine: belongs in a card's maskgate.toml; check that with: maskgate machine check FILE"
        kind = "section" if owner is root else "key"
        allowed = ", ".join(owner.model_fields)
        return f"{where}: unknown {kind}.{_meant(key, owner)} Allowed here: {allowed}"
    if err["type"] == "missing":
        return f"{where}: missing.{_example(key, field)}"
    if err["type"] == "value_error":
        return f"{where}: {err['msg'].removeprefix('Value error, ')}.{_example(key, field)}"
    instead = err["type"] == "model_type" and not isinstance(err["input"], (int, float))
    found = _shown(err["input"], key, hidden=instead)
    pattern = IN_WORDS.get(err.get("ctx", {}).get("pattern"))
    wanted = pattern or _WANTED.get(err["type"]) or f"{err['msg'][0].lower()}{err['msg'][1:]}"
    return f"{where}: found {found}; {wanted}.{_example(key, field)}"


def _meant(key: str, owner: type[BaseModel]) -> str:
    """What an unknown key was most likely meant to be, as a sentence; empty where nothing is near."""
    if key.lower() in owner.model_fields:
        return f" Write it in small letters: {key.lower()}."
    if f"{key}_file" in owner.model_fields:
        return f" Put the secret into a file of its own, and name that file in {key}_file."
    return ""


def _short(key: str) -> str:
    return key if len(key) <= _KEY_LONGEST else f"{key[:_KEY_LONGEST]}..."


def _shown(value: object, key: str, *, hidden: bool) -> str:
    """The value that was found, or only its type if it may be, or hold, a secret."""
    if isinstance(value, dict):
        return "a table"
    hidden = hidden or key in _SECRET_KEYS or key.endswith(SUFFIX)
    if hidden or "://" in (text := repr(value)) or "{" in text:
        return f"a value of type {type(value).__name__}, which is not shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _find(root: type[Section], loc: tuple[str | int, ...]) -> tuple[type[Section], FieldInfo | None]:
    """The section that a key belongs to, and the key's definition if it has one."""
    owner = root
    field: FieldInfo | None = None
    for part in loc:
        if field is not None and (inner := section_in(field.annotation)) is not None:
            owner = inner
        if isinstance(part, str):
            field = owner.model_fields.get(part)
    return owner, field


def section_in(annotation: Any) -> type[Section] | None:  # noqa: ANN401 - an annotation may be anything
    """The section in an annotation: ``Section``, ``Section | None``, ``tuple[Section, ...]``; else None."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next((found for a in get_args(annotation) if (found := section_in(a)) is not None), None)


def _example(key: str, field: FieldInfo | None) -> str:
    return f" Example: {key} = {to_toml(field.examples[0])}" if field is not None and field.examples else ""


def to_toml(value: object) -> str:
    """A value as it is written in TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(to_toml(v) for v in value) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
