"""A mistake in the configuration is named so that an installer can mend it."""

import os
from pathlib import Path

import pytest

from edge.config import Config, example_config, load_config, parse_config, state_dir
from edge.errors import ConfigError

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib


def test_the_printed_example_is_the_default_configuration() -> None:
    assert parse_config(tomllib.loads(example_config()), "example") == Config()


def test_the_printed_example_names_every_key_and_no_path_of_this_machine() -> None:
    text = example_config()
    for name, section in Config():
        assert f"[{name}]" in text
        for key in type(section).model_fields:
            assert f"{key} = " in text
    assert str(Path(__file__).resolve().parents[2]) not in text


def test_all_mistakes_are_reported_at_once_with_key_finding_and_example() -> None:
    raw = {"camera": {"sorce": 1, "fps": -1}, "mqt": {}, "site": {"id": "a/b"}}
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "gate.toml")
    text = str(caught.value)
    assert text.startswith("gate.toml: 4 mistakes:")
    assert "camera.sorce: unknown key. Allowed here: source, width" in text
    assert "camera.fps: found -1; input should be greater than 0. Example: fps = 15.0" in text
    assert "mqt: unknown section. Allowed here: site, camera" in text
    assert "site.id: found 'a/b'" in text


def test_a_section_that_is_no_table_is_named() -> None:
    with pytest.raises(ConfigError, match=r"gate.toml: 1 mistake:\n  camera: found 3"):
        parse_config({"camera": 3}, "gate.toml")


def test_a_secret_is_not_printed_when_its_neighbour_is_wrong() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config({"mqtt": {"password": "s3cret"}}, "gate.toml")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file. Make one with: maskgate config"),
        (b"[camera\n", "not valid TOML"),
        (b"\xff", "can't be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "gate.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 78


def test_systemd_says_where_the_state_lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert state_dir() == tmp_path
    assert Config().outbox.path == tmp_path / "outbox.sqlite"
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert state_dir() == tmp_path / "own" / "maskgate"
