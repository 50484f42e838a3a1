"""What to write and to run so that a machine becomes what is wanted. Pure: nothing is looked at."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.machine.network_files import NETWORKD, SUPPLICANT, network_manager, networkd
from edge.machine.settings import Machine
from edge.machine.wanted import WantedMachine
from edge.releases.exchange import KEYS as KEYS_OF_UPDATES

SERVICES = ("maskgate.service", "maskgate-speaker.service")
SSH = "ssh.service"
RETIRED = (SSH, SUPPLICANT)
"""Units that are switched off again when nothing wants them any more."""
MAY_FAIL = frozenset({"iw", "rfkill"})
"""Programs that say no where there is no wireless card (yet): that is told, and not tried at each start."""
PERSON = "May log in, says maskgate.toml"
"""By this in ``/etc/passwd`` a user that we made is known."""
KEYS = "/etc/ssh/maskgate-authorized_keys"
CONFIG = "/etc/maskgate/config.toml"
CREDENTIALS = "/etc/maskgate/credentials"
Command = tuple[str, ...]
_SYSUSERS, _TMPFILES = "/etc/sysusers.d/maskgate-login.conf", "/etc/tmpfiles.d/maskgate-login.conf"


@dataclass(frozen=True, slots=True)
class Facts:
    """What the machine is like."""

    present: frozenset[str]
    """Which of ``facts.PROGRAMS`` are installed, by name."""
    hosts: str
    """``/etc/hosts`` as it is."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file of the root file system."""

    path: str
    data: bytes
    mode: int = 0o644
    group: str = "root"
    kept: bool = False
    """Not ours alone: it stays when nothing wants it any more."""


@dataclass(frozen=True, slots=True)
class PlannedLink:
    """A symbolic link; it stays, too."""

    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Plan:
    """All of it, in order: files, links, commands; then units are enabled and started anew."""

    files: tuple[PlannedFile, ...]
    links: tuple[PlannedLink, ...]
    commands: tuple[Command, ...]
    units: tuple[str, ...]
    remarks: tuple[str, ...]
    """What is wanted and can't be done here, as sentences."""


def make_plan(wanted: WantedMachine, facts: Facts) -> Plan:
    """The way from a card to a device; the same card and machine give the same plan."""
    machine = wanted.config.machine
    files = [*_names(machine, facts), *_login(machine, facts), *_care(machine)]
    files += [*_network(wanted, facts), *_service(wanted)]
    zone = machine.timezone
    links = [PlannedLink("/etc/localtime", f"/usr/share/zoneinfo/{zone}")] if zone else []
    return Plan(
        tuple(files),
        tuple(links),
        tuple(_commands(machine, facts)),
        tuple(_units(wanted, facts)),
        tuple(_remarks(machine, facts)),
    )


def _names(machine: Machine, facts: Facts) -> Iterator[PlannedFile]:
    if machine.host_name is not None:
        yield _text("/etc/hostname", f"{machine.host_name}\n", kept=True)
        yield _text("/etc/hosts", _hosts(facts.hosts, machine.host_name), kept=True)
    if machine.timezone is not None:
        yield _text("/etc/timezone", f"{machine.timezone}\n", kept=True)


def _hosts(text: str, name: str) -> str:
    """With Debian's line for the machine's own name, which sudo looks for."""
    line, pattern = f"127.0.1.1\t{name}\n", re.compile(r"^127\.0\.1\.1[ \t].*\n?", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(line, text, count=1)
    return (text if text.endswith("\n") or not text else f"{text}\n") + line


def _login(machine: Machine, facts: Facts) -> Iterator[PlannedFile]:
    if not machine.ssh_keys:
        return
    user = machine.ssh_user
    yield _text(_SYSUSERS, f'u {user} - "{PERSON}" /home/{user} /bin/bash\n')
    yield _text(_TMPFILES, f"d /home/{user} 0700 {user} {user}\n")
    yield _text(KEYS, "".join(f"{key}\n" for key in machine.ssh_keys))
    yield _text(
        "/etc/ssh/sshd_config.d/10-maskgate.conf",
        "# written by maskgate machine: keys only, for everybody\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin no\n"
        f"Match User {user}\n  AuthorizedKeysFile {KEYS} .ssh/authorized_keys\n",
    )
    if "sudo" in facts.present:
        yield _text("/etc/sudoers.d/maskgate-login", f"{user} ALL=(ALL:ALL) NOPASSWD: ALL\n", mode=0o440)


def _care(machine: Machine) -> Iterator[PlannedFile]:
    if machine.ntp_servers:
        servers = " ".join(machine.ntp_servers)
        yield _text("/etc/systemd/timesyncd.conf.d/50-maskgate.conf", f"[Time]\nNTP={servers}\n")
    for number, key in enumerate(machine.update_keys, start=1):
        yield _text(f"{KEYS_OF_UPDATES}/card-{number}.pub", f"untrusted comment: from maskgate.toml\n{key}\n")
    if machine.security_updates is not None:
        keys = ("Update-Package-Lists", "Unattended-Upgrade")
        text = "".join(f'APT::Periodic::{key} "{int(machine.security_updates)}";\n' for key in keys)
        yield _text("/etc/apt/apt.conf.d/60maskgate", text)


def _network(wanted: WantedMachine, facts: Facts) -> Iterator[PlannedFile]:
    machine = wanted.config.machine
    wifi = machine.wifi
    if wifi is not None:
        yield _text(
            "/etc/modprobe.d/maskgate-wifi.conf", f"options cfg80211 ieee80211_regdom={wifi.country}\n"
        )
        if wifi.passphrase is None and wanted.psk is None:  # without its key there is nothing to connect to
            machine = machine.model_copy(update={"wifi": None})
    write = network_manager if "NetworkManager" in facts.present else networkd
    for path, text, mode in write(machine, wanted.psk):
        yield _text(path, text, mode=mode)


def _service(wanted: WantedMachine) -> Iterator[PlannedFile]:
    if wanted.service_text is None:
        return
    for name, data in wanted.credentials.items():
        yield PlannedFile(f"{CREDENTIALS}/{name}", data, mode=0o600)
    if wanted.credentials:
        lines = "".join(f"LoadCredential={name}:{CREDENTIALS}/{name}\n" for name in wanted.credentials)
        for unit in SERVICES:
            yield _text(f"/etc/systemd/system/{unit}.d/50-maskgate-machine.conf", f"[Service]\n{lines}")
    yield PlannedFile(CONFIG, wanted.service_text.encode(), mode=0o640, group="maskgate", kept=True)


def _commands(machine: Machine, facts: Facts) -> Iterator[Command]:
    if machine.host_name is not None:
        yield "hostname", machine.host_name
    if machine.ssh_keys:
        yield "systemd-sysusers", _SYSUSERS
        yield "systemd-tmpfiles", "--create", _TMPFILES
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
    yield from without(
        "ntp_servers", machine.ntp_servers, "timesyncd", "its own servers are not told of yours"
    )
    yield from without(
        "security_updates", machine.security_updates, "unattended-upgrades", "nothing installs updates"
    )
    if "NetworkManager" not in facts.present:
        yield from without("wifi", machine.wifi, "wpa_supplicant", "there is no wireless network")
        names = machine.network is not None and machine.network.dns_servers
        yield from without("network.dns_servers", names, "resolved", "they are not asked")


def _text(path: str, text: str, mode: int = 0o644, *, kept: bool = False) -> PlannedFile:
    return PlannedFile(path, text.encode(), mode=mode, kept=kept)
