"""From the card to the device: what is written and removed; a power cut at any point loses no secret."""

import base64
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.config import load_config
from edge.machine.applied_state import load_state
from edge.machine.applier import apply
from edge.machine.apply_result import ApplyVerdict
from edge.machine.card_files import CardFiles, read_card
from edge.machine.plan import Plan, make_plan
from edge.machine.planned_files import Facts, PlannedFile
from edge.machine.programs import run_program
from edge.machine.toml_text import TAKEN_OVER
from edge.machine.wanted import KnownSecrets, read
from edge.releases.exchange import KEYS

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrjkCXFTGKJt5qaAFWK/K59WUJLYPXvMMToIUG9l1Pt me@laptop"
MACHINE = f"""[machine]
host_name = "north-door"
timezone = "Asia/Jakarta"
ssh_keys = ["{KEY}"]
ntp_servers = ["ntp.example.org"]
security_updates = false

"""
WIFI = '[machine.wifi]\nssid = "Büro \\"7\\""\npassphrase = "pass phrase"\ncountry = "ID"\nhidden = true\n\n'
NETWORK = '[machine.network]\naddress = "192.0.2.7/24"\ngateway = "192.0.2.1"\ndns_servers = ["192.0.2.1"]\n'
SERVICE = '# ours\n[site]\nid = "hq"\ndevice = "north-door"\n[camera]\nsource = "/dev/video0"\n'
MQTT = '[mqtt]\nusername = "x"\npassword_file = "mqtt-password"\n'
EVERYTHING = frozenset(
    {"sshd", "sudo", "wpa_supplicant", "timesyncd", "resolved", "unattended-upgrades", "iw"}
)


def plan(text: str, *present: str, hosts: str = "", **credentials: bytes) -> Plan:
    wanted = read(CardFiles(text.encode(), credentials), KnownSecrets({}, {}))
    return make_plan(wanted, Facts(EVERYTHING | {*present}, hosts))


def files(made: Plan) -> dict[str, PlannedFile]:
    return {file.path: file for file in made.files}


def test_nothing_is_planned_that_nobody_asked_for() -> None:
    made = plan("[machine]\n")
    assert made == Plan((), (), (), (), ())


def test_who_may_log_in_does_so_with_a_key_and_nobody_with_a_password() -> None:
    made = plan(MACHINE)
    written = files(made)
    assert written["/etc/ssh/maskgate-authorized_keys"].data == f"{KEY}\n".encode()
    sshd = written["/etc/ssh/sshd_config.d/10-maskgate.conf"].data.decode()
    assert "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin no\n" in sshd
    sudo = written["/etc/sudoers.d/maskgate-login"]
    assert sudo.mode == 0o440
    assert ("systemd-sysusers", "/etc/sysusers.d/maskgate-login.conf") in made.commands
    assert "ssh.service" in made.units
    assert not any("ssh" in path or "sudo" in path for path in files(plan('[machine]\nhost_name = "x"\n')))


def test_whose_updates_are_taken_stands_where_the_updater_looks() -> None:
    key = base64.b64encode(b"Ed" + bytes(40)).decode()
    (written,) = plan(f'[machine]\nupdate_keys = ["{key}"]\n').files
    assert written.mode == 0o644
    path = Path(written.path)
    assert path.parent == KEYS
    assert path.suffix == ".pub"
    assert written.data.decode().splitlines()[1] == key


def test_a_network_is_written_for_whoever_manages_it() -> None:
    ours, theirs = plan(WIFI + NETWORK), plan(WIFI + NETWORK, "NetworkManager")
    supplicant = files(ours)["/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"]
    assert supplicant.mode == 0o600
    text = supplicant.data.decode()
    assert "ssid=42c3bc726f20223722\n" in text
    assert "pass phrase" not in text
    assert "scan_ssid=1" in text
    assert "Address=192.0.2.7/24\nGateway=192.0.2.1\nDNS=192.0.2.1\n" in (
        files(ours)["/etc/systemd/network/10-maskgate-ethernet.network"].data.decode()
    )
    assert ours.units == ("systemd-networkd.service", "wpa_supplicant@wlan0.service")
    folder = "/etc/NetworkManager/system-connections"
    wireless, wired = (
        files(theirs)[f"{folder}/maskgate-{name}.nmconnection"] for name in ("wifi", "ethernet")
    )
    assert wireless.mode == wired.mode == 0o600
    assert "ssid=66;195;188;114;111;32;34;55;34;\nhidden=true\n" in wireless.data.decode()
    psk = text.split("psk=")[1].split()[0]
    assert f"key-mgmt=wpa-psk\npsk={psk}\n" in wireless.data.decode()
    assert "method=manual\naddress1=192.0.2.7/24,192.0.2.1\ndns=192.0.2.1;\n" in wired.data.decode()
    assert theirs.units == ("NetworkManager.service",)


