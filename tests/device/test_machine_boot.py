"""A maskgate.toml on the boot partition of a machine that boots: applied, answered, and mistakes survived."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from debian import Machine, eventually
from web_speaker import WebSpeaker

if TYPE_CHECKING:
    from conftest import Ops

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CLIP = "/usr/lib/maskgate/edge/demo/clip/visitors.mp4"
HORN = '[speaker.webhook]\nurl = "http://127.0.0.1:{port}/"\ntoken_file = "horn-token"\n'
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrjkCXFTGKJt5qaAFWK/K59WUJLYPXvMMToIUG9l1Pt me@laptop"


def card(machine: Machine, port: int, source: str = CLIP, horn: str = "") -> Path:
    """What an installer copies there."""
    boot = machine.root / "boot/firmware"
    (boot / "credentials").mkdir(parents=True, exist_ok=True)
    (boot / "credentials/mqtt-password").write_text("s3cret word\r\n")
    (boot / "maskgate.toml").write_text(
        f'[site]\nid = "lab"\ndevice = "north-door"\n\n[camera]\nsource = "{source}"\n\n'
        f'[machine]\nhost_name = "north-door"\ntimezone = "Asia/Jakarta"\nssh_keys = ["{KEY}"]\n\n'
        '[machine.wifi]\nssid = "Büro"\npassphrase = "pass phrase"\ncountry = "ID"\n\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\nusername = "north-door"\n'
        f'password_file = "mqtt-password"\n\n{horn}'
    )
    return boot


def answered(machine: Machine) -> str:
    """The report, once the services had time to start; not a minute later, as its timer would have it."""
    machine.run("systemctl", "start", "maskgate-machine-report.service")
    return (machine.root / "boot/firmware/maskgate-report.txt").read_bytes().decode().replace("\r\n", "\n")


@pytest.fixture
def horn() -> Iterator[WebSpeaker]:
    made = WebSpeaker()
    yield made
    made.close()


@pytest.mark.parametrize("ops", [("north-door", "s3cret word")], indirect=True)
def test_a_card_becomes_a_device_and_mistakes_do_not_end_it(
    machine: Machine, ops: "Ops", horn: WebSpeaker
) -> None:
    boot = card(machine, ops.port, horn=HORN.format(port=horn.port))
    (boot / "credentials/horn-token").write_text("t0ken\r\n")
    ops.listen()
    machine.start()
    ops.hear("north-door/status", state="online")
    ops.hear("event", type="violation.opened")
    eventually(lambda: len(horn.asked) > 0)
    assert horn.asked[0][1]["Authorization"] == "Bearer t0ken"
    assert machine.shown("Result", "maskgate-machine.service") == "success"
    report = answered(machine)
    assert "maskgate.toml was applied at this start\n" in report
    assert "This device is maskgate/v1/lab/north-door.\n" in report
    assert "machine.ssh_keys: sshd is not installed on this machine" in report
    assert "frames/s, camera " in report
    assert machine.run("hostname") == "north-door"
    assert machine.run("getent", "passwd", "installer").endswith(":/home/installer:/bin/bash")
    assert machine.run("getent", "shadow", "installer").split(":")[1] in {"!", "!*", "*"}
    assert list((boot / "credentials").iterdir()) == []
    everything = b"".join(p.read_bytes() for p in boot.rglob("*") if p.is_file())
    assert b"pass phrase" not in everything
    assert b"s3cret" not in everything
    assert b"t0ken" not in everything

    machine.cut_power()
    good = (machine.root / "etc/maskgate/config.toml").read_text()
    text = (boot / "maskgate.toml").read_text()
    bad = text.replace("port =", "prot =").replace("Jakarta", "Djakarta").replace('"ID"', '"Indonesia"')
    (boot / "maskgate.toml").write_text(bad)
    machine.start()
    health = ops.hear("north-door/health")
    while not health["problems"]:
        health = ops.hear("north-door/health")
    keys = ("machine.timezone", "machine.wifi.country", "mqtt.prot")
    assert [any(key in problem for problem in health["problems"]) for key in keys] == [True] * 3
    assert "what was applied before stays in force" in json.dumps(health["problems"])
    report = answered(machine)
    assert "maskgate.toml was NOT applied\n" in report
    assert "3 mistakes to correct:\n" in report
    assert all(f"- {key}: " in report for key in keys)
    assert "stays in force. Correct the file" in report
    assert (machine.root / "etc/maskgate/config.toml").read_text() == good
    assert "mqtt.prot: unknown key" in machine.run("journalctl", "--unit=maskgate-machine", "--output=cat")


def test_a_machine_without_a_card_is_left_alone_and_one_that_is_read_only_gets_its_answer(
    machine: Machine,
) -> None:
    machine.start(alone=True)
    eventually(lambda: machine.run("systemctl", "is-system-running", check=False) in {"running", "degraded"})
    assert machine.shown("ConditionResult", "maskgate-machine.service") == "no"
    assert not (machine.root / "var/lib/maskgate-machine").exists()
    boot = card(machine, 1, "/dev/video9").rename(machine.root / "srv/card")
    boot.with_name("empty").mkdir()
    boot.with_name("empty").rename(machine.root / "boot/firmware")
    machine.run("mount", "-t", "tmpfs", "tmpfs", "/boot/firmware")
    machine.run("cp", "--recursive", "/srv/card/.", "/boot/firmware")
    machine.run("mount", "-o", "remount,ro", "/boot/firmware")
    machine.run("systemctl", "start", "maskgate-machine.service")
    eventually(lambda: machine.state() == "active")
    machine.run("systemctl", "start", "maskgate-machine-report.service")
    report = machine.run("cat", "/boot/firmware/maskgate-report.txt")
    assert "- camera.source is /dev/video9, which does not exist; and there is no other camera" in report
    assert "still holds secrets" not in report
    assert machine.run("ls", "/boot/firmware/credentials") == ""
    machine.run("test", "!", "-w", "/boot/firmware")
