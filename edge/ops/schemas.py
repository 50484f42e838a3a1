"""JSON Schemas (draft 2020-12) of every kind of message, generated from its type.

A schema accepts unknown keys, as consumers must: within v1 keys may be added. Only the schema of a command
refuses them, because a device refuses what it does not understand.
"""

import ast
import inspect
import textwrap
from itertools import pairwise

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import CoreSchema, core_schema

from edge.events import SCHEMA_BASE, Command
from edge.ops.examples import EXAMPLES
from edge.ops.messages import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Open(GenerateJsonSchema):
    """Takes descriptions from the fields' docstrings, accepts unknown keys, and adds no titles to fields."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        if schema["cls"] is not Command:
            made.pop("additionalProperties", None)
        for key, text in field_texts(schema["cls"]).items():
            made["properties"][key].setdefault("description", text)
        return made

    def field_title_should_be_set(self, schema: CoreSchema) -> bool:  # noqa: ARG002
        return False


def message_schema(name: str) -> JsonSchemaValue:
    """The schema of one kind of message as a file of its own, with an example."""
    made = KINDS[name].model.model_json_schema(schema_generator=_Open)
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_BASE}message:{name}",
        **made,
        "examples": [EXAMPLES[name]],
    }


def all_schemas() -> tuple[dict[str, str], dict[str, JsonSchemaValue]]:
    """The schemas of all kinds as one set, for the document's ``components.schemas``.

    Returns:
        The name of each kind's schema in the set, and the set.
    """
    models = {name: kind.model for name, kind in KINDS.items()}
    refs, made = models_json_schema(
        [(model, "validation") for model in models.values()],
        schema_generator=_Open,
        ref_template="#/components/schemas/{model}",
    )
    names = {name: refs[model, "validation"]["$ref"].rpartition("/")[2] for name, model in models.items()}
    return names, made["$defs"]


def field_texts(model: type[BaseModel]) -> dict[str, str]:
    """The docstrings under a model's fields and under those of its bases: field -> text."""
    texts: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, BaseModel) and owner is not BaseModel:
            texts |= _own_texts(owner)
    return {key: text for key, text in texts.items() if key in model.model_fields}


def _own_texts(model: type[BaseModel]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except OSError:  # the class was made at run time: all its fields come from its bases
        return {}
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    texts = {}
    for field, below in pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            constant = below.value if isinstance(below, ast.Expr) else None
            docstring = constant.value if isinstance(constant, ast.Constant) else None
            if isinstance(docstring, str):
                texts[field.target.id] = inspect.cleandoc(docstring).replace("``", "`")
    return texts
