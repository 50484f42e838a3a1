"""The package on a machine that boots: systemd starts it, watches it, and starts it again; it tells why."""

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from debian import Machine, done, eventually

if TYPE_CHECKING:
    from conftest import Lab, Ops

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CLIP = "/usr/lib/maskgate/edge/demo/clip/visitors.mp4"
REPOSITORY = Path(__file__).resolve().parents[2]
NOBODY = 1
"""A port without a broker."""


def configure(machine: Machine, port: int = NOBODY, source: str = CLIP, more: str = "") -> None:
    broker = f'[mqtt]\nhost = "127.0.0.1"\nport = {port}\n{more}'
    text = f'[site]\nid = "lab"\n[camera]\nsource = "{source}"\n{broker}'
    (machine.root / "etc/maskgate/config.toml").write_text(text)
    machine.root.run("systemctl", "enable", "maskgate")


def drop_in(machine: Machine, text: str) -> None:
    folder = machine.root / "etc/systemd/system/maskgate.service.d"
    folder.mkdir(parents=True)
    (folder / "test.conf").write_text(text)


@pytest.fixture
def at_work(machine: Machine, ops: "Ops") -> Machine:
    """Switched on, and judging."""
    configure(machine, ops.port)
    ops.listen()
    machine.start()
    ops.hear("event", type="device.started", previous="none")
    eventually(lambda: machine.state() == "active")
    return machine


@pytest.mark.parametrize("release", ["bookworm", "trixie"], indirect=True)
def test_from_power_on_to_the_first_violation(machine: Machine, ops: "Ops", lab: "Lab", release: str) -> None:
    speaker = '[speaker]\nsocket = "/run/maskgate-speaker/local.sock"\noutput = "said.wav"\n'
    configure(machine, ops.port, more=speaker)
    machine.root.run("systemctl", "enable", "maskgate-speaker")
    old = machine.root / "var/lib/maskgate/speaker-note"  # from a version whose services were one user
    old.parent.mkdir()
    old.touch()
    machine.root.run("chown", "-R", "maskgate:maskgate", "/var/lib/maskgate")
    ops.listen()
    began = time.monotonic()
    machine.start()
    ops.hear("gate-1/status", state="online")
    lab.measured(f"{release}, power-on to status, s", time.monotonic() - began)
    assert ops.hear("event", type="device.started")["data"]["previous"] == "none"
    ops.hear("event", type="violation.opened")
    lab.measured(f"{release}, power-on to the first violation, s", time.monotonic() - began)
    ops.hear("gate-1-speaker/event", type="announcement.played")
    assert machine.state() == "active"
    process = machine.run("cat", f"/proc/{machine.shown('MainPID')}/status")
    held = dict(line.split(":", 1) for line in process.splitlines())
    assert (held["NoNewPrivs"].strip(), held["Seccomp"].strip()) == ("1", "2")
    assert int(held["CapEff"], 16) == int(held["CapBnd"], 16) == 0
    assert machine.run("stat", "--format=%U", f"/proc/{machine.shown('MainPID')}") == "maskgate"
    speakers = machine.run("systemctl", "show", "--property=MainPID", "--value", "maskgate-speaker")
    assert machine.run("stat", "--format=%U:%G", f"/proc/{speakers}") == "maskgate-speaker:maskgate"
    folders = [f"/var/lib/{name}" for name in ("maskgate", "maskgate-speaker")]
    shown = machine.run("stat", "--format=%a %U", *folders)
    assert shown.split("\n") == ["700 maskgate", "700 maskgate-speaker"]
    moved = machine.run("stat", "--format=%U", "/var/lib/maskgate-speaker/speaker-note")
    assert moved == "maskgate-speaker"
    assert "speaker-outbox.sqlite" in machine.run("ls", "/var/lib/maskgate-speaker")
    as_camera = ("runuser", "-u", "maskgate", "--", "test", "-w", "/run/maskgate-speaker/local.sock")
    machine.run(*as_camera)
    ops.hear("gate-1/status", state="offline")
    eventually(lambda: machine.state() == "inactive")  # the clip is over: nothing to start again for
    assert (machine.shown("Result"), machine.shown("NRestarts")) == ("success", "0")


def test_a_kill_is_recovered_and_told(at_work: Machine, ops: "Ops") -> None:
    at_work.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", "maskgate")
    again = ops.hear("event", type="device.started", cause="killed by SIGKILL")
    assert again["data"]["previous"] == "ended without warning"
    eventually(lambda: at_work.state() == "active")


