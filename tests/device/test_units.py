"""The units, checked by systemd's own tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.service.previous_run import PreviousRun

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd" / "units"
SERVICES = sorted(SYSTEMD.glob("*.service"))
UNITS = [unit for unit in SERVICES if "-machine" not in unit.name]
"""The two that run for ever; the others work as root for a moment."""
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
    for source in [*Path("/usr/lib/systemd/system").glob("*.target"), *SERVICES, *SYSTEMD.glob("*.timer")]:
        shutil.copy(source, units)
    for name in ("usr/bin/maskgate", "bin/sh"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


def test_both_services_are_there() -> None:
    assert [unit.name for unit in UNITS] == ["maskgate-speaker.service", "maskgate.service"]


@pytest.mark.parametrize("unit", [*SERVICES, *SYSTEMD.glob("*.timer")], ids=lambda u: u.name)
def test_systemd_finds_nothing_to_complain_about(unit: Path, device: Path) -> None:
    result = run("systemd-analyze", "verify", "--man=no", f"--root={device}", unit.name)
    assert (result.returncode, result.stderr) == (0, "")  # it exits 0 even on typos: only silence is good


def test_nothing_waits_for_itself_where_cloud_init_configures_the_network(device: Path) -> None:
    """Its units go before sysinit.target, and one of them after the network; so Debian's do."""
    units = device / "usr/lib/systemd/system"
    for name, before, after in (
        ("cloud-init", "sysinit.target", "networking.service"),
        ("networking", "network.target", "network-pre.target"),
    ):
        (units / f"{name}.service").write_text(
            f"[Unit]\nDefaultDependencies=no\nBefore={before}\nAfter={after}\nWants={after}\n"
            "[Service]\nType=oneshot\nExecStart=/bin/sh\n"
        )
    for target, unit in (("sysinit", "cloud-init"), ("multi-user", "maskgate-machine")):
        (units / f"{target}.target.wants").mkdir()
        (units / f"{target}.target.wants/{unit}.service").symlink_to(units / f"{unit}.service")
    result = run("systemd-analyze", "verify", "--man=no", f"--root={device}", "multi-user.target")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_the_services_are_hardened(unit: Path) -> None:
    result = run("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit))
    figure = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    assert figure, result.stderr
    assert float(figure[1]) <= EXPOSURE


@pytest.mark.parametrize("unit", [u for u in SERVICES if u not in UNITS], ids=lambda u: u.name)
def test_what_works_as_root_can_not_do_everything(unit: Path) -> None:
    """It changes the machine (user, host name, mounts), and reads a card that anybody may have written."""
    result = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=29", str(unit))
    assert "SystemCallFilter" in service(unit)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    "unit", [*SERVICES, *(SYSTEMD.parent / "update").glob("*.service")], ids=lambda u: u.name
)
def test_no_service_can_take_all_memory_and_none_shows_its_state(unit: Path) -> None:
    settings = service(unit)
    assert re.fullmatch(r"\d+M|1G", settings["MemoryMax"][0])
    if "StateDirectory" in settings:
        assert settings["StateDirectoryMode"] == ["0700"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_the_services_restart_and_are_watched(unit: Path) -> None:
    settings = service(unit)
    assert settings["Type"] == ["notify"]
    assert settings["RestartPreventExitStatus"] == ["2 78"]
    assert settings["WatchdogSec"] == ["30"]
    assert "ProcSubset" not in settings  # it hides /proc/cpuinfo, and inference gets 10 to 100 times slower


def test_only_a_run_that_ends_in_order_is_not_started_again() -> None:
    """That is a clip that is over. After every other end, and at ops' command, systemd starts it again."""
    speaker, camera = (service(unit) for unit in UNITS)
    assert speaker["Restart"] == ["always"]
    assert camera["Restart"] == ["on-failure"]
    assert camera["RestartForceExitStatus"] == camera["SuccessExitStatus"] == ["75"]


def test_the_rule_for_cameras_comes_after_the_one_that_says_what_they_can() -> None:
    """udev takes rules by their files' names; ID_V4L_CAPABILITIES is from 60-persistent-v4l.rules."""
    rules = [p for p in SYSTEMD.glob("*.rules") if "ENV{ID_V4L_CAPABILITIES}==" in p.read_text()]
    assert [p.name > "60-persistent-v4l.rules" for p in rules] == [True]


def test_each_service_opens_its_own_devices_only() -> None:
    speaker, camera = (service(unit) for unit in UNITS)
    assert camera["DevicePolicy"] == speaker["DevicePolicy"] == ["closed"]
    cameras = ["char-video4linux rw", "char-media rw", "char-dma_heap rw"]
    assert camera["DeviceAllow"] == [*cameras, "char-gpiochip rw"]
    assert speaker["DeviceAllow"] == ["char-alsa rw"]


def test_the_services_are_two_users_and_share_only_the_group_that_reads_the_configuration() -> None:
    speaker, camera = (service(unit) for unit in UNITS)
    assert (camera["User"], speaker["User"]) == (["maskgate"], ["maskgate-speaker"])
    assert speaker["Group"] == ["maskgate"]  # maskgate's own primary group
    assert (camera["StateDirectory"], speaker["StateDirectory"]) == (["maskgate"], ["maskgate-speaker"])
    assert camera["RuntimeDirectory"] != speaker["RuntimeDirectory"]
    assert speaker["RuntimeDirectoryMode"] == ["0750"]  # the camera's user connects to the socket in it


def moved(folder: Path) -> None:
    """Run what the speaker's unit runs before its start, in a folder of ours."""
    before = service(SYSTEMD / "maskgate-speaker.service")["ExecStartPre"][0]
    command, script = before.split(" -c ")
    assert command == "-+/bin/sh"
    script = script.strip("'").replace("$$", "$").replace("/var/lib/maskgate", str(folder / "maskgate"))
    owner = f"{os.getuid()}:{os.getgid()}"
    assert "chown -h maskgate-speaker:maskgate " in script
    script = script.replace("maskgate-speaker:maskgate", owner)
    result = subprocess.run(
        ["/bin/sh", "-c", script], check=False, capture_output=True, text=True,
        env={**os.environ, "STATE_DIRECTORY": str(folder / "maskgate-speaker")},
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


def test_what_the_speaker_had_in_the_shared_folder_moves_to_its_own_once(tmp_path: Path) -> None:
    shared, own = tmp_path / "maskgate", tmp_path / "maskgate-speaker"
    own.mkdir()
    moved(tmp_path)
    shared.mkdir()
    moved(tmp_path)
    for name in (
        "outbox.sqlite",
        "speaker-outbox.sqlite",
        "speaker-outbox.sqlite-wal",
        "speaker-memory.sqlite",
    ):
        (shared / name).write_text(name)
    (shared / "speaker-folder").mkdir()
    moved(tmp_path)
    assert sorted(p.name for p in shared.iterdir()) == ["outbox.sqlite", "speaker-folder"]
    left = ["speaker-memory.sqlite", "speaker-outbox.sqlite", "speaker-outbox.sqlite-wal"]
    assert sorted(p.name for p in own.iterdir()) == left
    assert all(p.read_text() == p.name for p in own.iterdir())
    (shared / "speaker-outbox.sqlite").write_text("of a release that was taken back")
    moved(tmp_path)
    assert (own / "speaker-outbox.sqlite").read_text() == "speaker-outbox.sqlite"


def test_no_service_can_open_a_microphone() -> None:
    rules = (SYSTEMD / "61-maskgate.rules").read_text()
    assert '\nSUBSYSTEM=="sound", KERNEL=="pcmC*D*c", GROUP="root", MODE="0600"\n' in rules
    assert all(
        "root" not in unit.read_text().split("SupplementaryGroups=")[1].split("\n")[0] for unit in UNITS
    )


def test_a_crash_releases_the_relay() -> None:
    after = service(SYSTEMD / "maskgate.service")["ExecStopPost"][-1]
    assert after.startswith("-/usr/bin/maskgate indicators off --config ")


def test_a_service_that_always_fails_leads_to_a_reboot_but_not_at_once() -> None:
    unit = (SYSTEMD / "maskgate.service").read_text().split("[Service]")[0]
    settings = dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))
    assert settings["StartLimitAction"] == "reboot"
    assert settings["StartLimitIntervalSec"] == "1h"
    starts = int(settings["StartLimitBurst"])
    least_s = sum(5 + PreviousRun("", n).wait_s for n in range(1, starts + 1))
    most_s = least_s + starts * (30 + 10)  # WatchdogSec=, TimeoutAbortSec=: it hangs each time
    assert 20 * 60 < least_s < most_s < 3600
    assert "\nStartLimitIntervalSec=0\n" in (SYSTEMD / "maskgate-speaker.service").read_text()


