"""A folder of clips is held against its truth."""

import json
from pathlib import Path

import pytest

from edge.bench.clips import ClipResult, read_truth, report, table
from edge.cli.program import main
from edge.demo.visit_clip import CLIP
from edge.errors import UsageError


def result(clip: str, wanted: tuple[int, int], opened: int, tampered: int = 0) -> ClipResult:
    return ClipResult(clip, *wanted, opened, (0.5,) * opened, tampered)


def test_found_missed_false_and_repeated() -> None:
    got = report(
        [
            result("right.mp4", (1, 2), 2),
            result("missed.mp4", (3, 3), 1),
            result("repeated.mp4", (1, 1), 3),
            result("hand.mp4", (0, 0), 1),
            result("wall.mp4", (0, 0), 0, tampered=1),
        ]
    )
    assert (got["right"]["count"], got["right"]["of"]) == (1, 5)
    assert (got["found"]["count"], got["found"]["of"], got["missed"]) == (3, 5, 2)
    assert (got["opened"], got["false"], got["repeated"], got["tampered"]) == (7, 1, 2, 1)
    assert (got["too_many"]["count"], got["too_many"]["of"]) == (3, 7)
    assert got["found"]["low"] < 0.6 < got["found"]["high"]
    assert got["decided_after_s"] == 0.5
    assert not got["ok"]
    lines = {line.split()[0]: line for line in table(got).splitlines() if ".mp4" in line}
    assert [name for name, line in lines.items() if not line.endswith("wrong")] == ["right.mp4"]


def test_without_violations_there_is_nothing_to_average() -> None:
    got = report([result("empty.mp4", (0, 0), 0)])
    assert got["ok"]
    assert got["decided_after_s"] is None
    assert "none to count" in table(got)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("clip\tat_least\tat_most\n", "names no clip"),
        ("clip\tat_least\na.mp4\t1\n", "line 2: .*needs clip, at_least, at_most"),
        ("clip\tat_least\tat_most\na.mp4\tone\t2\n", "line 2: .*whole numbers"),
        ("clip\tat_least\tat_most\na.mp4\t1\t2\na.mp4\t3\t2\n", "line 3: at_least 3, at_most 2: needs"),
        ("clip\tat_least\tat_most\nb.mp4\t1\t2\n", "line 2: .*b.mp4: no such clip"),
    ],
)
def test_a_truth_that_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    (tmp_path / "truth.tsv").write_text(text)
    with pytest.raises(UsageError, match=complaint):
        read_truth(tmp_path)


def test_a_folder_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"truth\.tsv: can't be read"):
        read_truth(tmp_path)


@pytest.mark.slow
def test_the_demo_clip_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "visitors.mp4").symlink_to(CLIP)
    (tmp_path / "truth.tsv").write_text("clip\tat_least\tat_most\nvisitors.mp4\t3\t3\n")
    assert main(["bench", "clips", str(tmp_path), "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    assert (got["found"]["count"], got["repeated"], got["tampered"]) == (3, 0, 0)
