"""The files that a card asks for, with their content. Pure: it looks at nothing and writes nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.config import secret_files
from edge.machine.network_files import network_manager, networkd
from edge.machine.settings import Machine
from edge.machine.wanted import OWN, WantedMachine
from edge.releases.exchange import KEYS as KEYS_OF_UPDATES

_FOREIGN = {"maskgate.service": "speaker.", "maskgate-speaker.service": "camera."}
"""The services, each with the section whose credentials it does not get."""
SERVICES = tuple(_FOREIGN)
PERSON = "May log in, says maskgate.toml"
"""The comment in ``/etc/passwd`` by which a user that we made is recognised."""
KEYS = "/etc/ssh/maskgate-authorized_keys"
CONFIG = "/etc/maskgate/config.toml"
CREDENTIALS = "/etc/maskgate/credentials"
SYSUSERS, TMPFILES = "/etc/sysusers.d/maskgate-login.conf", "/etc/tmpfiles.d/maskgate-login.conf"
"""What makes the user that may log in, and the home folder."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a plan must know about the machine."""

    present: frozenset[str]
    """The names of the ``facts.PROGRAMS`` that are installed."""
    hosts: str
    """The present text of ``/etc/hosts``."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to write in the root file system."""

    path: str
    data: bytes
    mode: int = 0o644
    group: str = "root"
    kept: bool = False
    """Not ours alone: it stays when no card asks for it any more."""


def planned_files(wanted: WantedMachine, facts: Facts) -> Iterator[PlannedFile]:
    """All files that the card asks for on such a machine."""
    machine = wanted.config.machine
    yield from _names(machine, facts)
    yield from _login(machine, facts)
    yield from _care(machine)
    yield from _network(wanted, facts)
    yield from _service(wanted)


def _names(machine: Machine, facts: Facts) -> Iterator[PlannedFile]:
    if machine.host_name is not None:
        yield _text("/etc/hostname", f"{machine.host_name}\n", kept=True)
        yield _text("/etc/hosts", _hosts(facts.hosts, machine.host_name), kept=True)
    if machine.timezone is not None:
        yield _text("/etc/timezone", f"{machine.timezone}\n", kept=True)


def _hosts(text: str, name: str) -> str:
    """The text with Debian's line for the machine's own name, which sudo looks up."""
    line, pattern = f"127.0.1.1\t{name}\n", re.compile(r"^127\.0\.1\.1[ \t].*\n?", re.MULTILINE)
    if pattern.search(text):
        return pattern.sub(line, text, count=1)
    return (text if text.endswith("\n") or not text else f"{text}\n") + line


def _login(machine: Machine, facts: Facts) -> Iterator[PlannedFile]:
    if not machine.ssh_keys:
        return
    user = machine.ssh_user
    yield _text(SYSUSERS, f'u {user} - "{PERSON}" /home/{user} /bin/bash\n')
    yield _text(TMPFILES, f"d /home/{user} 0700 {user} {user}\n")
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
    own = {f"{OWN}{name}": data for name, data in wanted.speaker_credentials.items()}
    for name, data in {**wanted.credentials, **own}.items():
        yield PlannedFile(f"{CREDENTIALS}/{name}", data, mode=0o600)
    keys = {key: str(path) for key, path in secret_files(wanted.config).items()}
    for unit, foreign in _FOREIGN.items():
        used = {name for key, name in keys.items() if not key.startswith(foreign)}
        lines = "".join(
            f"LoadCredential={name}:{CREDENTIALS}/{_source(unit, name, wanted)}\n"
            for name in wanted.credentials
            if name in used
        )
        if lines:
            yield _text(f"/etc/systemd/system/{unit}.d/50-maskgate-machine.conf", f"[Service]\n{lines}")
    yield PlannedFile(CONFIG, wanted.service_text.encode(), mode=0o640, group="maskgate", kept=True)


def _source(unit: str, name: str, wanted: WantedMachine) -> str:
    """The file that a service gets as a credential: the speaker's own one, if the card has one."""
    return f"{OWN}{name}" if unit == SERVICES[1] and name in wanted.speaker_credentials else name


def _text(path: str, text: str, mode: int = 0o644, *, kept: bool = False) -> PlannedFile:
    return PlannedFile(path, text.encode(), mode=mode, kept=kept)