def test_a_host_name_is_written_where_sudo_looks_it_up() -> None:
    hosts = "127.0.0.1\tlocalhost\n127.0.1.1\told\n::1 localhost\n"
    found = files(plan(MACHINE, hosts=hosts))["/etc/hosts"].data.decode()
    assert found == hosts.replace("old", "north-door")
    assert files(plan(MACHINE, hosts="# x"))["/etc/hosts"].data == b"# x\n127.0.1.1\tnorth-door\n"


def test_what_is_not_installed_is_reported() -> None:
    wanted = read(
        CardFiles((MACHINE + WIFI + NETWORK).replace("= false", "= true").encode(), {}), KnownSecrets({}, {})
    )
    message = make_plan(wanted, Facts(frozenset(), "")).remarks
    assert [remark.split(":")[0] for remark in message] == [
        "machine.ssh_keys", "machine.ssh_keys", "machine.ntp_servers", "machine.security_updates",
        "machine.wifi", "machine.network.dns_servers",
    ]  # fmt: skip


class Device:
    """A card and a root file system."""

    def __init__(self, folder: Path) -> None:
        self.boot, self.root = folder / "boot", folder / "root"
        (self.boot / "credentials").mkdir(parents=True, exist_ok=True)
        (self.root / "etc").mkdir(parents=True, exist_ok=True)

    def card(self, text: str, **credentials: str) -> None:
        (self.boot / "maskgate.toml").write_text(text)
        for name, content in credentials.items():
            (self.boot / "credentials" / name.replace("_", "-")).write_text(content)

    def apply(self, verdict: ApplyVerdict = ApplyVerdict.APPLIED) -> list[str]:
        outcome = apply(self.boot, self.root)
        assert outcome.verdict is verdict, outcome
        return [*outcome.mistakes]

    def install(self, *programs: str) -> None:
        (self.root / "usr/sbin").mkdir(parents=True)
        for name in programs:
            (self.root / "usr/sbin" / name).touch()

    def put_in_force(
        self, *failing: str, enabled: frozenset[str] = frozenset()
    ) -> tuple[list[str], list[str]]:
        """Apply with programs, of which some fail; returns what was run and what is remarked."""
        ran: list[str] = []

        def run(*command: str) -> str:
            if command[:3] == ("systemctl", "is-enabled", "--quiet"):
                return "" if command[3] in enabled else "no"
            ran.append(" ".join(command))
            return next((f"{ran[-1]}: broken" for part in failing if part in ran[-1]), "")

        outcome = apply(self.boot, self.root, run)
        assert outcome.verdict is ApplyVerdict.APPLIED, outcome
        return ran, [*outcome.remarks]

    def snapshot(self) -> dict[str, object]:
        """All there is, but for when it was."""
        found: dict[str, object] = {
            f"{top.name}/{p.relative_to(top)}": p.read_bytes() if p.is_file() else str(p.readlink())
            for top in (self.boot, self.root)
            for p in top.rglob("*")
            if p.is_symlink() or p.is_file()
        }
        found.pop("root/var/lib/maskgate-machine/state.json", None)
        return {**found, "state": replace(load_state(self.root), when="")}


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)


@pytest.fixture
def applied(device: Device) -> Device:
    device.card(SERVICE + MQTT + MACHINE + WIFI, mqtt_password="s3cret\n")  # noqa: S106
    device.apply()
    return device


