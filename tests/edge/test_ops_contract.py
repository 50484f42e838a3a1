"""The contract's files say what the types say, and are what their standards want."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import edge.ops
from edge.cli import main
from edge.events import TYPES, Place
from edge.ops.examples import EXAMPLES
from edge.ops.messages import KINDS, LEAVES, Envelope, kind_of, parse_topic

FOLDER = Path(edge.ops.__file__).with_name("contract")
RECIPES = FOLDER.with_name("recipes")


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def flaws(name: str, message: object) -> list[str]:
    return [e.message for e in Draft202012Validator(load(name)).iter_errors(message)]


def changed(name: str, path: str, value: object) -> dict[str, Any]:
    message = json.loads(json.dumps(EXAMPLES[name]))
    *parents, key = path.split(".")
    inner = message
    for parent in parents:
        inner = inner[parent]
    inner[key] = value
    return dict(message)


def refs(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


@pytest.mark.slow
def test_the_committed_files_are_what_the_types_generate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert main(["events", "schema", "--out", str(tmp_path)]) == 0
    made = {p.name: p.read_text(encoding="utf-8") for p in tmp_path.iterdir()}
    committed = {p.name: p.read_text(encoding="utf-8") for p in FOLDER.iterdir()}
    assert set(committed) == set(made)
    stale = [name for name in made if committed[name] != made[name]]
    assert stale == [], "run: maskgate events schema --out edge/ops/contract"


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_schema_that_takes_its_example_and_a_type_that_does(name: str) -> None:
    schema = load(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["examples"] == [EXAMPLES[name]]
    assert flaws(name, EXAMPLES[name]) == []
    KINDS[name].model.model_validate_json(json.dumps(EXAMPLES[name]), strict=True)


def test_all_that_goes_through_the_outbox_is_in_the_contract() -> None:
    assert {name for name, kind in KINDS.items() if kind.leaf in {"event", "summary"}} == set(TYPES)
    assert set(EXAMPLES) == set(KINDS)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("specversion", "0.3"),
        ("id", "1"),
        ("source", "headquarters/north-door"),
        ("type", "violation.closed"),
        ("time", "2026-03-02 08:01:15"),
        ("dataschema", "urn:maskgate:v1:summary"),
        ("sequence", "2"),
        ("sequence", 2),
        ("recordedtime", None),
        ("data.site", "a/b"),
        ("data.score", 1.5),
        ("data.track", "12"),
        ("data.clock_trusted", 1),
    ],
)
def test_a_schema_refuses_what_is_no_such_event(path: str, value: object) -> None:
    assert flaws("violation.opened", changed("violation.opened", path, value))


def test_consumers_let_new_keys_through_and_devices_do_not() -> None:
    assert flaws("violation.opened", changed("violation.opened", "data.glasses", True)) == []
    assert flaws("health", changed("health", "camera.gain_db", 3)) == []
    assert flaws("cmd", changed("cmd", "urgent", True))


def test_fields_carry_their_meaning() -> None:
    data = load("violation.opened")["$defs"]["ViolationOpenedData"]["properties"]
    assert data["seen_for_s"]["description"] == "Seconds from the first look at the person to the decision."
    assert "redelivery" in load("summary")["properties"]["id"]["description"]


def test_no_description_names_a_module_of_ours() -> None:
    named = [p.name for p in FOLDER.iterdir() if re.search(r"\bedge\.[a-z]", p.read_text(encoding="utf-8"))]
    assert named == []


def test_the_asyncapi_document_hangs_together() -> None:
    document = load("asyncapi")
    for ref in refs(document):
        node = document
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]
    assert set(document["channels"]) == set(LEAVES)
    listed = [name for channel in document["channels"].values() for name in channel["messages"]]
    assert sorted(listed) == sorted(KINDS)
    for operation in document["operations"].values():
        leaf = operation["channel"]["$ref"].rpartition("/")[2]
        bound = operation["bindings"]["mqtt"]
        assert (bound["retain"], bound["qos"]) == (leaf in {"status", "info"}, 0 if leaf == "health" else 1)
        assert operation["action"] == ("receive" if leaf == "cmd" else "send")
    for name, message in document["components"]["messages"].items():
        assert message["examples"][0]["payload"] == EXAMPLES[name]
        whole = {**document["components"]["schemas"][message["title"]], "components": document["components"]}
        assert list(Draft202012Validator(whole).iter_errors(EXAMPLES[name])) == []


def test_topics_are_those_of_places() -> None:
    place = Place("hq", "north-door")
    assert [parse_topic(place.topic(leaf)) for leaf in LEAVES] == [(place, leaf) for leaf in LEAVES]
    assert parse_topic("maskgate/v1/hq/north-door/events") is None
    assert parse_topic("maskgate/v2/hq/north-door/event") is None
    assert (kind_of("health", "a-speaker"), kind_of("health", "a"), kind_of("rsp", "a-speaker")) == (
        "speaker.health", "health", "rsp",
    )  # fmt: skip


def test_the_recipes_flow_hangs_together() -> None:
    nodes = {
        n["id"]: n for n in json.loads(RECIPES.joinpath("node-red-flow.json").read_text(encoding="utf-8"))
    }
    for node in nodes.values():
        assert {node.get("z"), node.get("broker")} - {None, "${MQTT_HOST}"} <= set(nodes)
        assert {to for wires in node.get("wires", []) for to in wires} <= set(nodes)
    (heard,) = (n["topic"] for n in nodes.values() if n["type"] == "mqtt in")
    assert heard == Place("+", "+").topic("event")


def test_the_recipes_table_takes_the_keys_of_the_envelope() -> None:
    used = set(re.findall(r"event->>?'([a-z]+)'", RECIPES.joinpath("events.sql").read_text(encoding="utf-8")))
    assert used
    assert used <= set(Envelope.model_fields) | {"data"}
