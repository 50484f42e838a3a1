"""The units, checked by systemd's own tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
EXPOSURE = 1.8
"""At most, on systemd's scale from 0 (nothing to attack) to 10."""


def run(*command: str) -> subprocess.CompletedProcess[str]:
    assert shutil.which(command[0]), f"{command[0]} is missing; install it with: apt install systemd"
    return subprocess.run(command, check=False, capture_output=True, text=True)


def service(unit: Path) -> dict[str, list[str]]:
    """The [Service] section: each key with all its values."""
    out: dict[str, list[str]] = {}
    section = unit.read_text().split("[Service]")[1].split("[Install]")[0]
    for key, value in re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE):
        out.setdefault(key, []).append(value)
    return out


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A root file system as far as ``systemd-analyze verify`` looks: targets, our units, our program."""
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    for source in [*Path("/usr/lib/systemd/system").glob("*.target"), *UNITS]:
        shutil.copy(source, units)
    program = tmp_path / "opt/maskgate/.venv/bin/maskgate"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return tmp_path


def test_both_services_are_there() -> None:
    assert [unit.name for unit in UNITS] == ["maskgate-speaker.service", "maskgate.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_finds_nothing_to_complain_about(unit: Path, device: Path) -> None:
    result = run("systemd-analyze", "verify", "--man=no", f"--root={device}", unit.name)
    assert (result.returncode, result.stderr) == (0, "")  # it exits 0 even on typos: only silence is good


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_the_services_are_hardened(unit: Path) -> None:
    result = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit))
    figure = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    assert figure, result.stderr
    assert float(figure[1]) <= EXPOSURE


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_the_services_restart_and_are_watched(unit: Path) -> None:
    settings = service(unit)
    assert settings["Type"] == ["notify"]
    assert settings["Restart"] == ["always"]
    assert settings["RestartPreventExitStatus"] == ["2 78"]
    assert settings["WatchdogSec"] == ["30"]
    assert "ProcSubset" not in settings  # it hides /proc/cpuinfo, and inference gets 10 to 100 times slower


def test_each_service_opens_its_own_devices_only() -> None:
    speaker, camera = (service(unit) for unit in UNITS)
    assert camera["DevicePolicy"] == speaker["DevicePolicy"] == ["closed"]
    assert camera["DeviceAllow"] == ["char-video4linux rw", "char-media rw", "char-gpiochip rw"]
    assert speaker["DeviceAllow"] == ["char-alsa rw"]


def test_the_services_share_their_state_but_not_what_systemd_removes() -> None:
    speaker, camera = (service(unit) for unit in UNITS)
    assert camera["StateDirectory"] == speaker["StateDirectory"] == ["maskgate"]
    assert camera["RuntimeDirectory"] != speaker["RuntimeDirectory"]


def test_a_crash_releases_the_relay() -> None:
    (after,) = service(next(u for u in UNITS if u.name == "maskgate.service"))["ExecStopPost"]
    assert after.startswith("-/opt/maskgate/.venv/bin/maskgate indicators off --config ")


def test_sysusers_makes_the_user_that_the_services_run_as(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    result = run("systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "maskgate.sysusers"))
    assert result.returncode == 0, result.stderr
    names = [line.split(":")[0] for line in (etc / "passwd").read_text().splitlines()]
    assert names == ["maskgate"]
    assert (etc / "passwd").read_text().strip().endswith("/nologin")
    assert {service(unit)["User"][0] for unit in UNITS} == set(names)
