from pathlib import Path

import pytest

from convert.release.gates import DEFAULT_GATES, Gate, GateError, read_gates, require
from edge.errors import ConfigError

GATES = [Gate("test.accuracy", min=0.95, why="w"), Gate("balance.difference", max=0.2, why="w")]


def test_good_figures_pass_on_the_bound_itself() -> None:
    require(GATES, {"test": {"accuracy": 0.95}, "balance": {"difference": 0.2}})


def test_every_shut_gate_is_named_with_its_figure() -> None:
    with pytest.raises(GateError) as e:
        require(GATES, {"test": {"accuracy": 0.9}, "balance": {"difference": 0.5}})
    assert "test.accuracy is 0.9000, at least 0.95" in str(e.value)
    assert "balance.difference is 0.5000, at most 0.2" in str(e.value)
    assert "2 of 2" in str(e.value)


@pytest.mark.parametrize("report", [{}, {"test": None}, {"test": {"accuracy": None}}, {"test": 3}])
def test_a_figure_that_was_not_measured_shuts_its_gate(report: dict[str, object]) -> None:
    with pytest.raises(GateError, match=r"test\.accuracy was not measured"):
        require(GATES[:1], report)


def test_the_shipped_gates_ask_for_what_the_talk_asked() -> None:
    gates = {g.figure: g for g in read_gates(DEFAULT_GATES)}
    assert (gates["test.accuracy"].min, gates["test.roc_auc"].min) == (0.985, 0.9985)  # the talk: 0.95
    assert gates["balance.difference"].max == 0.2


@pytest.mark.parametrize(
    "text", ["", "[[gate]]\nfigure = 'a'", "[[gate]]\nfigure = 'a'\nmin = 1\nmux = 2", "[[gate", "gate = 3"]
)
def test_a_wrong_gates_file_is_refused_by_name(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        read_gates(path)
