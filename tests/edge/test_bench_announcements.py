"""The bench itself: small, with every real part, and on either broker."""

import json
import shutil
from pathlib import Path

import pytest

from edge.bench import announcements
from edge.errors import UsageError

pytestmark = pytest.mark.process


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["mosquitto", "amqtt"])
def test_nothing_is_doubled_or_lost_whoever_is_killed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "amqtt":
        real = shutil.which
        monkeypatch.setattr(shutil, "which", lambda p, path=None: None if p == "mosquitto" else real(p))
    result = announcements.run(trials=3, violations=24, bursts=3, hold_s=5.0)
    assert result["broker"] == kind
    assert result["row"] == {
        "violations": 24, "expected": 3, "announced": 3, "heard": 3, "doubled": 0, "lost": 0,
        "kills_of_each_side": 1, "ok": True,
    }  # fmt: skip
    for path in ("local", "mqtt"):
        figures = result[path]
        assert figures["trials"] == 3
        assert 0 < figures["median_ms"] <= figures["p95_ms"] <= figures["max_ms"]
    json.dumps(result)
    assert f"over MQTT ({kind})" in announcements.table(result)
    assert "announced 3, heard 3, doubled 0, lost 0" in announcements.table(result)


def test_without_aplay_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt install alsa-utils"):
        announcements.run()
