"""The demo tells the clip's story, and what it shows really came over MQTT."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from jsonschema import Draft202012Validator

import edge.ops
from edge.demo.clip.script import VISITS
from edge.ops.messages import kind_of
from edge.values import Verdict

CONTRACT = Path(edge.ops.__file__).with_name("contract")

pytestmark = pytest.mark.slow


def test_the_whole_job(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "demo", "--out", str(tmp_path), "--speed", "1000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "messages.jsonl").read_text().splitlines()
    messages = [json.loads(line) for line in lines]
    events = [m["message"] for m in messages if m["topic"] == "maskgate/v1/demo/north-door/event"]
    violators = [v for v in VISITS if v.truth(v.stops_s + 1) is Verdict.NOT_MASKED]
    assert [e["type"] for e in events].count("violation.opened") == len(violators)
    assert [e["type"] for e in events].count("violation.closed") == len(violators)
    complied = [e for e in events if e["data"].get("reason") == "complied"]
    assert len(complied) == len([v for v in violators if v.puts_on_s is not None])
    sequences = [
        int(m["message"]["sequence"])
        for m in messages
        if m["topic"].startswith("maskgate/v1/demo/north-door/") and "sequence" in m["message"]
    ]
    assert sequences == list(range(1, len(sequences) + 1))
    written = str(tmp_path / "messages.jsonl")
    checked = subprocess.run(
        [sys.executable, "-m", "edge.cli", "events", "check", "--strict", written],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for m in messages:
        leaf, device = m["topic"].rpartition("/")[2], m["topic"].split("/")[3]
        kind = m["message"].get("type") or kind_of(leaf, device)
        schema = json.loads((CONTRACT / f"{kind}.json").read_text(encoding="utf-8"))
        assert list(Draft202012Validator(schema).iter_errors(m["message"])) == []
    played = [m for m in messages if m["message"].get("type") == "announcement.played"]
    assert played
    assert f"{len(VISITS)} people" in done.stdout
    picture = cv2.imread(str(tmp_path / "visitors.jpg"))
    assert picture is not None
    assert cv2.VideoCapture(str(tmp_path / "annotated.mp4")).read()[0]
