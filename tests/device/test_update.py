"""Updates on a machine that boots: a good one stays, a bad one is taken back, a forged one is refused."""

import contextlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from debian import Machine, done, eventually, program
from releases import Key, make_key, serving

from edge.update.bundle import pack
from edge.update.make_bundle import from_models

if TYPE_CHECKING:
    from conftest import Lab, Ops

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_S = 300.0
"""To unpack and compile two hundred megabytes takes this long."""


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("key"), "ops")


@pytest.fixture(scope="session")
def shelf(lab: "Lab", key: Key, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bundles made of the package: 0.2.0 has another version, the service of 0.3.0 fails, 0.4.0 is forged."""
    folder, tree = tmp_path_factory.mktemp("shelf"), tmp_path_factory.mktemp("tree") / "tree"
    done("dpkg-deb", "--extract", lab.deb("bookworm"), tree)
    application = tree / "usr/lib/maskgate"
    release = json.loads((application / "release.json").read_text())
    commands = application / "edge/cli/run.py"
    works, breaks = commands.read_text(), '    raise RuntimeError("this release does not work")\n'
    for version in ("0.2.0", "0.3.0"):
        (application / "release.json").write_text(json.dumps({**release, "version": version}))
        about = application / "edge/__init__.py"
        about.write_text(re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', about.read_text()))
        if version == "0.3.0":
            commands.write_text(works.replace("    last = this_run()", f"{breaks}    last = this_run()"))
            assert breaks in commands.read_text()
        bundle = pack(application, folder, preset=0)
        key.sign(bundle)
        bundle.rename(folder / f"{version}.bundle")
        bundle.with_name(f"{bundle.name}.minisig").rename(folder / f"{version}.bundle.minisig")
    shutil.copy(folder / "0.3.0.bundle", folder / "0.4.0.bundle")
    with (folder / "0.4.0.bundle").open("r+b") as forged:
        forged.seek(1_000_000)
        forged.write(b"forged")
    shutil.copy(folder / "0.3.0.bundle.minisig", folder / "0.4.0.bundle.minisig")
    with serving(folder, []) as url:
        yield url


def send_command(ops: "Ops", *words: str) -> None:
    """Send a command as the ops centre does."""
    command = (sys.executable, "-m", "edge.cli", "command", "lab/gate-1", *words)
    done(*command, "--broker", f"127.0.0.1:{ops.port}", cwd=REPOSITORY)


def status(machine: Machine) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(machine.run("maskgate", "update", "status", "--json"))
    return status


def application(machine: Machine) -> str:
    """The version in use; empty while the machine is not running."""
    answer = machine.run("maskgate", "update", "status", "--json", check=False)
    return str(json.loads(answer)["application"]) if answer else ""


def journal(machine: Machine, unit: str) -> str:
    return machine.run("journalctl", f"--unit={unit}", "--output=cat")


@pytest.fixture
def at_work(machine: Machine, ops: "Ops", key: Key, lab: "Lab") -> Machine:
    """A running machine with frames for the whole test, a trusted key, and newer models on its card."""
    loop = (program("ffmpeg", "ffmpeg"), "-v", "error", "-stream_loop", "60", "-i", lab.clip, "-c", "copy")
    done(*loop, machine.root / "srv/long.mp4")
    text = f"""
[site]
id = "lab"
[camera]
source = "/srv/long.mp4"
[mqtt]
host = "127.0.0.1"
port = {ops.port}
[update]
health_s = 2.0
"""
    (machine.root / "etc/maskgate/config.toml").write_text(text)
    folder = machine.root / "etc/systemd/system/maskgate.service.d"
    folder.mkdir(parents=True)
    (folder / "test.conf").write_text("[Service]\nRestartSec=100ms\n")
    shutil.copy(key.public, machine.root / "etc/maskgate/update-keys")
    card = machine.root / "boot/firmware"
    card.mkdir(parents=True)
    key.sign(from_models(REPOSITORY / "models", card, "1.9.0", preset=0))
    machine.root.run("systemctl", "enable", "maskgate")
    ops.listen()
    machine.start()
    return machine


def test_a_good_update_stays_a_bad_one_is_taken_back_and_a_forged_one_is_refused(
    at_work: Machine, ops: "Ops", shelf: str, lab: "Lab"
) -> None:
    ops.hear("info", releases={"application": "0.1.0", "models": "1.9.0", "on_trial": True})
    ops.hear("event", type="update.finished", version="1.9.0")
    assert status(at_work)["models"] == "1.9.0"

    send_command(ops, "update", f"url={shelf}/0.2.0.bundle", "version=0.2.0")
    eventually((at_work.root / "var/lib/maskgate-update/staging/tree/edge").is_dir, PATIENCE_S)
    at_work.cut_power()  # during the installation
    assert not (at_work.root / "var/lib/maskgate-update/releases/application-0.2.0").exists()
    at_work.start()
    lab.measured(
        "power-on to an update that was cut off, s",
        eventually(lambda: application(at_work) == "0.2.0", PATIENCE_S),
    )
    ops.hear("info", releases={"application": "0.2.0", "models": "1.9.0", "on_trial": True})
    ops.hear("event", type="update.finished", version="0.2.0")

    send_command(ops, "update", f"url={shelf}/0.3.0.bundle", "version=0.3.0")
    lab.measured(
        "update requested to switched, s", eventually(lambda: application(at_work) == "0.3.0", PATIENCE_S)
    )
    lab.measured(
        "switched to what does not work, and back, s",
        eventually(lambda: application(at_work) == "0.2.0", PATIENCE_S),
    )
    returned = ops.hear("event", type="update.returned", version="0.3.0", in_use="0.2.0")
    assert "it was started 3 times" in returned["data"]["reason"]
    assert "this release does not work" in journal(at_work, "maskgate")

    send_command(ops, "update", f"url={shelf}/0.4.0.bundle", "version=0.4.0")
    failed = ops.hear("event", type="update.failed", version="0.4.0")
    assert "its signature is not valid" in failed["data"]["reason"]
    assert "its signature is not valid" in journal(at_work, "maskgate-update")
    assert any("0.4.0 failed" in problem for problem in ops.hear("health")["problems"])
    assert "0.4.0 failed: " in status(at_work)["last"]

    send_command(ops, "rollback")
    ops.hear("event", type="update.returned", version="0.2.0", in_use="0.1.0")
    with contextlib.closing(
        type(ops)(ops.port, None, "")
    ) as later:  # a subscriber that connects only now gets it too
        later.listen()
        later.hear("info", releases={"application": "0.1.0", "models": "1.9.0", "on_trial": False})
    assert status(at_work)["given_up"].keys() == {"application-0.2.0", "application-0.3.0"}
    assert at_work.state() == "active"
    assert at_work.run("systemctl", "--failed", "--plain", "--no-legend").split()[:1] in (
        [],
        ["maskgate-update.service"],
    )  # fmt: skip  because of the forged update
