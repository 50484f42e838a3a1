"""Everything that turns a machine into what a card asks for. Pure: it looks at nothing and runs nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from edge.machine.network_files import NETWORKD, SUPPLICANT
from edge.machine.planned_files import SERVICES, SYSUSERS, TMPFILES, Facts, PlannedFile, planned_files
from edge.machine.settings import Machine
from edge.machine.wanted import WantedMachine

SSH = "ssh.service"
RETIRED = (SSH, SUPPLICANT)
"""Units that are disabled again when no card asks for them any more."""
MAY_FAIL = frozenset({"iw", "rfkill"})
"""Programs that fail without a wireless card: that is reported, and not tried again at each start."""
Command = tuple[str, ...]
"""A program and its arguments."""


@dataclass(frozen=True, slots=True)
class PlannedLink:
    """A symbolic link; it stays when no card asks for it any more."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order: write files, make links, run commands, then enable and restart units."""

    files: tuple[PlannedFile, ...]
    links: tuple[PlannedLink, ...]
    commands: tuple[Command, ...]
    units: tuple[str, ...]
    remarks: tuple[str, ...]
    """What the card asks for and this machine can't do, as sentences."""


def make_plan(wanted: WantedMachine, facts: Facts) -> Plan:
    """The plan for a card and a machine; the same two always give the same plan."""
    machine = wanted.config.machine
    zone = machine.timezone
    links = [PlannedLink("/etc/localtime", f"/usr/share/zoneinfo/{zone}")] if zone else []
    return Plan(
        tuple(planned_files(wanted, facts)),
        tuple(links),
        tuple(_commands(machine, facts)),
        tuple(_units(wanted, facts)),
        tuple(_remarks(machine, facts)),
    )


def _commands(machine: Machine, facts: Facts) -> Iterator[Command]:
    if machine.host_name is not None:
        yield "hostname", machine.host_name
    if machine.ssh_keys:
        yield "systemd-sysusers", SYSUSERS
        yield "systemd-tmpfiles", "--create", TMPFILES
        if "sshd" in facts.present:
            yield "ssh-keygen", "-A"
    if machine.wifi is not None:
        if "iw" in facts.present:
            yield "iw", "reg", "set", machine.wifi.country
        if "rfkill" in facts.present:
            yield "rfkill", "unblock", "wifi"


def _units(wanted: WantedMachine, facts: Facts) -> Iterator[str]:
    machine = wanted.config.machine
    wireless = machine.wifi is not None and (machine.wifi.passphrase == "" or wanted.psk is not None)
    if "NetworkManager" in facts.present:
        if wireless or machine.network is not None:
            yield "NetworkManager.service"
    else:
        if wireless or machine.network is not None:
            yield NETWORKD
        if wireless and "wpa_supplicant" in facts.present:
            yield SUPPLICANT
    if machine.ntp_servers and "timesyncd" in facts.present:
        yield "systemd-timesyncd.service"
    if machine.ssh_keys and "sshd" in facts.present:
        yield SSH
    if wanted.service_text is not None:
        yield from SERVICES


def _remarks(machine: Machine, facts: Facts) -> Iterator[str]:
    def without(key: str, wanted: object, program: str, then: str) -> Iterator[str]:
        if wanted and program not in facts.present:
            yield f"machine.{key}: {program} is not installed on this machine: {then}"

    yield from without("ssh_keys", machine.ssh_keys, "sshd", "nobody can log in")
    yield from without("ssh_keys", machine.ssh_keys, "sudo", f"{machine.ssh_user} can't become root")
    yield from without("ntp_servers", machine.ntp_servers, "timesyncd", "the time comes from its own servers")
    yield from without(
        "security_updates",
        machine.security_updates,
        "unattended-upgrades",
        "security updates are not installed",
    )
    if "NetworkManager" not in facts.present:
        yield from without("wifi", machine.wifi, "wpa_supplicant", "there is no wireless network")
        names = machine.network is not None and machine.network.dns_servers
        yield from without("network.dns_servers", names, "resolved", "these servers are not used")
