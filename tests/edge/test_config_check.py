"""``maskgate config --check`` finds every mistake that only this machine can know, at once."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from edge.config import SHIPPED_MODELS, Config, parse_config
from edge.errors import ConfigError
from edge.service.config_check import check_config


def complaints(raw: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        check_config(parse_config(raw, "gate.toml"), "gate.toml")
    assert caught.value.exit_code == 78
    first, *lines = str(caught.value).splitlines()
    assert first == f"gate.toml: {len(lines)} mistake{'s' if len(lines) > 1 else ''}:"
    return [line.removeprefix("  ") for line in lines]


def test_the_default_configuration_is_fine() -> None:
    check_config(Config(), "default")


def test_everything_that_is_missing_or_means_nothing_is_told_at_once(tmp_path: Path) -> None:
    away = str(tmp_path / "away")
    found = complaints(
        {
            "camera": {"source": f"{away}.mp4"},
            "models": {"mask": f"{away}.tflite", "face": f"{away}-too.tflite"},
            "hours": {"timezone": "Asia/Jakata", "open": ["mon-frei 07:00-19:00", "sat 25:00-26:00"]},
            "mqtt": {"username": "gate", "password_file": f"{away}-password", "ca_file": f"{away}.pem"},
            "speaker": {
                "sounds": away,
                "languages": ["id", "en"],
                "quiet": ["always"],
                "webhook": {"url": "https://horn.example.org/", "token_file": f"{away}-token"},
                "home_assistant": {
                    "url": "http://ha.example.org",
                    "token_file": f"{away}-ha",
                    "entity": "media_player.a",
                    "tts_entity": "tts.a",
                },
            },
        }
    )
    beginnings = [
        f"camera.source: source '{away}.mp4': no such file",
        f"models.mask: {away}.tflite: no such model file",
        f"models.face: {away}-too.tflite: no such model file",
        "hours.timezone: timezone 'Asia/Jakata'",
        "hours.open: hours 'mon-frei 07:00-19:00'",
        "hours.open: hours 'sat 25:00-26:00'",
        f"[mqtt] password_file: {away}-password can't be read",
        f"[mqtt] ca_file: {away}.pem can't be used",
        "speaker.quiet: hours 'always'",
        f"speaker.sounds, speaker.languages: {away}/id.wav",
        f"speaker.sounds, speaker.languages: {away}/en.wav",
        f"speaker.webhook.token_file: {away}-token can't be read",
        f"speaker.home_assistant.token_file: {away}-ha can't be read",
    ]
    assert len(found) == len(beginnings)
    assert [line[: len(b)] for line, b in zip(found, beginnings, strict=True)] == beginnings


def test_recordings_are_not_asked_of_a_device_that_plays_none(tmp_path: Path) -> None:
    speaker = {"sounds": str(tmp_path), "output": "none"}
    check_config(parse_config({"speaker": speaker}, "gate.toml"), "gate.toml")


def test_a_model_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    for suffix in (".tflite", ".json"):
        shutil.copy(SHIPPED_MODELS / f"face{suffix}", tmp_path)
    (line,) = complaints({"models": {"mask": str(tmp_path / "face.tflite")}})
    assert line.startswith("models.mask: ")
    assert "face-detector" in line
