"""No secret leaves the process: not on a topic, in a log, in the machine's report, or in the process list."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.process, pytest.mark.slow]
MARK = "S3CRET"
"""A part of every secret below; each has its own number, so that a leak shows its place."""
WAIT_S = 30.0
SPEAKER = "maskgate/v1/hq/door-1-speaker"


def url(scheme: str, number: int) -> str:
    """With a secret wherever one can be, and nobody there."""
    s = f"{MARK}{number}"
    return f"{scheme}://{s}u:{s}p@127.0.0.1:1/{s}path;{s}x?{s}key={s}query#{s}fragment"


def secret_file(folder: Path, number: int) -> Path:
    path = folder / f"file-{number}"
    path.write_text(f"{MARK}{number}\n")
    path.chmod(0o600)
    return path


def configuration(folder: Path, port: int, name: str, source: str) -> Path:
    """All keys that can hold a secret or name a file with one."""
    path = folder / f"{name}.toml"
    path.write_text(
        f"""
[site]
id = "hq"
device = "door-1"
[camera]
source = "{source}"
[mqtt]
host = "127.0.0.1"
port = {port}
username = "gate"
password_file = "{secret_file(folder, 30)}"
websocket_path = "/{MARK}31?{MARK}32"
[outbox]
path = "{folder}/{name}.sqlite"
[reporting]
health_every_s = 1
[speaker]
output = "none"
hold_s = 0
max_age_s = 2
[speaker.webhook]
url = "{url("http", 40)}"
token_file = "{secret_file(folder, 41)}"
[speaker.home_assistant]
url = "{url("https", 50)}"
token_file = "{secret_file(folder, 51)}"
entity = "media_player.lobby"
media = "{url("http", 52)}"
[home_assistant_discovery]
enabled = true
"""
    )
    return path


@contextmanager
def running(command: str, config: Path, seen: list[str]) -> Iterator[None]:
    """A command of its own process; adds what it printed, and how the process list shows it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "edge.cli", "-v", command, "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(entry.read_bytes().decode(errors="replace"))
            except OSError:  # it has ended since
                continue
    finally:
        process.terminate()
        seen.append(process.communicate(timeout=WAIT_S)[0])


@pytest.mark.parametrize(
    "source",
    [url("rtsp", 20), url("http", 21), url("https", 22), url("rtsps", 23)],
    ids=["rtsp", "http", "https", "rtsps"],
)
def test_what_a_device_publishes_and_logs_holds_no_secret(
    tmp_path: Path, broker: Any, make_ops: Callable[..., Any], source: str
) -> None:
    ops, seen = make_ops(broker.port), list[str]()

    def until(wanted: Callable[[str, str], bool]) -> None:
        while True:
            topic, payload, _ = ops.next()
            seen.append(f"{topic} {payload}")
            if wanted(topic, payload):
                return

    with running("run", configuration(tmp_path, broker.port, "gate", source), seen):
        until(lambda topic, _: topic.endswith("/info"))
        until(lambda topic, payload: topic.endswith("/health") and '"fault":"cannot open"' in payload)
        for name, arguments in (
            ("status", {}),
            ("reload", {}),
            ("snapshot-test", {}),
            ("update", {"url": url("https", 60), "version": "2.0.0"}),
            ("update", {"url": f"/{MARK}61", "version": f"{MARK}62"}),
        ):
            command = {
                "transaction": name, "command": name, "arguments": arguments,
                "issued": datetime.now(timezone.utc).isoformat(),
            }  # fmt: skip
            ops.client.publish("maskgate/v1/hq/door-1/cmd", json.dumps(command), 1)
            until(lambda topic, _: topic.endswith("/rsp"))
    leaks = [text for text in seen if MARK in text and not text.startswith("maskgate/v1/hq/door-1/cmd ")]
    assert leaks == []
    assert any("/dev" in text or "127.0.0.1:1" in text for text in seen)  # it was about that camera


def test_what_a_speaker_publishes_and_logs_holds_no_secret(
    tmp_path: Path, broker: Any, make_ops: Callable[..., Any]
) -> None:
    ops, seen = make_ops(broker.port), list[str]()
    failed: set[str] = set()
    with running("speaker", configuration(tmp_path, broker.port, "speaker", "/dev/video0"), seen):
        while "/info" not in "".join(seen[-1:]):
            topic, payload, _ = ops.next()
            seen.append(f"{topic} {payload}")
        number = 0
        while len(failed) < 2:
            number += 1
            event = {
                "type": "violation.opened", "time": datetime.now(timezone.utc).isoformat(),
                "data": {"violation": f"v{number}", "clock_trusted": True},
            }  # fmt: skip
            if number < 5:  # the subscription may be a moment younger than the status
                ops.client.publish("maskgate/v1/hq/door-1/event", json.dumps(event), 1)
            topic, payload, _ = ops.next()
            seen.append(f"{topic} {payload}")
            if topic == f"{SPEAKER}/event":
                failed.add(json.loads(payload)["data"]["speaker"])
    assert failed == {"door-1-speaker/webhook", "door-1-speaker/home-assistant"}
    assert [text for text in seen if MARK in text] == []
    assert any("can't be reached" in text for text in seen)


def maskgate(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_a_damaged_key_or_token_is_named_and_not_shown(tmp_path: Path) -> None:
    token = secret_file(tmp_path, 70)
    token.write_text(f"{MARK}71 {MARK}72\n")
    key = secret_file(tmp_path, 73)
    key.write_text(f"-----BEGIN PRIVATE KEY-----\n{MARK}74\n")
    config = tmp_path / "gate.toml"
    config.write_text(
        f'[camera]\nsource = "{url("rtsp", 75)}"\n[mqtt]\nhost = "broker.example.org"\nca_file = "{key}"\n'
        f'cert_file = "{key}"\nkey_file = "{key}"\npassword_file = "{token}"\nusername = "gate"\n'
        f'[speaker.webhook]\nurl = "{url("http", 76)}"\ntoken_file = "{token}"\n'
    )
    done = maskgate("config", "--check", config)
    assert done.returncode == 78
    assert str(key) in done.stderr
    assert str(token) in done.stderr
    assert MARK not in done.stdout + done.stderr


@pytest.mark.parametrize("broken", ["", "portt = 1\n"], ids=["right", "with a mistake"])
def test_a_card_is_checked_and_reported_without_its_secrets(tmp_path: Path, broken: str) -> None:
    card = tmp_path / "card"
    (card / "credentials").mkdir(parents=True)
    for name in ("mqtt-password", "horn-token"):
        (card / "credentials" / name).write_text(f"{MARK}-{name}\n")
    file = card / "maskgate.toml"
    file.write_text(
        f'[site]\nid = "hq"\ndevice = "door-1"\n[camera]\nsource = "{url("rtsp", 80)}"\n'
        f'[mqtt]\nhost = "broker.example.org"\nencryption = "tls"\nusername = "gate"\n'
        f'password_file = "mqtt-password"\n{broken}'
        f'[speaker.webhook]\nurl = "{url("http", 81)}"\ntoken_file = "horn-token"\n'
        f'[machine.wifi]\nssid = "lobby"\ncountry = "DE"\npassphrase = "{MARK}-wifi-passphrase"\n'
    )
    done = maskgate("machine", "check", file)
    assert done.returncode == (78 if broken else 0), done.stderr
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    report = maskgate("machine", "report", "--root", root, "--boot", card)
    text = done.stdout + done.stderr + report.stdout + report.stderr
    text += "".join(path.read_text(errors="replace") for path in card.glob("*.txt"))
    assert text
    assert MARK not in text