@pytest.mark.parametrize("name", ["watchdog.conf", "journald.conf"])
def test_the_machines_settings_are_understood(name: str) -> None:
    """systemd's programs name what they do not know, and go on: the keys must be in their manuals' lists."""
    known = {"watchdog.conf": "system.conf", "journald.conf": "journald.conf"}[name]
    listed = set(re.findall(r"^#?(\w+)=", Path(f"/etc/systemd/{known}").read_text(), re.MULTILINE))
    assert set(re.findall(r"^(\w+)=", (SYSTEMD / name).read_text(), re.MULTILINE)) - listed == set()


def test_tmpfiles_keeps_the_configuration_from_others(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    (etc / "maskgate").mkdir(parents=True)
    (etc / "maskgate/config.toml").touch(mode=0o644)
    own = f"{os.getuid()}:{os.getgid()}"  # the user maskgate, as far as this file system knows
    (etc / "passwd").write_text(f"root:x:{own}::/:/bin/sh\n")
    (etc / "group").write_text(f"root:x:{os.getgid()}:\nmaskgate:x:{os.getgid()}:\n")
    result = run("systemd-tmpfiles", "--create", f"--root={tmp_path}", str(SYSTEMD / "maskgate.tmpfiles"))
    assert (result.returncode, result.stderr) == (0, "")
    modes = {p.name: oct(p.stat().st_mode & 0o777) for p in [etc / "maskgate", *(etc / "maskgate").iterdir()]}
    assert modes == {"maskgate": "0o750", "config.toml": "0o640", "credentials": "0o700"}


def test_sysusers_makes_the_users_that_the_services_run_as(tmp_path: Path) -> None:
    etc = tmp_path / "etc"
    etc.mkdir()
    result = run("systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "maskgate.sysusers"))
    assert result.returncode == 0, result.stderr
    names = [line.split(":")[0] for line in (etc / "passwd").read_text().splitlines()]
    assert names == ["maskgate", "maskgate-speaker"]
    assert all(line.endswith("/nologin") for line in (etc / "passwd").read_text().splitlines())
    assert {service(unit)["User"][0] for unit in UNITS} == set(names)
