"""A card that ``maskgate provision`` wrote for the real cloud-init of Debian 13: `make device-test`."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from debian import Machine, Root, eventually, layered, unpacked
from raspberry import Card

if TYPE_CHECKING:
    from conftest import Lab, Ops

pytestmark = pytest.mark.timeout(900)
SETTINGS = """\
datasource_list: [NoCloud, None]
datasource: {NoCloud: {seedfrom: "file:///boot/firmware"}}
ssh_genkeytypes: []
"""
"""Raspberry Pi OS's own."""


@pytest.fixture(scope="module")
def cloudy(bootable: None, lab: "Lab", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """Debian 13 with cloud-init, and all that our package needs; to be layered, not changed."""
    tar = lab.debian("amd64", [*lab.needed(lab.deb("trixie")), "systemd-sysv", "cloud-init"], "trixie")
    with unpacked(tar, tmp_path_factory.mktemp("cloudy") / "root") as root:
        (root / "etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg").write_text(SETTINGS)
        yield root


@pytest.fixture
def machine(cloudy: Root, tmp_path: Path) -> Iterator[Machine]:
    """Switched off, without the package."""
    with layered(cloudy, tmp_path / "layers") as root:
        machine = Machine(root)
        yield machine
        machine.cut_power()


@pytest.fixture
def card(machine: Machine, lab: "Lab", ops: "Ops", tmp_path: Path) -> Card:
    card = Card(machine.root, "2025-12-04")
    card.write("user-data", "#cloud-config\n#hostname: raspberrypi\n")
    card.write("meta-data", "dsmode: local\ninstance_id: rpios-image\n")
    card.write("network-config", "# examples\n")
    card.provision(lab.deb("trixie"), ops.port, tmp_path)
    return card


def test_cloud_init_finds_nothing_to_complain_about(machine: Machine, card: Card) -> None:
    said = machine.root.run("cloud-init", "schema", "--config-file", "/boot/firmware/vendor-data").stdout
    assert said.startswith("Valid schema")


def test_from_power_on_to_status(machine: Machine, card: Card, ops: "Ops", lab: "Lab") -> None:
    ops.listen()
    began = time.monotonic()
    machine.start()
    ops.hear("lab/north-door/status", state="online")
    lab.measured("cloud-init, first power-on to status, s", time.monotonic() - began)
    eventually((card.boot / "maskgate-report.txt").exists)
    assert "maskgate.toml was applied" in card.read("maskgate-report.txt")
    assert card.packages == []
    assert machine.run("hostname") == "north-door"
    machine.cut_power()
    ops.hear("lab/north-door/status", state="offline")
    began = time.monotonic()
    machine.start()
    ops.hear("lab/north-door/status", state="online")
    lab.measured("cloud-init, second power-on to status, s", time.monotonic() - began)


def test_a_power_cut_while_it_installs_does_no_harm(machine: Machine, card: Card, ops: "Ops") -> None:
    machine.start()
    eventually((machine.root / "usr/lib/maskgate/numpy").exists)  # dpkg is at work
    machine.cut_power()
    assert len(card.packages) == 1
    ops.listen()
    machine.start()
    ops.hear("lab/north-door/status", state="online")
    assert machine.run("dpkg", "--audit") == ""


def test_a_package_that_cannot_be_installed_is_told_and_the_machine_goes_on(
    machine: Machine, card: Card
) -> None:
    machine.root.run("dpkg", "--purge", "alsa-utils")
    machine.start(alone=True)
    eventually((card.boot / "maskgate-report.txt").exists)
    report = card.read("maskgate-report.txt")
    assert re.search(r"NOT installed.*Depends: alsa-utils.*sudo apt install /boot/", report, re.DOTALL)
    eventually(lambda: machine.up)
