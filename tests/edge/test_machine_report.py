"""The answer on the boot partition, and what the service says of it in ``health``."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli.program import _run, build_parser
from edge.machine import inspection
from edge.machine.applier import apply
from edge.machine.apply_result import ApplyResult, ApplyVerdict, keep_outcome, kept_outcome, tell_service
from edge.machine.boot import writable, write_if_changed
from edge.machine.card_files import CardFiles
from edge.machine.report import compose, differs, encoded, warnings
from edge.machine.wanted import KnownSecrets, read
from edge.service.device_state import machine_problems

EXAMPLE = Path(__file__).resolve().parents[2] / "systemd/maskgate.toml"
GOOD = '[site]\nid = "hq"\ndevice = "north-door"\n[camera]\nsource = "/dev/video3"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine with one camera that is not the configured one."""
    root = tmp_path / "root"
    for name, text in {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/device-tree/serial-number": "10000000abcdef01\0",
        "sys/class/video4linux/video0/name": "USB Camera\n",
        "sys/class/video4linux/video0/index": "0\n",
        "sys/class/video4linux/video1/name": "USB Camera\n",
        "sys/class/video4linux/video1/index": "1\n",
        "sys/class/video4linux/video10/name": "bcm2835-codec-decode\n",
        "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    folder = tmp_path / "boot"
    folder.mkdir()
    return folder


def report(root: Path, boot: Path) -> str:
    return compose(apply(boot, root), root, boot, services=False)


def test_it_answers_what_somebody_with_the_card_asks(root: Path, boot: Path) -> None:
    (boot / "maskgate.toml").write_text(GOOD)
    text = report(root, boot)
    assert re.search(r"^maskgate \S+: the state of this device\nWritten \d{4}-\d\d-\d\d \d\d:\d\d UTC", text)
    assert "maskgate.toml was applied at this start\n------" in text
    assert "This device is maskgate/v1/hq/north-door." in text
    camera = "- camera.source is /dev/video3, which does not exist; these are: /dev/video0 (USB Camera)\n"
    assert camera in text
    assert "Raspberry Pi 4 Model B Rev 1.4, serial number 10000000abcdef01, id " in text
    assert "Debian GNU/Linux 12 (bookworm)" in text
    (root / "dev").mkdir()
    (root / "dev/video3").touch()
    assert "which does not exist" not in report(root, boot)


def test_every_mistake_is_in_it_and_what_stays_in_force(root: Path, boot: Path) -> None:
    file = boot / "maskgate.toml"
    file.write_text("[mqtt]\nprot = 1\n[machine.wifi]\nssid = 'x'\npassphrase = 's3cret!'\n")
    text = report(root, boot)
    assert "maskgate.toml was NOT applied\n" in text
    assert "5 mistakes to correct:\n- " in text
    assert all(f"- {key}: " in text for key in ("mqtt.prot", "machine.wifi.passphrase", "site.id"))
    assert "s3cret" not in text
    assert "Nothing is in force yet. Correct the file" in text
    file.write_text(GOOD)
    report(root, boot)
    file.write_text("[site\n")
    text = report(root, boot)
    assert "1 mistake to correct:\n- maskgate.toml: not valid TOML" in text
    assert re.search(r"What was applied on \d{4}-\S+ stays in force\.", text)
    file.unlink()
    assert "maskgate.toml is not on the card\n" in report(root, boot)


def test_the_card_is_written_when_something_changed_only(root: Path, boot: Path) -> None:
    text = compose(ApplyResult(ApplyVerdict.NONE), root, boot, services=False)
    assert differs(boot, text)
    write_if_changed(boot / "maskgate-report.txt", encoded(text))
    assert b"\r\n" in (boot / "maskgate-report.txt").read_bytes()
    later = re.sub(
        r"Written .*", "Written 2030-01-01 00:00 UTC", re.sub(r"[\d.]+ GB free", "1.1 GB free", text)
    )
    assert later != text
    assert not differs(boot, later)
    assert differs(boot, text + "- something else\n")


def test_a_card_that_is_small_or_full_is_reported(
    root: Path, boot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(root)

    def small(_path: object) -> os.statvfs_result:
        return os.statvfs_result([4096, 4096, 300_000, 100, 100, *real[5:]])

    assert [*inspection.disks(root, boot)] == []
    monkeypatch.setattr(os, "statvfs", small)
    assert [line.split(":")[0] for line in inspection.disks(root, boot)] == [
        "the card is too small", "the disk is full", f"the boot partition {boot} is full",
    ]  # fmt: skip


def test_what_the_image_found_at_the_start_is_in_the_report_and_in_health(
    root: Path, boot: Path, tmp_path: Path
) -> None:
    notes = root / "run/maskgate-image/notes"
    notes.parent.mkdir(parents=True)
    notes.write_text("The data partition can't be used.\n")
    assert "Warnings\n--------\n- The data partition can't be used.\n" in report(root, boot)
    tell_service(warnings(root, boot), tmp_path / "run")
    assert "The data partition can't be used." in machine_problems(tmp_path / "run/problems")
    notes.write_text("")
    assert warnings(root, boot) == []


def test_a_32_bit_system_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert [*inspection.architecture()] == []
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "maskgate was not made for the processor riscv64" in "".join(inspection.architecture())
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert "this is a 32-bit system" in "".join(inspection.architecture())


def test_health_says_what_the_card_has_wrong(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert machine_problems(folder / "problems") == []
    assert kept_outcome(folder) is None
    outcome = ApplyResult(ApplyVerdict.REFUSED, ("mqtt.prot: unknown\nkey",), ("a",), in_force=True)
    keep_outcome(outcome, folder)
    assert kept_outcome(folder) == outcome
    tell_service(outcome.problems, folder)
    (message,) = machine_problems(folder / "problems")
    assert message.startswith("maskgate.toml on the card was not applied (what was applied before stays in")
    assert message.endswith("force): mqtt.prot: unknown key")
    assert (folder.stat().st_mode & 0o777, (folder / "problems").stat().st_mode & 0o777) == (0o755, 0o644)
    tell_service([f"problem {n}" for n in range(30)], folder)
    many = machine_problems(folder / "problems")
    assert (len(many), many[-1]) == (21, "and 10 more, in the report on the boot partition")


def test_the_file_to_start_from_is_fine_with_all_of_it_switched_on() -> None:
    read(CardFiles(EXAMPLE.read_bytes(), {}), KnownSecrets({}, {}))
    text = re.sub(r"^# (?=\[|[a-z_]+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    text = text.replace('host = "localhost"\n', "").replace(
        "AAAA... ", "AAAAC3NzaC1lZDI1NTE5AAAAIMrjkCXFTGKJt5qaAFWK/K59WUJLYPXvMMToIUG9l1Pt "
    )
    text = text.replace("RWQ...", base64.b64encode(b"Ed" + bytes(40)).decode())
    wanted = read(CardFiles(text.encode(), {}), KnownSecrets({}, {}))
    assert wanted.config.machine.network is not None
    assert wanted.config.machine.wifi is not None
    assert len(wanted.missing) == 5


@pytest.fixture(params=["vfat", "ext2"])
def partition(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A real one that is mounted read-only; not every kernel can do FAT."""
    image, folder = tmp_path / "image", tmp_path / "partition"
    folder.mkdir()
    image.write_bytes(bytes(8_000_000))
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a file system")
    subprocess.run([f"/usr/sbin/mkfs.{request.param}", image], check=True, capture_output=True)
    subprocess.run(["modprobe", "-q", request.param], check=False)
    if not re.search(rf"\b{request.param}$", Path("/proc/filesystems").read_text(), re.MULTILINE):
        pytest.skip(
            f"NOT TESTED ON THIS MACHINE: its kernel can't do {request.param}; `make boot-test` does it"
        )
    subprocess.run(["mount", "-o", "loop", "-t", request.param, image, folder], check=True)
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_file_system_that_is_not_there_is_not_made(
    boot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (boot / "maskgate.toml").write_text(GOOD)
    nowhere = tmp_path / "rotfs"
    command = build_parser().parse_args(["machine", "apply", "--boot", str(boot), "--root", str(nowhere)])
    assert _run(command) == 1
    assert f"{nowhere}: no such folder: give the root of a file system as --root" in capsys.readouterr().err
    assert not nowhere.exists()


def test_the_journal_gets_the_warnings_of_the_report(
    root: Path, boot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "run/maskgate-image").mkdir(parents=True)
    (root / "run/maskgate-image/notes").write_text("The data partition was made anew.\n")
    (boot / "maskgate.toml").write_text(GOOD)
    command = build_parser().parse_args(["machine", "apply", "--boot", str(boot), "--root", str(root)])
    assert _run(command) == 0
    message = capsys.readouterr().out.splitlines()
    assert message[0] == "maskgate.toml was applied at this start"
    assert "- The data partition was made anew." in message[1:]


def test_a_card_that_is_mounted_read_only_is_so_again_after_it(partition: Path, root: Path) -> None:
    with writable(partition):
        (partition / "credentials").mkdir()
        (partition / "maskgate.toml").write_text(
            GOOD + '[mqtt]\nusername = "x"\npassword_file = "p"\n[machine.wifi]\nssid = "x"\ncountry = "ID"\n'
            'passphrase = "pass phrase"\n'
        )
        (partition / "credentials/p").write_text("s3cret word")
    command = build_parser().parse_args(["machine", "apply", "--boot", str(partition), "--root", str(root)])
    assert _run(command) == 0
    assert os.statvfs(partition).f_flag & os.ST_RDONLY
    assert sorted(p.name for p in partition.iterdir() if p.name != "lost+found") == [
        "credentials",
        "maskgate-report.txt",
        "maskgate.toml",
    ]
    assert list((partition / "credentials").iterdir()) == []
    disk = (partition.parent / "image").read_bytes()
    assert b"the state of this device" in disk
    assert b"pass phrase" not in disk
    assert b"s3cret word" not in disk
