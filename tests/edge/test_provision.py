"""``maskgate provision`` on a folder that looks like a card's boot partition."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import edge.cli
from edge.errors import StoreError
from edge.provision import firstboot
from edge.provision.package import DebianPackage
from edge.provision.partition import read_partition
from edge.provision.provisioning import check

CMDLINE = "console=serial0,115200 root=PARTUUID=4a2f-02 rootfstype=ext4 fsck.repair=yes rootwait"
RUN = "systemd.run=/boot/firmware/maskgate-install.sh"
THEN = "systemd.run_success_action=reboot systemd.unit=kernel-command-line.target"
IMAGERS = f"systemd.run=/boot/firmware/firstrun.sh {THEN}"
CONFIG = """\
[site]
id = "headquarters"
device = "north-door"
[camera]
source = "rtsp://camera/stream"
[mqtt]
host = "broker"
ca_file = "ca.pem"
[machine]
host_name = "north-door"
"""


@pytest.fixture
def trixie(tmp_path: Path) -> Path:
    """A card with Raspberry Pi OS 13, as it is flashed."""
    boot = bookworm_in(tmp_path, "2025-12-04")
    (boot / "user-data").write_text("#cloud-config\n# examples\n#bootcmd:\n")
    (boot / "meta-data").write_text("instance_id: rpios-image\n")
    (boot / "network-config").write_text("# examples\n")
    return boot


@pytest.fixture
def bookworm(tmp_path: Path) -> Path:
    """A card with Raspberry Pi OS 12, as it is flashed."""
    return bookworm_in(tmp_path, "2024-11-19")


def bookworm_in(folder: Path, day: str) -> Path:
    boot = folder / "bootfs"
    boot.mkdir()
    (boot / "cmdline.txt").write_text(CMDLINE)
    (boot / "issue.txt").write_text(f"Raspberry Pi reference {day}\nGenerated using pi-gen\n")
    for name in ("config.txt", "kernel8.img"):
        (boot / name).touch()
    return boot


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "mine" / "north door.toml"
    (file.parent / "credentials").mkdir(parents=True)
    file.write_text(CONFIG)
    ca = file.parent / "credentials" / "ca.pem"
    command = ("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=test", "-days", "9")
    subprocess.run([*command, "-keyout", "/dev/null", "-out", ca], check=True, capture_output=True)
    return file


def deb(folder: Path, name: str = "maskgate_0.1.0+deb13_arm64.deb") -> Path:
    """Make a small file that looks like a complete package: an archive of two members."""
    path = folder / name
    members = (("debian-binary", b"2.0\n"), ("data.tar", b"12345"))
    path.write_bytes(
        b"!<arch>\n"
        + b"".join(
            b"%-16s%-32s%-10d`\n" % (member.encode(), b"", len(data)) + data + b"\n" * (len(data) % 2)
            for member, data in members
        )
    )
    return path


Provision = Callable[..., tuple[int, str]]


@pytest.fixture
def provision(config: Path, capsys: pytest.CaptureFixture[str]) -> Provision:
    """Runs the command; returns its exit code and its output."""

    def run(boot: Path, package: Path, *more: str) -> tuple[int, str]:
        what = ("--boot", str(boot), "--config", str(config), "--deb", str(package))
        code = edge.cli.program._run(edge.cli.program.build_parser().parse_args(["provision", *what, *more]))
        output = capsys.readouterr()
        return code, output.out + output.err

    return run


def files(boot: Path) -> dict[str, bytes]:
    return {str(p.relative_to(boot)): p.read_bytes() for p in sorted(boot.rglob("*")) if p.is_file()}


def test_a_current_card_gets_vendor_data_and_keeps_the_rest(
    provision: Provision, trixie: Path, config: Path, tmp_path: Path
) -> None:
    package, before = deb(tmp_path), files(trixie)
    code, output = provision(trixie, package)
    assert code == 0
    written = {name: data for name, data in files(trixie).items() if before.get(name) != data}
    assert written == {
        "maskgate.toml": config.read_bytes(),
        "credentials/ca.pem": (config.parent / "credentials/ca.pem").read_bytes(),
        package.name: package.read_bytes(),
        "maskgate-install.sh": firstboot.script(),
        "vendor-data": firstboot.VENDOR_DATA.encode(),
    }
    assert "ready for cloud-init" in output
    assert output.index("write maskgate-install.sh") < output.index(
        "write vendor-data"
    )  # which starts it all
    assert firstboot.VENDOR_DATA.splitlines()[-1] == "  - [sh, /boot/firmware/maskgate-install.sh]"


def test_an_older_card_gets_the_first_run_script(
    provision: Provision, bookworm: Path, tmp_path: Path
) -> None:
    package = deb(tmp_path, "maskgate_0.1.0+deb12_arm64.deb")
    assert provision(bookworm, package)[0] == 0
    assert (bookworm / "cmdline.txt").read_text() == f"{CMDLINE} {RUN} {THEN}\n"
    assert not (bookworm / "vendor-data").exists()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{CMDLINE}\n", f"{CMDLINE} {RUN} {THEN}\n"),
        (f"{CMDLINE} {RUN} {THEN}\n", f"{CMDLINE} {RUN} {THEN}\n"),
        (f"{CMDLINE} {IMAGERS}", f"{CMDLINE} {RUN} {IMAGERS}\n"),
        (f"{CMDLINE} {RUN} {IMAGERS}\n", f"{CMDLINE} {RUN} {IMAGERS}\n"),
    ],
)
def test_the_kernels_command_line_stays_one_line(before: str, after: str) -> None:
    assert firstboot.with_first_run(before) == after


def test_a_card_can_be_provisioned_again(provision: Provision, trixie: Path, tmp_path: Path) -> None:
    assert provision(trixie, deb(tmp_path))[0] == 0
    (trixie / "maskgate-report.txt").write_text("the old report")
    (trixie / "maskgate_0.0.9+deb13_arm64.deb").touch()
    assert provision(trixie, deb(tmp_path))[0] == 0
    assert not (trixie / "maskgate-report.txt").exists()
    assert [p.name for p in trixie.glob("*.deb")] == ["maskgate_0.1.0+deb13_arm64.deb"]


def test_a_style_can_be_asked_for(provision: Provision, bookworm: Path, tmp_path: Path) -> None:
    package = deb(tmp_path, "maskgate_0.1.0+deb12_arm64.deb")
    assert provision(bookworm, package, "--style", "cloud-init")[0] == 0
    assert all((bookworm / name).is_file() for name in ("user-data", "meta-data", "vendor-data"))
    assert (bookworm / "cmdline.txt").read_text() == CMDLINE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("maskgate_0.1.0+deb13_amd64.deb", "is for amd64; a Raspberry Pi needs arm64"),
        ("maskgate_0.1.0+deb12_arm64.deb", "is for release 12; .* holds Raspberry Pi OS 13.*RELEASE=trixie"),
        ("maskgate (1).deb", "its name does not say what it is for"),
    ],
)
def test_a_package_that_does_not_fit_is_refused(
    provision: Provision, trixie: Path, tmp_path: Path, name: str, text: str
) -> None:
    before = files(trixie)
    code, output = provision(trixie, deb(tmp_path, name))
    assert code == 2
    assert re.search(text, output)
    assert files(trixie) == before


def test_a_damaged_package_is_refused(provision: Provision, trixie: Path, tmp_path: Path) -> None:
    package = deb(tmp_path)
    package.write_bytes(package.read_bytes()[:-1])
    code, output = provision(trixie, package)
    assert code == 2
    assert "is damaged or not a complete Debian package" in output


def test_a_folder_that_is_not_a_boot_partition_is_named(
    provision: Provision, bookworm: Path, config: Path, tmp_path: Path
) -> None:
    package = deb(tmp_path, "maskgate_0.1.0+deb12_arm64.deb")
    code, output = provision(config.parent, package)
    assert code == 2
    assert "cmdline.txt, config.txt, issue.txt not found" in output
    (bookworm / "kernel7.img").touch()
    code, output = provision(bookworm, package)
    assert code == 2
    assert "32-bit" in output
    (bookworm / "issue.txt").write_text("Another system\n")
    code, output = provision(bookworm, package)
    assert code == 2
    assert "is not Raspberry Pi OS: issue.txt says 'Another system'" in output


def test_mistakes_in_the_file_are_all_listed_and_nothing_is_written(
    provision: Provision, trixie: Path, config: Path, tmp_path: Path
) -> None:
    before = files(trixie)
    config.write_text(CONFIG.replace("host_name", "hostname").replace('id = "headquarters"', ""))
    code, output = provision(trixie, deb(tmp_path))
    assert code == 78
    assert "site.id: missing" in output
    assert "machine.hostname: unknown key" in output
    assert files(trixie) == before


def test_a_missing_credential_is_a_mistake(
    provision: Provision, trixie: Path, config: Path, tmp_path: Path
) -> None:
    (config.parent / "credentials/ca.pem").unlink()
    code, output = provision(trixie, deb(tmp_path))
    assert code == 78
    assert "credentials/ca.pem: named by mqtt.ca_file" in output


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("user-data", "#cloud-config\nbootcmd:\n  - ls\n", "its own bootcmd would replace that of maskgate"),
        ("user-data", "#cloud-config\nvendor_data: {enabled: false}\n", "its own vendor_data would replace"),
        ("vendor-data", "#cloud-config\n", "another program wrote it"),
    ],
)
def test_a_file_that_would_prevent_cloud_init_is_named(
    provision: Provision, trixie: Path, tmp_path: Path, name: str, text: str, why: str
) -> None:
    (trixie / name).write_text(text)
    code, output = provision(trixie, deb(tmp_path))
    assert code == 2
    assert why in output


def test_a_full_card_is_named(trixie: Path, config: Path, tmp_path: Path) -> None:
    package = DebianPackage(deb(tmp_path), debian=13, arch="arm64", size_bytes=10**15)
    with pytest.raises(StoreError, match=r"bootfs: \d+ MB free, but 1000000004 MB are needed: remove what"):
        check(read_partition(trixie), package, config)


class FirstStart:
    """The script on a boot partition, with small scripts in place of Debian's tools."""

    def __init__(self, folder: Path) -> None:
        self.boot, self.tools, self.called = folder / "boot", folder / "tools", folder / "called"
        self.boot.mkdir()
        self.tools.mkdir()
        self.called.touch()
        self.script = self.boot / firstboot.SCRIPT
        text = firstboot.script().decode().replace("PATH=", f"PATH={self.tools}:", 1)
        self.script.write_text(text.replace("log=/run/", f"log={folder}/", 1))
        for tool in ("dpkg", "apt-get", "systemctl"):
            self.replace_tool(tool, f'echo {tool} "$@" >>{self.called}')
        self.replace_tool("dpkg-query", "exit 1")

    def replace_tool(self, tool: str, text: str) -> None:
        (self.tools / tool).write_text(f"#!/bin/sh\n{text}\n")
        (self.tools / tool).chmod(0o755)

    def run(self) -> str:
        subprocess.run(["sh", self.script], check=True, capture_output=True, timeout=30)
        return self.called.read_text()