def test_each_service_gets_only_its_own_credentials() -> None:
    horn = '[speaker.webhook]\nurl = "http://horn.example/"\ntoken_file = "horn-token"\n'
    both: dict[str, Any] = {"mqtt-password": b"p", "horn-token": b"t"}
    drop_ins = {
        file.path.split("/")[4]: file.data.decode()
        for file in plan(SERVICE + MQTT + horn, **both).files
        if file.path.endswith("/50-maskgate-machine.conf")
    }
    line = "LoadCredential={0}:/etc/maskgate/credentials/{0}\n".format
    assert drop_ins == {
        "maskgate.service.d": "[Service]\n" + line("mqtt-password"),
        "maskgate-speaker.service.d": "[Service]\n" + line("mqtt-password") + line("horn-token"),
    }
    token: dict[str, Any] = {"horn-token": b"t"}
    only_horn = plan(SERVICE + horn, **token).files
    assert [f.path for f in only_horn if "machine.conf" in f.path] == [
        "/etc/systemd/system/maskgate-speaker.service.d/50-maskgate-machine.conf"
    ]


def test_the_device_gets_it_all_and_the_card_keeps_no_secret(applied: Device) -> None:
    root, etc = applied.root, applied.root / "etc"
    assert (etc / "maskgate/config.toml").read_text() == SERVICE + MQTT
    assert (etc / "maskgate/config.toml").stat().st_mode & 0o777 == 0o640
    assert load_config(etc / "maskgate/config.toml").site.device == "north-door"
    password = etc / "maskgate/credentials/mqtt-password"
    assert (password.read_text(), password.stat().st_mode & 0o777) == ("s3cret\n", 0o600)
    assert password.parent.stat().st_mode & 0o777 == 0o700
    for unit in ("maskgate", "maskgate-speaker"):
        drop_in = (etc / f"systemd/system/{unit}.service.d/50-maskgate-machine.conf").read_text()
        assert drop_in == "[Service]\nLoadCredential=mqtt-password:/etc/maskgate/credentials/mqtt-password\n"
    assert (etc / "localtime").readlink() == Path("/usr/share/zoneinfo/Asia/Jakarta")
    assert (root / "var/lib/maskgate-machine/state.json").stat().st_mode & 0o777 == 0o600
    assert (root / "var/lib/maskgate-machine").stat().st_mode & 0o777 == 0o700
    assert list((applied.boot / "credentials").iterdir()) == []
    text = (SERVICE + MQTT + MACHINE + WIFI).replace('passphrase = "pass phrase"', TAKEN_OVER)
    assert (applied.boot / "maskgate.toml").read_text() == text


def test_a_device_that_keeps_nothing_leaves_the_secrets_where_they_are(device: Device) -> None:
    (device.root / "run/maskgate-image").mkdir(parents=True)
    (device.root / "run/maskgate-image/volatile").touch()
    device.card(SERVICE + MQTT + WIFI, mqtt_password="s3cret\n")  # noqa: S106
    outcome = apply(device.boot, device.root)
    assert outcome.verdict is ApplyVerdict.APPLIED
    assert outcome.remarks[-1].startswith("the card keeps its secrets")
    assert (device.boot / "credentials/mqtt-password").read_text() == "s3cret\n"
    assert (device.boot / "maskgate.toml").read_text() == SERVICE + MQTT + WIFI
    shutil.rmtree(device.root)  # the power is cut, and the card is well again
    Device(device.boot.parent).apply()
    assert list((device.boot / "credentials").iterdir()) == []


def test_a_speakers_token_goes_the_same_way(device: Device) -> None:
    horn = '[speaker.webhook]\nurl = "https://horn.example.org/"\ntoken_file = "horn-token"\n'
    device.card(SERVICE + horn, horn_token="t0ken\n")  # noqa: S106
    device.apply()
    assert (device.root / "etc/maskgate/credentials/horn-token").read_text() == "t0ken\n"
    unit = device.root / "etc/systemd/system/maskgate-speaker.service.d/50-maskgate-machine.conf"
    assert unit.read_text() == "[Service]\nLoadCredential=horn-token:/etc/maskgate/credentials/horn-token\n"
    assert list((device.boot / "credentials").iterdir()) == []


