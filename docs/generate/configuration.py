"""``reference/configuration.md``: every key of ``maskgate.toml`` and ``config.toml``, from its type."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from docs.generate.markdown import code, page, plain, table
from edge.config import Section
from edge.config.loading import section_in, to_toml
from edge.config.section import IN_WORDS, SHIPPED_MODELS, SHIPPED_SOUNDS
from edge.machine.settings import CardConfig
from edge.ops.schemas import field_texts

INTRODUCTION = """\
One TOML file holds the whole configuration: `/etc/maskgate/config.toml` on a machine that is installed by
hand, [`maskgate.toml`](../../systemd/maskgate.toml) on the boot partition of a card. Every key is optional
unless its default is *required*. `maskgate config` prints this list as a file to start from; `maskgate
config --check FILE` finds every mistake in one, and `maskgate machine check maskgate.toml` does so for a
card.

Units are part of a key's name: `_s` seconds, `_px` pixels, `_m` metres, `_deg` degrees. A relative name in
a key that ends in `_file` is a [systemd credential](../installing.md#secrets). *off* means that nothing is
set."""
_PLACES = (SHIPPED_MODELS, SHIPPED_SOUNDS)


def configuration() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for name, kind, many in sections(CardConfig):
        head = f"[[{name}]]" if many else f"[{name}]"
        where = "\n\nOnly in `maskgate.toml` on a card." if name.partition(".")[0] == "machine" else ""
        parts += [f"## `{head}`", plain(kind.__doc__) + where]
        rows = list(_rows(kind))
        parts += [table(("key", "default", "allowed", "what it is for"), rows)] if rows else []
    return page("Configuration reference", "the types in edge/config and edge/machine/settings.py", *parts)


def sections(kind: type[BaseModel], at: str = "") -> Iterator[tuple[str, type[Section], bool]]:
    """Every section: its name, its type, and whether there may be many of it."""
    for name, field in kind.model_fields.items():
        if (inner := section_in(field.annotation)) is not None:
            yield f"{at}{name}", inner, get_origin(field.annotation) is tuple
            yield from sections(inner, f"{at}{name}.")


def _rows(kind: type[Section]) -> Iterator[tuple[str, str, str, str]]:
    texts = field_texts(kind)
    for key, field in kind.model_fields.items():
        if section_in(field.annotation) is None:
            yield code(key), _default(field), "; ".join(_allowed(field)), plain(texts.get(key))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*" + _example(field)
    value = field.get_default(call_default_factory=True)
    if isinstance(value, Path):
        return "*shipped*" if any(value.is_relative_to(p) for p in _PLACES) else _shown(field.examples)
    return "*off*" + _example(field) if value is None else code(to_toml(value))


def _shown(examples: list[Any] | None) -> str:
    return code(to_toml(examples[0])) if examples else ""


def _example(field: FieldInfo) -> str:
    return f", as {_shown(field.examples)}" if field.examples else ""


def _allowed(field: FieldInfo) -> Iterator[str]:
    """What may stand there, in words."""
    yield from _kinds(field.annotation)
    for limit in field.metadata:
        yield from _limits(limit)


def _kinds(annotation: Any) -> Iterator[str]:  # noqa: ANN401 - an annotation may be anything
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        yield " or ".join(code(to_toml(arg)) for arg in args)
    elif origin is Annotated:
        yield from _kinds(args[0])
        for limit in args[1:]:
            for inner in getattr(limit, "metadata", None) or [limit]:
                yield from _limits(inner)
    elif origin in (Union, UnionType):
        yield from _kinds(next(arg for arg in args if arg is not type(None)))
    elif origin is tuple:
        yield "a list: " + ", ".join(_kinds(args[0])) if Ellipsis in args else "[x, y]"
    else:
        yield _NAMES.get(annotation, "")


_NAMES: dict[Any, str] = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path",
}  # fmt: skip
_WORDS = {
    "ge": "from {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}",
    "min_length": "at least {} long", "max_length": "at most {} long",
}  # fmt: skip


def _limits(limit: object) -> Iterator[str]:
    for name, words in _WORDS.items():
        if (value := getattr(limit, name, None)) is not None and value is not PydanticUndefined:
            yield words.format(f"{value:g}" if isinstance(value, float) else value)
    if (pattern := getattr(limit, "pattern", None)) is not None:
        text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
        yield IN_WORDS.get(text, f"as {code(text)}").removeprefix("write ")