@pytest.fixture
def started(tmp_path: Path) -> FirstStart:
    return FirstStart(tmp_path)


@pytest.mark.parametrize("status", ["", "deinstall ok config-files", "install ok half-configured"])
def test_a_package_that_is_not_installed_completely_is_installed(started: FirstStart, status: str) -> None:
    (started.boot / "cmdline.txt").write_text(CMDLINE)
    package = deb(started.boot)
    started.replace_tool("dpkg-query", f"printf %s '{status}'")
    assert re.search(rf"^apt-get .*install .*{re.escape(package.name)}$", started.run(), re.MULTILINE)
    assert not package.exists()
    assert (started.boot / "cmdline.txt").read_text() == CMDLINE


def test_an_installed_maskgate_is_not_replaced_by_what_lies_on_the_card(started: FirstStart) -> None:
    (started.boot / "cmdline.txt").write_text(f"{CMDLINE} systemd.run={started.script} {THEN}\n")
    deb(started.boot)
    started.replace_tool("dpkg-query", "printf %s 'install ok installed'")
    assert started.run() == ""
    assert (
        started.boot / "cmdline.txt"
    ).read_text() == f"{CMDLINE}\n"  # without this it would restart for ever


def test_a_missing_command_line_is_not_created(started: FirstStart) -> None:
    started.run()
    assert not (started.boot / "cmdline.txt").exists()


def test_a_command_line_without_a_root_is_not_written(started: FirstStart) -> None:
    before = f"x systemd.run={started.script} {THEN}\n"
    (started.boot / "cmdline.txt").write_text(before)
    started.run()
    assert (started.boot / "cmdline.txt").read_text() == before


def test_the_script_is_valid_for_any_shell() -> None:
    script = Path(firstboot.__file__).with_name(firstboot.SCRIPT)
    subprocess.run(["sh", "-n", script], check=True)