def test_a_programs_user_gets_no_key_but_a_persons_and_our_own_do(device: Device) -> None:
    passwd = device.root / "etc/passwd"
    passwd.write_text("messagebus:x:101:101::/:/usr/sbin/nologin\npi:x:1000:1000::/home/pi:/bin/bash\n")
    device.card(SERVICE + MACHINE + 'ssh_user = "messagebus"\n')
    (message,) = device.apply(ApplyVerdict.REFUSED)
    assert message.startswith("machine.ssh_user: found 'messagebus', a user of the system")
    device.card(SERVICE + MACHINE + 'ssh_user = "pi"\n')
    device.apply()
    sysusers = (device.root / "etc/sysusers.d/maskgate-login.conf").read_text()
    passwd.write_text(f"pi:x:998:998:{sysusers.split(chr(34))[1]}:/home/pi:/bin/bash\n")
    device.card(SERVICE + MACHINE + 'ssh_user = "pi"\n# again\n')
    device.apply()


def test_what_fails_to_come_into_force_is_reported_and_tried_again_at_each_start(device: Device) -> None:
    device.install("sshd")
    device.card(SERVICE + MACHINE)
    units = "ssh.service maskgate.service maskgate-speaker.service"
    for _ in range(2):
        ran, remarks = device.put_in_force("daemon-reload")
        assert ran[-3:] == [
            "systemctl daemon-reload",
            f"systemctl enable {units}",
            f"systemctl --no-block restart {units}",
        ]
        assert remarks[-1] == "systemctl daemon-reload: broken"
        assert load_state(device.root).card == ""
    _, remarks = device.put_in_force()
    assert not [remark for remark in remarks if "broken" in remark]
    device.apply(ApplyVerdict.UNCHANGED)


def test_a_radio_that_fails_is_reported_and_not_tried_again(device: Device) -> None:
    device.install("iw", "rfkill", "wpa_supplicant")
    device.card(SERVICE + WIFI)
    _, remarks = device.put_in_force("iw reg set", "rfkill")
    assert [remark.split(" ")[0] for remark in remarks if "broken" in remark] == ["iw", "rfkill"]
    device.apply(ApplyVerdict.UNCHANGED)


def test_a_program_that_fails_is_reported_with_its_words() -> None:
    assert run_program("true") == ""
    assert run_program("false") == "false: exit code 1"
    message = run_program("ls", "/no/such")
    assert message.startswith("ls /no/such: ")
    assert message.endswith("cannot access '/no/such': No such file or directory")
    assert run_program("no-such-program", "x") == "no-such-program x: there is no such program"


def test_what_we_switched_on_is_switched_off_again_until_that_has_worked(device: Device) -> None:
    device.install("sshd")
    off = ["systemctl disable ssh.service", "systemctl --no-block stop ssh.service"]
    device.card(SERVICE + MACHINE)
    ran, _ = device.put_in_force()
    assert not {*off} & {*ran}
    device.card(SERVICE + "[machine]\n")
    for _ in range(2):
        ran, _ = device.put_in_force("disable ssh.service")
        assert [step for step in ran if step in off] == off
    ran, _ = device.put_in_force()
    assert [step for step in ran if step in off] == off
    device.card(SERVICE + "[machine]\n# more\n")
    ran, _ = device.put_in_force()
    assert not {*off} & {*ran}


def test_a_unit_that_somebody_else_switched_on_is_not_ours_to_switch_off(device: Device) -> None:
    device.install("sshd")
    device.card(SERVICE + MACHINE)
    device.put_in_force(enabled=frozenset({"ssh.service", "maskgate.service"}))
    assert load_state(device.root).units == ("maskgate.service", "maskgate-speaker.service")
    device.card(SERVICE + "[machine]\n")
    ran, _ = device.put_in_force(enabled=frozenset({"ssh.service"}))
    assert not [step for step in ran if "ssh" in step]


