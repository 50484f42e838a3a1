"""A card that ``maskgate provision`` wrote, in a Debian that boots without maskgate installed.

For cloud-init, see ``cloud_init.py``.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from debian import Machine, Root, eventually
from raspberry import CMDLINE, Card

if TYPE_CHECKING:
    from conftest import Lab, Ops

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def fresh(bootable: None, root: Root) -> Iterator[Machine]:
    """A machine without the package, switched off."""
    machine = Machine(root)
    yield machine
    machine.cut_power()


@pytest.fixture
def card(fresh: Machine, deb: Path, ops: "Ops", tmp_path: Path) -> Card:
    card = Card(fresh.root, "2024-11-19")
    card.provision(deb, ops.port, tmp_path)
    return card


def test_the_first_run_installs_even_after_a_power_cut(
    fresh: Machine, card: Card, ops: "Ops", lab: "Lab"
) -> None:
    fresh.start(*card.kernel)
    eventually((fresh.root / "usr/lib/maskgate/numpy").exists)  # dpkg is unpacking
    fresh.cut_power()
    half = fresh.root.run("dpkg-query", "--show", "--showformat=${Status}", "maskgate").stdout
    assert half not in {"", "install ok installed"}
    began = time.monotonic()
    fresh.start(*card.kernel)
    assert fresh.ended() == 133  # it asks for a restart
    lab.measured("first run, power-on to restart, s", time.monotonic() - began)
    assert card.read("cmdline.txt") == CMDLINE
    assert card.packages == []
    ops.listen()
    fresh.start(*card.kernel)
    ops.hear("lab/north-door/status", state="online")
    lab.measured("first run, power-on to status, s", time.monotonic() - began)
    eventually((card.boot / "maskgate-report.txt").exists)
    assert "maskgate.toml was applied" in card.read("maskgate-report.txt")
    assert fresh.run("hostname") == "north-door"
    assert fresh.run("dpkg", "--audit") == ""
    changed = fresh.run("dpkg", "--verify", "maskgate").splitlines()
    assert [line.split()[-1] for line in changed] == ["/etc/maskgate/config.toml"]


def test_a_package_that_cannot_be_installed_is_reported_and_the_machine_runs_on(
    fresh: Machine, card: Card
) -> None:
    fresh.root.run("dpkg", "--purge", "alsa-utils")
    fresh.start(*card.kernel)
    assert fresh.ended() == 133
    report = card.read("maskgate-report.txt")
    assert re.search(r"NOT installed.*Depends: alsa-utils.*sudo apt install /boot/", report, re.DOTALL)
    assert card.read("cmdline.txt") == CMDLINE
    assert len(card.packages) == 1
    fresh.start(*card.kernel, alone=True)
    eventually(lambda: fresh.up)
    assert fresh.run("dpkg", "--audit") == ""


def test_imagers_own_script_runs_too(fresh: Machine, deb: Path, ops: "Ops", tmp_path: Path) -> None:
    card = Card(fresh.root, "2024-11-19")
    then = "systemd.run_success_action=reboot systemd.unit=kernel-command-line.target"
    card.write("cmdline.txt", f"{CMDLINE.strip()} systemd.run=/boot/firmware/firstrun.sh {then}\n")
    ends = "rm -f /boot/firmware/firstrun.sh\nsed -i 's| systemd.run.*||g' /boot/firmware/cmdline.txt\n"
    card.write("firstrun.sh", f"#!/bin/sh\ntouch /root/imagers\n{ends}exit 0\n")
    card.provision(deb, ops.port, tmp_path)
    fresh.start(*card.kernel)
    assert fresh.ended() == 133
    assert card.read("cmdline.txt") == CMDLINE
    assert (fresh.root / "root/imagers").exists()
    assert (fresh.root / "usr/bin/maskgate").exists()
