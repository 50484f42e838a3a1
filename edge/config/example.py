"""The default configuration as a file to start from."""

from pathlib import Path

from pydantic.fields import FieldInfo

from edge.config.loading import Config, section_in, to_toml
from edge.config.section import Section


def example_config() -> str:
    """All keys with their defaults, as TOML; what is off, or differs between machines, is a comment."""
    out = ["# maskgate's configuration; every key is optional, and these are the defaults"]
    for name, field in Config.model_fields.items():
        value, kind = getattr(Config(), name), section_in(field.annotation)
        if isinstance(value, Section):
            out += _section(name, value)
        elif kind is not None:
            out += _switched_off(f"[[{name}]]", kind)
    return "\n".join(out) + "\n"


def _section(name: str, section: Section) -> list[str]:
    out, inner = ["", f"# {_about(type(section))}", f"[{name}]"], []
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        kind = section_in(field.annotation)
        if kind is not None:
            inner += _switched_off(f"[{name}.{key}]", kind)
        elif value is None or isinstance(value, Path):
            out.append(f"# {key} = {_sample(field)}")
        else:
            out.append(f"{key} = {to_toml(value)}")
    return out + inner


def _switched_off(header: str, kind: type[Section]) -> list[str]:
    keys = [f"# {key} = {_sample(field)}" for key, field in kind.model_fields.items()]
    return ["", f"# {_about(kind)}", f"# {header}", *keys]


def _about(kind: type[Section]) -> str:
    return " ".join((kind.__doc__ or "").split())


def _sample(field: FieldInfo) -> str:
    return to_toml(field.examples[0] if field.examples else field.default)
