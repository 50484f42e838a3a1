"""A mistake in the configuration is named so that an installer can mend it."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from edge.config import Config, example_config, load_config, parse_config, secret_files, state_dir
from edge.config.loading import section_in
from edge.errors import ConfigError

try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib  # type: ignore[import-not-found,no-redef]


def test_the_printed_example_is_the_default_configuration() -> None:
    assert parse_config(tomllib.loads(example_config()), "example") == Config()


def test_the_printed_example_names_every_key_and_no_path_of_this_machine() -> None:
    text = example_config()
    assert "Undefined" not in text
    for name, field in Config.model_fields.items():
        assert f"[{name}]" in text
        section = section_in(field.annotation)
        assert section is not None
        for key, inner in section.model_fields.items():
            assert f"{key} = " in text or (section_in(inner.annotation) and f"[{name}.{key}]" in text)


def test_what_the_printed_example_has_switched_off_is_valid_too() -> None:
    text = re.sub(r"^# (?=\[|[a-z_]+ = )", "", example_config(), flags=re.MULTILINE)
    parsed = parse_config(tomllib.loads(text), "example")
    assert parsed.zones[0].name == "lobby"
    assert parsed.speaker.home_assistant is not None
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


def test_a_device_may_not_be_called_like_another_ones_speaker() -> None:
    with pytest.raises(ConfigError, match=r"site\.device: .*names that end in -speaker belong to speakers"):
        parse_config({"site": {"device": "gate-1-speaker"}}, "gate.toml")


def test_a_section_that_is_no_table_is_named() -> None:
    with pytest.raises(ConfigError, match=r"gate.toml: 1 mistake:\n  camera: found 3"):
        parse_config({"camera": 3}, "gate.toml")


def test_a_mistake_deep_inside_is_named_with_its_place(tmp_path: Path) -> None:
    raw = {"zones": [{"name": "a", "polygon": [[0, 0], [2, 0], [1, 1]]}, {"nam": "b"}]}
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "gate.toml")
    text = str(caught.value)
    assert "zones.0.polygon.1.0: found 2" in text
    assert 'zones.1.name: missing. Example: name = "lobby"' in text
    assert "zones.1.nam: unknown key. Allowed here: name, polygon, min_face_width_px" in text


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ({"mqtt": {"password": "s3cret"}}, "mqtt.password"),
        ({"mqtt": {"password_file": ["s3cret"]}}, "mqtt.password_file"),
        ({"camera": {"source": ["rtsp://a:s3cret@h/x"]}}, "camera.source"),
        ({"camera": {"source": ["a:s3cret@h"]}}, "camera.source"),
        ({"speaker": {"webhook": {"url": "a:s3cret@h"}}}, "speaker.webhook.url"),
        ({"camera": {"source": {"url": "rtsp://a:s3cret@h/x"}}}, "camera.source"),
        ({"camera": "rtsp://a:s3cret@h/x"}, "camera"),
        ({"mqtt": "s3cret"}, "mqtt"),
        ({"mqtt": ["s3cret"]}, "mqtt"),
        ({"camera": {"width": "rtsp://a:s3cret@h/x"}}, "camera.width"),
        ({"zones": [[{"token": "s3cret"}]]}, "zones.0"),
        ({"speaker": {"webhook": {"url": "ftp://a:s3cret@h/x"}}}, "speaker.webhook.url"),
        ({"speaker": {"webhook": {"url": "http://a:s3cret@h:99999/x"}}}, "speaker.webhook: url"),
    ],
)
def test_a_secret_is_not_printed(raw: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError, match=f"1 mistake:\n  {key}: ") as caught:
        parse_config(raw, "gate.toml")
    assert "s3cret" not in str(caught.value)


def test_what_can_hold_no_secret_is_shown() -> None:
    raw = {"camera": {"fps": "fast"}, "zones": [{"name": "a", "polygon": [[0, 0], [1, 1]]}]}
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "gate.toml")
    assert "camera.fps: found 'fast'; " in str(caught.value)
    assert "zones.0.polygon: found [[0, 0], [1, 1]]; " in str(caught.value)


def test_zones_and_lines_that_make_no_sense_are_named() -> None:
    square = [[0, 0], [1, 0], [1, 1], [0, 1]]
    zones = [
        {"name": "a", "polygon": square},
        {"name": "a", "polygon": square},
        {"name": "flat", "polygon": [[0, 0], [0.3, 0.3], [1, 1]]},
        {"name": "bow", "polygon": [[0, 0], [1, 1], [1, 0], [0, 1]]},
        {"name": "poster", "polygon": [[0, 0], [1, 0], [1, 1]], "ignore": True, "min_face_width_px": 30},
    ]
    lines = [
        {"name": "door", "start": [0, 0.5], "end": [1, 0.5]},
        {"name": "door", "start": [0, 1], "end": [0, 1]},
    ]
    with pytest.raises(ConfigError) as caught:
        parse_config({"zones": zones, "lines": lines}, "gate.toml")
    first, on_zones, on_lines = str(caught.value).splitlines()
    assert first == "gate.toml: 2 mistakes:"
    assert on_zones.startswith(
        "  zones: the name 'a' is given 2 times: each needs its own; 'flat' has no area"
    )
    assert "'bow' has no area" in on_zones
    assert "'poster' ignores all faces, so min_face_width_px has no effect" in on_zones
    assert on_lines.startswith(
        "  lines: the name 'door' is given 2 times: each needs its own; 'door' starts and ends"
    )


def test_a_mistake_between_keys_reads_like_a_sentence() -> None:
    with pytest.raises(
        ConfigError, match=r"\n  indicators: GPIO17 is given to led_red and relay: each needs"
    ):
        parse_config({"indicators": {"led_red": "GPIO17", "relay": "GPIO17"}}, "gate.toml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file. Make one with: maskgate config"),
        (b"[camera\n", "not valid TOML"),
        (
            b"[site]\nid = 'caf\xe9'\n",
            'line 2 holds a letter that is not UTF-8, as when saved as ANSI; choose "UTF-8"',
        ),
        ("[site]".encode("utf-16"), 'is saved as UTF-16, or is not text; choose "UTF-8" in the editor'),
        (b"\xef\xbb\xbf[site]\nid = '\xe9'\n", "line 2 holds a letter that is not UTF-8"),
        (b"a = " + b"9" * 5000, "not valid TOML: "),
        (b"a = " + b"[" * 5000, "not valid TOML: too many brackets"),
        (b"\n" * 2_000_000, "longer than 1 MiB: is it the right file"),
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


def test_what_an_editor_puts_in_front_is_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_bytes(b"\xef\xbb\xbf[site]\r\nid = 'caf'\r\n")
    assert load_config(path).site.id == "caf"


def test_a_file_without_an_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "long.toml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(ConfigError, match=r"long.toml: is longer than 1 MiB"):
        load_config(tmp_path / "long.toml")
    with pytest.raises(ConfigError, match="/dev/zero: is a folder, a pipe or a device"):
        load_config(Path("/dev/zero"))


def test_the_file_of_a_card_is_sent_to_the_command_that_checks_it() -> None:
    with pytest.raises(ConfigError, match=r"machine: belongs in a card's .*maskgate machine check FILE"):
        parse_config({"machine": {"host_name": "gate-1"}}, "maskgate.toml")
    with pytest.raises(ConfigError, match=r"site\.machine: unknown key"):
        parse_config({"site": {"machine": 1}}, "gate.toml")


@pytest.mark.parametrize(
    ("raw", "printed"),
    [
        (
            {"site": {"device": "north door"}},
            "site.device: found 'north door'; write letters, digits, - _ and .,",
        ),
        ({"indicators": {"relay": "17"}}, "found '17'; write GPIO0 to GPIO27, the chip's numbers."),
        ({"hours": {"open": "daily"}}, "hours.open: found 'daily'; input should be a list, in [ ]."),
        ({"camera": 3}, "camera: found 3; input should be a table of its own."),
        ({"outbox": {"path": 5}}, "outbox.path: found 5; input should be a path, in quotes. Example: path ="),
    ],
)
def test_a_value_of_the_wrong_kind_is_explained_without_python(raw: dict[str, Any], printed: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "gate.toml")
    assert printed in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "models.mask", "models.face", "outbox.path", "speaker.sounds", "speaker.socket", "mqtt.ca_file",
        "mqtt.password_file",
    ],
)  # fmt: skip
def test_an_empty_name_is_not_the_current_folder(key: str) -> None:
    section, name = key.split(".")
    with pytest.raises(ConfigError, match=rf"{key}: is empty: name a file, or leave the key out\. Example: "):
        parse_config({section: {name: ""}}, "gate.toml")


def test_systemd_says_where_the_state_lives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    assert state_dir() == tmp_path
    assert Config().outbox.path == tmp_path / "outbox.sqlite"
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "own"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert state_dir() == tmp_path / "own" / "maskgate"


def test_a_user_without_a_home_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STATE_DIRECTORY", "XDG_STATE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999_999)
    with pytest.raises(RuntimeError):
        Path.home()
    assert Config().outbox.path == Path("/var/lib/maskgate/outbox.sqlite")
    assert "[outbox]" in example_config()


def test_plain_text_to_another_machine_is_a_decision_that_must_be_written_down() -> None:
    for far in ({"host": "b.example"}, {"fallbacks": ["b.example"]}):
        with pytest.raises(ConfigError, match=r"b\.example is another machine") as caught:
            parse_config({"mqtt": far}, "gate.toml")
        assert caught.value.exit_code == 78
        assert 'encryption = "none"' in str(caught.value)
        assert not parse_config({"mqtt": {**far, "encryption": "none"}}, "gate.toml").mqtt.encrypted
        assert parse_config({"mqtt": {**far, "encryption": "tls"}}, "gate.toml").mqtt.encrypted
        assert parse_config({"mqtt": {**far, "ca_file": "/ca.pem"}}, "gate.toml").mqtt.encrypted
    for near in ("localhost", "127.0.0.1", "::1"):
        assert not parse_config({"mqtt": {"host": near}}, "gate.toml").mqtt.encrypted
    with pytest.raises(ConfigError, match="remove one of them"):
        parse_config({"mqtt": {"ca_file": "/ca.pem", "encryption": "none"}}, "gate.toml")


def test_other_brokers_are_tried_in_order() -> None:
    mqtt = {"host": "a", "port": 8883, "encryption": "tls", "fallbacks": ["b:1", "c", "[::1]:2"]}
    brokers = parse_config({"mqtt": mqtt}, "gate.toml").mqtt.brokers()
    assert [(b.host, b.port) for b in brokers] == [("a", 8883), ("b", 1), ("c", 8883), ("::1", 2)]
    assert all(b.encrypted for b in brokers)


@pytest.mark.parametrize("wrong", ["", ":1", "b:port", "b:0", "b:99999", "mqtt://b", "u:p@b", "b/c"])
def test_what_is_no_address_is_named(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"mqtt\.fallbacks\.0: .*write host or host:port"):
        parse_config({"mqtt": {"fallbacks": [wrong]}}, "gate.toml")


def test_a_relative_name_is_a_credential_of_systemd(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    raw = {
        "mqtt": {"ca_file": "ca.pem", "key_file": "/etc/key.pem"},
        "speaker": {"webhook": {"url": "https://horn.example.org/", "token_file": "token"}},
    }
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert secret_files(parse_config(raw, "gate.toml")) == {
        "mqtt.ca_file": Path("ca.pem"),
        "mqtt.key_file": Path("/etc/key.pem"),
        "speaker.webhook.token_file": Path("token"),
    }
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert secret_files(parse_config(raw, "gate.toml")) == {
        "mqtt.ca_file": tmp_path / "ca.pem",
        "mqtt.key_file": Path("/etc/key.pem"),
        "speaker.webhook.token_file": tmp_path / "token",
    }


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ({"MQTT": {"host": "h"}}, "MQTT: unknown section. Write it in small letters: mqtt. Allowed here"),
        ({"mqtt": {"Host": "h"}}, "mqtt.Host: unknown key. Write it in small letters: host. Allowed here"),
        (
            {"mqtt": {"password": "hunter2"}},
            "Put the secret into a file of its own, and name",
        ),
        ({"mqtt": {"hots": "h"}}, "mqtt.hots: unknown key. Allowed here"),
    ],
)
def test_an_unknown_key_that_is_near_a_known_one_gets_the_way_out(raw: dict[str, Any], meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(raw, "x")
    assert meant in str(caught.value)
    assert "hunter2" not in str(caught.value)