def test_a_frozen_pipeline_is_ended_and_told(at_work: Machine, ops: "Ops", lab: "Lab") -> None:
    at_work.run("systemctl", "kill", "--kill-who=main", "--signal=STOP", "maskgate")
    stopped = time.monotonic()
    again = ops.hear("event", type="device.started", previous="ended without warning")
    took_s = time.monotonic() - stopped
    lab.measured("frozen to judging again, s", took_s)
    assert "systemd's watchdog ended it" in again["data"]["cause"]
    assert took_s < 30 + 10 + 5 + 10  # WatchdogSec=, TimeoutAbortSec=, RestartSec=, and the start itself


def test_a_power_cut_has_no_cause(at_work: Machine, ops: "Ops") -> None:
    at_work.cut_power()
    ops.hear("status", state="offline")  # the last will
    at_work.start()
    assert ops.hear("event", type="device.started", previous="ended without warning")["data"]["cause"] == ""


def test_it_stops_in_order(at_work: Machine, ops: "Ops") -> None:
    at_work.run("systemctl", "stop", "maskgate")
    assert ops.hear("status", state="offline")["reason"] == "stopped"
    assert (at_work.state(), at_work.shown("Result")) == ("inactive", "success")
    at_work.run("systemctl", "start", "maskgate")
    assert ops.hear("event", type="device.started", previous="stopped")["data"]["cause"] == ""


def test_ops_can_have_it_started_again(at_work: Machine, ops: "Ops") -> None:
    command = (sys.executable, "-m", "edge.cli", "command", "lab/gate-1", "restart")
    done(*command, "--broker", f"127.0.0.1:{ops.port}", cwd=REPOSITORY)
    assert ops.hear("event", type="device.started", previous="stopped")["data"]["cause"] == ""
    assert at_work.shown("NRestarts") == "1"


def test_an_upgrade_starts_it_anew_and_a_removal_ends_it(machine: Machine, deb: Path) -> None:
    configure(machine, source="/dev/video9")  # unlike a clip, it goes on for ever
    package = machine.root.give(deb)
    machine.start(alone=True)
    eventually(lambda: machine.state() == "active")
    before = machine.shown("MainPID")
    machine.run("dpkg", "--install", package)
    eventually(lambda: machine.state() == "active" and machine.shown("MainPID") != before)
    anew = machine.shown("MainPID")
    assert (machine.state("maskgate-speaker"), machine.shown("NRestarts")) == ("inactive", "0")
    machine.run("dpkg", "--purge", "maskgate")
    assert (machine.state(), machine.shown("LoadState")) == ("inactive", "not-found")
    machine.run("test", "!", "-e", f"/proc/{anew}")
    assert not (machine.root / "var/lib/maskgate").exists()


@pytest.mark.parametrize("ops", [("gate-1", "s3cret word")], indirect=True)
def test_the_brokers_password_comes_from_systemd(machine: Machine, ops: "Ops") -> None:
    configure(machine, ops.port, more='username = "gate-1"\npassword_file = "mqtt-password"\n')
    example = (machine.root / "usr/share/doc/maskgate/examples/credentials.conf").read_text()
    drop_in(machine, re.sub(r"^LoadCredential=(ca|client|horn).*$", "", example, flags=re.MULTILINE))
    secret = machine.root / "etc/maskgate/credentials/mqtt-password"
    secret.write_text("s3cret word\n")
    secret.chmod(0o600)
    ops.listen()
    machine.start()
    ops.hear("status", state="online")
    assert machine.run("runuser", "-u", "maskgate", "--", "cat", "/etc/maskgate/credentials/mqtt-password",
                       check=False) == ""  # fmt: skip


def test_without_a_camera_and_a_network_it_starts_and_says_so(machine: Machine) -> None:
    configure(machine, source="/dev/video9")
    machine.start(alone=True)
    eventually(lambda: machine.state() == "active")
    eventually(lambda: "camera fault" in machine.shown("StatusText"))
    assert "/dev/video9" in machine.run("journalctl", "--unit=maskgate", "--output=cat")


def test_a_wrong_configuration_is_named_and_not_tried_again(machine: Machine) -> None:
    configure(machine, source=CLIP, more="prot = 1883\n")
    machine.start()
    eventually(lambda: machine.state() == "failed")
    assert machine.shown("ExecMainStatus") == "78"
    assert machine.shown("NRestarts") == "0"
    assert "mqtt.prot: unknown key" in machine.run("journalctl", "--unit=maskgate", "--output=cat")


def test_a_service_that_always_fails_reboots_the_machine(machine: Machine) -> None:
    configure(machine)
    (machine.root / "usr/bin/maskgate").write_text("#!/bin/sh\nexit 1\n")
    drop_in(machine, "[Unit]\nStartLimitBurst=3\n[Service]\nRestartSec=100ms\n")
    machine.start()
    assert machine.ended() == 133  # systemd-nspawn's word for a reboot
    endings = (machine.root / "var/lib/maskgate/last-run").read_text().splitlines()
    assert [line.split(maxsplit=1)[1] for line in endings] == ["exit-code exited 1"] * 3
