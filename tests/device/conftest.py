"""Our package, a clean Debian to install it into, a machine to boot with it, and ops to hear of that.

The Debian is made once, by mmdebstrap, and kept in ``build/device``: 12, or what a test asks for as its
parameter ``release``. Where root, or systemd-nspawn, can't
work, these tests are skipped, and the end of the report says so in full.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import paho.mqtt.client as paho
import pytest
from debian import APART, WAIT_S, Machine, Root, done, layered, program, unpacked
from mosquitto import Mosquitto
from ops_room import leave
from paho.mqtt.enums import CallbackAPIVersion

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP = REPOSITORY / "edge" / "demo" / "clip" / "visitors.mp4"
CONFIG = REPOSITORY / "systemd" / "units" / "config.toml"
_untested: set[str] = set()
_figures: dict[str, float] = {}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason in sorted(_untested):
        terminalreporter.section("NOT TESTED ON THIS MACHINE", red=True, bold=True)
        terminalreporter.line(reason)
    if _figures:
        terminalreporter.section("measured on the device")
        for name, value in _figures.items():
            terminalreporter.line(f"{name}: {value:.1f}")


def not_here(reason: str) -> None:
    _untested.add(reason)
    pytest.skip(reason)


class Lab:
    """What the tests are made with; what takes long is made once for all of them."""

    kept, clip = REPOSITORY / "build" / "device", CLIP

    def __init__(self, scratch: Callable[[str], Path], ends: contextlib.ExitStack) -> None:
        self._scratch, self._ends = scratch, ends
        self._debs: dict[str, Path] = {}
        self._clean: dict[str, Root] = {}
        self._installed: dict[str, Root] = {}

    def measured(self, name: str, value: float) -> None:
        """For the end of the report."""
        _figures[name] = value

    def need_root(self, what: str) -> None:
        if os.geteuid() != 0:
            not_here(f"{what}: that needs root (sudo make test)")
        mount = (*APART, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
        tried = subprocess.run(mount, check=False, capture_output=True, text=True)
        if tried.returncode != 0:
            not_here(f"{what}: root may not do everything here: {tried.stderr.strip()}")

    def mmdebstrap(self, *arguments: str | Path) -> None:
        self.kept.mkdir(parents=True, exist_ok=True)
        done(program("mmdebstrap", "mmdebstrap"), "--quiet", *arguments)

    def debian(self, arch: str, packages: list[str], release: str = "bookworm") -> Path:
        """A tar file of a Debian with these packages; made once."""
        self.need_root("The package was not installed into a clean Debian")
        wanted = ",".join(sorted(packages))
        tar = self.kept / f"{release}-{arch}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}.tar"
        if not tar.exists():
            raw = tar.with_suffix(".part.tar")
            options = (f"--arch={arch}", "--variant=minbase", f"--include={wanted}", "--skip=check/qemu")
            self.mmdebstrap(*options, release, raw)
            raw.rename(tar)
        return tar

    def built(
        self, arch: str, out: Path, release: str = "bookworm", python: Path = Path(sys.executable)
    ) -> Path:
        """Our package, made by the command that people use."""
        build = (python, "-m", "systemd.package.build_deb", "--release", release)
        done(*build, "--arch", arch, "--out", out, cwd=REPOSITORY)
        return next(out.glob(f"maskgate_*_{arch}.deb"))

    def deb(self, release: str) -> Path:
        """The same for this processor."""
        if release not in self._debs:
            self._debs[release] = self.built("amd64", self._scratch("deb"), release)
        return self._debs[release]

    def clean(self, release: str) -> Root:
        """A Debian with what the package asks for, and an init to boot it; to be layered, not changed."""
        if release not in self._clean:
            tar = self.debian("amd64", [*self.needed(self.deb(release)), "systemd-sysv"], release)
            folder = self._scratch("clean") / "root"
            self._clean[release] = self._ends.enter_context(unpacked(tar, folder))
        return self._clean[release]

    def installed(self, release: str) -> Root:
        """With the package; to be layered, not changed."""
        if release not in self._installed:
            root = Root(self._scratch("installed") / "root")
            self._ends.callback(shutil.rmtree, root.folder)
            # no layer: kernels pile up two at most
            done("cp", "--archive", self.clean(release).folder, root.folder)
            root.apt("install", root.give(self.deb(release)))
            self._installed[release] = root
        return self._installed[release]

    def needed(self, deb: Path) -> list[str]:
        """The names of the packages that a package depends on."""
        depends = done("dpkg-deb", "--field", deb, "Depends")
        return sorted({re.split(r"[ (]", part.strip())[0] for part in depends.split(",")})

    def judged_here(self, clip: Path = CLIP) -> list[dict[str, Any]]:
        """What this checkout makes of a clip on this machine; the demo's, if no other is given."""
        command = (sys.executable, "-m", "edge.cli", "replay", "--config", CONFIG, "--jsonl", clip)
        return self.judged(done(*command, cwd=REPOSITORY))

    def judged(self, lines: str) -> list[dict[str, Any]]:
        """Events of a replay without what is drawn at random."""
        ids: dict[str, int] = {}

        def plain(key: str, value: Any) -> Any:
            if isinstance(value, dict):
                return {k: plain(k, v) for k, v in value.items() if k != "id"}
            return ids.setdefault(value, len(ids)) if key == "violation" else value

        return [plain("", json.loads(line)) for line in lines.splitlines()]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with contextlib.ExitStack() as ends:
        yield Lab(tmp_path_factory.mktemp, ends)


