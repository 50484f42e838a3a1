"""Checks the units of updates with systemd's own tools."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNITS = sorted(p for p in (SYSTEMD / "update").iterdir() if p.suffix in {".service", ".path", ".timer"})
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
EXPOSURE = 2.0
"""The limit, on systemd's scale from 0 (nothing to attack) to 10. Root's work needs more than others'."""


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A root file system with all that ``systemd-analyze verify`` reads."""
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    ours = [SYSTEMD / "units/maskgate.service", *UNITS]
    for source in [*Path("/usr/lib/systemd/system").glob("*.target"), *ours]:
        shutil.copy(source, units)
    (units / "maskgate.service.d").mkdir()
    shutil.copy(SYSTEMD / "update/50-update.conf", units / "maskgate.service.d")
    for name in ("usr/bin/maskgate", "bin/sh", "bin/sleep"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("unit", ["maskgate.service", *(unit.name for unit in UNITS)])
def test_systemd_accepts_the_unit(unit: str, device: Path) -> None:
    command = ("systemd-analyze", "verify", "--man=no", f"--root={device}", unit)
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda u: u.name)
def test_the_services_are_hardened(unit: Path) -> None:
    command = ("systemd-analyze", "security", "--offline=true", "--no-pager", str(unit))
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    figure = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
    assert figure, result.stderr
    assert float(figure[1]) <= EXPOSURE


def test_only_the_download_has_a_network_and_it_is_not_root() -> None:
    """Root's services have no network, and the download does not run as root."""
    for unit in SERVICES:
        text = unit.read_text()
        fetches = unit.name == "maskgate-update-fetch.service"
        assert ("PrivateNetwork=yes" in text) != fetches
        assert ("User=maskgate" in text) == fetches


def test_no_number_of_requests_makes_systemd_give_up_watching_for_them() -> None:
    """Five starts in ten seconds are systemd's limit; beyond it a path unit fails and stays so."""
    for path in (unit for unit in UNITS if unit.suffix == ".path"):
        text = path.with_suffix(".service").read_text()
        assert "\nStartLimitIntervalSec=0\n" in text.split("[Service]")[0]
        assert "\nExecStopPost=/bin/sleep 3\n" in text  # or it would be started without a pause


def test_the_package_carries_all_of_them() -> None:
    build = (SYSTEMD / "package/build_deb.py").read_text()
    assert [p.name for p in (SYSTEMD / "update").iterdir() if f'"{p.name}": "' not in build] == []