def test_secrets_that_can_not_be_removed_from_the_card_are_reported(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.card(SERVICE + WIFI)
    replace = os.replace

    def full(old: Path, new: Path) -> None:
        if new == device.boot / "maskgate.toml":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(old, new)

    monkeypatch.setattr(os, "replace", full)
    _, remarks = device.put_in_force()
    assert [remark.split(": ")[:2] for remark in remarks if "secrets" in remark] == [
        ["the card still holds secrets that are on the device by now", f"{device.boot}/maskgate.toml"]
    ]


def test_nothing_is_done_twice_and_certificates_stay(applied: Device) -> None:
    before = applied.snapshot()
    applied.apply(ApplyVerdict.UNCHANGED)
    assert applied.snapshot() == before
    applied.card((applied.boot / "maskgate.toml").read_text() + "# more\n")
    applied.apply()
    assert "psk=" in (applied.root / "etc/wpa_supplicant/wpa_supplicant-wlan0.conf").read_text()
    assert load_state(applied.root).psk == before["state"].psk  # type: ignore[attr-defined]


def test_what_nobody_wants_any_more_goes(applied: Device) -> None:
    (applied.root / "etc/systemd/network/20-other.network").touch()
    applied.card(SERVICE + '[machine]\nhost_name = "south-door"\n')
    applied.apply()
    etc = applied.root / "etc"
    assert {str(p.relative_to(etc)) for p in etc.rglob("*") if p.is_file() and not p.is_symlink()} == {
        "hostname", "hosts", "timezone", "maskgate/config.toml", "systemd/network/20-other.network",
    }  # fmt: skip
    assert load_state(applied.root).psk == {}


def test_a_card_that_was_cut_short_takes_no_network_away(applied: Device) -> None:
    before = applied.snapshot()
    whole = (applied.boot / "maskgate.toml").read_text()
    applied.card(SERVICE + MQTT)
    (mistake,) = applied.apply(ApplyVerdict.REFUSED)
    assert mistake.startswith(
        "machine: there is no [machine], and this device was set up with one: was the file cut"
    )
    applied.card(whole)
    assert applied.snapshot() == before
    applied.card(SERVICE + MQTT + "[machine]\n")
    applied.apply()
    assert load_state(applied.root).psk == {}


def test_a_card_that_speaks_of_the_machine_alone_leaves_the_service_alone(applied: Device) -> None:
    applied.card('[machine]\nhost_name = "south-door"\n')
    applied.apply()
    etc = applied.root / "etc"
    assert (etc / "maskgate/config.toml").read_text() == SERVICE + MQTT
    assert (etc / "maskgate/credentials/mqtt-password").exists()
    assert not (etc / "ssh").exists() or not list((etc / "ssh").rglob("maskgate*"))


def test_mistakes_change_nothing(applied: Device) -> None:
    before = applied.snapshot()
    text = (applied.boot / "maskgate.toml").read_text()
    applied.card(text.replace("source =", "sorce =").replace("Jakarta", "Djakarta"), mqtt_password="new")  # noqa: S106
    message = applied.apply(ApplyVerdict.REFUSED)
    assert [line.split(":")[0] for line in message] == ["camera.sorce", "machine.timezone"]
    (applied.boot / "credentials/mqtt-password").unlink()
    (applied.boot / "maskgate.toml").write_text(text)
    assert applied.snapshot() == before
    applied.card(text.replace("/dev/video0", "/srv/no.mp4"))
    (mistake,) = applied.apply(ApplyVerdict.REFUSED)
    assert mistake.startswith("camera.source: source '/srv/no.mp4': no such file")


def test_a_secret_that_was_forgotten_keeps_what_works_but_does_not_lock_a_fresh_device(
    device: Device,
) -> None:
    device.card(SERVICE + MQTT + MACHINE + WIFI)
    (message,) = device.apply(ApplyVerdict.INCOMPLETE)
    assert message.startswith(
        "credentials/mqtt-password: named by mqtt.password_file, and neither here nor on the device: put it"
    )
    assert (device.root / "etc/ssh/maskgate-authorized_keys").exists()
    assert not (device.root / "etc/systemd/system").exists()  # a unit would not start without it
    device.apply(ApplyVerdict.INCOMPLETE)  # and tells it again
    device.card((device.boot / "maskgate.toml").read_text(), mqtt_password="s3cret")  # noqa: S106
    device.apply()
    before = device.snapshot()
    device.card((device.boot / "maskgate.toml").read_text().replace('"mqtt-password"', '"other"'))
    (message,) = device.apply(ApplyVerdict.REFUSED)
    assert message.startswith("credentials/other: named by mqtt.password_file")
    device.card((device.boot / "maskgate.toml").read_text().replace('"other"', '"mqtt-password"'))
    assert device.snapshot() == before


def test_a_disk_that_is_full_is_named_and_tried_again(device: Device) -> None:
    device.card(SERVICE + MACHINE)
    (device.root / "etc/hostname").mkdir()
    (message,) = device.apply(ApplyVerdict.REFUSED)
    assert message == f"{device.root}/etc/hostname: can't be written: Is a directory"
    (device.root / "etc/hostname").rmdir()
    device.apply()


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder where waiting for the disk takes no time."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


class PowerCut(BaseException):
    """Nothing is done after it."""


@pytest.fixture
def power(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many changes to a file system's names the power lasts for."""
    left = [1_000_000]

    def failing(name: str) -> None:
        real = getattr(os, name)

        def call(*args: object, **kwargs: object) -> object:
            if left[0] <= 0:
                raise PowerCut
            left[0] -= 1
            return real(*args, **kwargs)

        monkeypatch.setattr(os, name, call)

    for name in ("replace", "unlink", "symlink"):
        failing(name)
    yield left
    left[0] = 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("first", [True, False], ids=["fresh", "in force"])
def test_a_power_cut_at_any_point_is_made_good_at_the_next_start(
    memory: Path, power: list[int], *, first: bool
) -> None:
    before = Device(memory / "before")
    if not first:
        before.card(SERVICE + MQTT + WIFI.replace("Büro", "old") + NETWORK, mqtt_password="old")  # noqa: S106
        before.apply()

    def begin(name: str) -> Device:
        shutil.copytree(memory / "before", memory / name, symlinks=True)
        device = Device(memory / name)
        device.card(SERVICE + MQTT + MACHINE + WIFI, mqtt_password="s3cret\n")  # noqa: S106
        return device

    whole = begin("whole")
    whole.apply()
    wanted, cuts = whole.snapshot(), 0
    while True:
        device = begin(f"cut-{cuts}")
        power[0] = cuts
        try:
            device.apply()
            done = True
        except PowerCut:
            done = False
        power[0] = 1_000_000
        outcome = apply(device.boot, device.root)
        assert outcome.verdict in {ApplyVerdict.APPLIED, ApplyVerdict.UNCHANGED}, (cuts, outcome)
        assert device.snapshot() == wanted, cuts
        shutil.rmtree(device.boot.parent)
        if done:
            break
        cuts += 1
    assert cuts > 15


def test_after_a_power_cut_the_card_of_before_is_not_taken_for_what_is_in_force(
    memory: Path, power: list[int]
) -> None:
    device = Device(memory)
    device.card(old := SERVICE + MACHINE)
    device.apply()
    whole = device.snapshot()
    device.card(SERVICE + MACHINE.replace("north-door", "south-door"))
    for cuts in range(100):
        power[0] = cuts
        with pytest.raises(PowerCut):
            device.apply()
        if (device.root / "etc/hostname").read_text() == "south-door\n":
            break
    power[0] = 1_000_000
    device.card(old)
    device.apply()
    assert device.snapshot() == whole


@pytest.mark.slow
def test_after_a_power_cut_nothing_is_left_that_nobody_wants(memory: Path, power: list[int]) -> None:
    cuts, done = 0, False
    while not done:
        device = Device(memory / f"cut-{cuts}")
        device.card(MACHINE + WIFI + NETWORK)
        power[0] = cuts
        try:
            device.apply()
            done = True
        except PowerCut:
            cuts += 1
        power[0] = 1_000_000
        device.card('[machine]\nhost_name = "x"\ntimezone = "UTC"\n')
        device.apply()
        left = {p.name for p in (device.root / "etc").rglob("*") if not p.is_dir()}
        assert left == {"hostname", "hosts", "localtime", "timezone"}, cuts
    assert cuts > 15


def test_the_digest_changes_with_whatever_counts(device: Device) -> None:
    device.card("a = 1\n", one="1")
    first = read_card(device.boot)
    device.card("a = 1\n", one="2")
    second = read_card(device.boot)
    device.card("a = 1\n", two="")
    third = read_card(device.boot)
    assert first
    assert second
    assert third
    assert len({first.digest, second.digest, third.digest}) == 3