@pytest.fixture
def release(request: pytest.FixtureRequest) -> str:
    """Debian's, by its name; a test's parameter."""
    return str(getattr(request, "param", "bookworm"))


@pytest.fixture
def deb(lab: Lab, release: str) -> Path:
    return lab.deb(release)


@pytest.fixture
def root(lab: Lab, release: str, tmp_path: Path) -> Iterator[Root]:
    """A clean Debian, to be changed."""
    with layered(lab.clean(release), tmp_path / "layers") as root:
        yield root


@pytest.fixture
def installed(lab: Lab, release: str) -> Root:
    """With the package; to be layered, not changed."""
    return lab.installed(release)


@pytest.fixture(scope="session")
def bootable(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where this machine can't boot even a Debian without us."""
    with layered(lab.clean("bookworm"), tmp_path_factory.mktemp("probe") / "layers") as root:
        machine = Machine(root)
        machine.start()
        never = threading.Event()
        for _ in range(300):
            if not machine.running or machine.up:
                break
            never.wait(0.1)
        up = machine.running and machine.up
        last = " / ".join(machine.console.strip().splitlines()[-3:]) or "it said nothing"
        machine.cut_power()
    if not up:
        not_here(f"The services were not run by systemd: a plain Debian does not boot in nspawn here: {last}")


@pytest.fixture
def machine(bootable: None, installed: Root, tmp_path: Path) -> Iterator[Machine]:
    """Switched off, with the package."""
    with layered(installed, tmp_path / "layers") as root:
        machine = Machine(root)
        yield machine
        machine.cut_power()


class Ops:
    """Hears all that devices say, from ``listen`` on."""

    def __init__(self, port: int, user: str | None, password: str) -> None:
        self.port = port
        self._heard: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(user, password)
        self._client.on_connect = lambda client, *_: client.subscribe("maskgate/#", qos=1)
        self._client.on_message = lambda _c, _u, m: self._heard.put((m.topic, json.loads(m.payload)))

    def listen(self) -> None:
        self._client.connect("127.0.0.1", self.port)
        self._client.loop_start()

    def hear(self, leaf: str, **wanted: object) -> dict[str, Any]:
        """Wait for the next message on such a topic with these words in it (or in an event's data)."""
        ends = time.monotonic() + WAIT_S
        seen = []
        while time.monotonic() < ends:
            with contextlib.suppress(Empty):
                topic, payload = self._heard.get(timeout=1)
                seen.append((topic, payload))
                data = {**payload, **payload.get("data", {})}
                if topic.endswith(f"/{leaf}") and wanted.items() <= data.items():
                    return dict(payload)
        return pytest.fail(f"no {leaf} with {wanted} within {WAIT_S} s; heard: {seen}")

    def close(self) -> None:
        leave(self._client)


@pytest.fixture
def ops(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ops]:
    """With a broker of its own; as a test's parameter, the user and password that the broker asks for."""
    user, password = getattr(request, "param", (None, ""))
    lines = ["allow_anonymous true"]
    if user is not None:
        users = tmp_path / "users"
        done(program("mosquitto_passwd", "mosquitto"), "-b", "-c", users, user, password)
        lines = ["allow_anonymous false", f"password_file {users}"]
    broker = Mosquitto(tmp_path, lines)
    broker.start()
    ops = Ops(broker.port, user, password)
    yield ops
    ops.close()
    broker.stop()
