"""A clean Debian 12, our package in it, and that machine booted with systemd, all of it real.

The file system is made once, by mmdebstrap, and kept in ``build/device``. Programs run in it without a
network (chroot), or it boots in systemd-nspawn. Both need root; nspawn needs a kernel and a sandbox that let
it work. Where they do not, these tests are skipped, and the end of the report says so in full.
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import socket
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
from paho.mqtt.enums import CallbackAPIVersion

REPOSITORY = Path(__file__).resolve().parents[2]
KEPT = REPOSITORY / "build" / "device"
CLIP = REPOSITORY / "edge" / "demo" / "clip" / "visitors.mp4"
CONFIG = REPOSITORY / "systemd" / "config.toml"
APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL")
"""Without a network, and so that mounts and processes end with the program."""
INSIDE = 'mount --rbind /sys "$0/sys" && exec chroot "$0" "$@"'
"""Without /sys, XNNPACK does not know the processor and leaves all to slower kernels that round otherwise."""
WAIT_S = 60.0
"""The end of all patience; no test needs it when all is well."""
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


def program(name: str, package: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.fail(f"{name} is missing: sudo apt install {package}")
    return found


def done(*command: str | Path, **options: Any) -> str:
    """Run a program that must succeed; returns what it printed."""
    result = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    assert result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result.stdout


def eventually(condition: Callable[[], object], within_s: float = WAIT_S) -> float:
    """Return as soon as it holds: after so many seconds."""
    never, began = threading.Event(), time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            pytest.fail(f"did not happen within {within_s} s")
        never.wait(0.1)
    return time.monotonic() - began


class Root:
    """A Debian that is not running."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __truediv__(self, path: str) -> Path:
        return self.folder / path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program in it, without any network."""
        proc = f"--mount-proc={self.folder / 'proc'}"
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8",
        }  # fmt: skip
        result = subprocess.run(
            [*APART, proc, "sh", "-c", INSIDE, str(self.folder), *command],
            env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert result.returncode == 0 or not check, f"{command}: {result.stdout}\n{result.stderr}"
        return result

    def apt(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("apt-get", "-y", "-o", "APT::Sandbox::User=root", *arguments, check=check)

    def give(self, deb: Path) -> str:
        """Put a package into it; returns its name there."""
        shutil.copy(deb, self / "root")
        return f"/root/{deb.name}"


class Machine:
    """A Debian that boots."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self._log = root.folder.with_name("console.log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, alone: bool = False) -> None:
        """Switch it on; its network is ours, or where it is ``alone``, none."""
        nspawn = program("systemd-nspawn", "systemd-container")
        command = [nspawn, "--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no"]
        command += ["--private-network"] if alone else []
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--console=pipe", f"--directory={self.root.folder}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def run(self, *command: str, check: bool = True) -> str:
        """Run a program in it, as root."""
        pid = self._leader()
        if pid is None:
            return ""
        entered = ["nsenter", "--target", str(pid), "--all", "--root", "--wd"]
        result = subprocess.run([*entered, *command], check=False, capture_output=True, text=True)
        assert result.returncode == 0 or not check, (
            f"{command}: {result.stdout}\n{result.stderr}\n{self.said}"
        )
        return result.stdout.strip()

    def state(self, unit: str = "maskgate") -> str:
        return self.run("systemctl", "is-active", unit, check=False)

    def shown(self, what: str, unit: str = "maskgate") -> str:
        return self.run("systemctl", "show", "--value", f"--property={what}", unit)

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ended(self) -> int:
        """Wait for its end; 133 means that it wants to boot again."""
        assert self._process is not None
        return self._process.wait(WAIT_S)

    def cut_power(self) -> None:
        if self._process is not None:
            pid = self._leader()
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._process.kill()
            self._process.wait()

    def _leader(self) -> int | None:
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        with contextlib.suppress(OSError):
            if pids := children.read_text().split():
                return int(pids[0])
        return None


def _up(machine: Machine) -> bool:
    """Booted; what waits for the services under test is not waited for."""
    return machine.run("systemctl", "is-system-running", check=False) in {"running", "degraded", "starting"}


class Lab:
    """What the tests are made with."""

    kept, clip = KEPT, CLIP
    done = staticmethod(done)
    eventually = staticmethod(eventually)

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

    def debian(self, arch: str, packages: list[str]) -> Path:
        """A tar file of a Debian 12 with these packages; made once."""
        self.need_root("The package was not installed into a clean Debian")
        wanted = ",".join(sorted(packages))
        tar = self.kept / f"bookworm-{arch}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}.tar"
        if not tar.exists():
            raw = tar.with_suffix(".part.tar")
            options = (f"--arch={arch}", "--variant=minbase", f"--include={wanted}", "--skip=check/qemu")
            self.mmdebstrap(*options, "bookworm", raw)
            raw.rename(tar)
        return tar

    @contextlib.contextmanager
    def unpacked(self, tar: Path, folder: Path) -> Iterator[Root]:
        """That Debian in a folder, while it is used."""
        folder.mkdir(parents=True)
        try:
            done("tar", "--extract", "--file", tar, "--directory", folder, "--numeric-owner", "--xattrs")
            yield Root(folder)
        finally:
            shutil.rmtree(folder)

    @contextlib.contextmanager
    def layered(self, base: Root, folder: Path) -> Iterator[Root]:
        """The same file system, to be written to: all of that lies in memory, and is forgotten."""
        root, layers = folder / "root", [folder / "upper", folder / "work"]
        folder.mkdir()
        done("mount", "-t", "tmpfs", "tmpfs", folder)
        try:
            for place in (root, *layers):
                place.mkdir()
            parts = f"lowerdir={base.folder},upperdir={layers[0]},workdir={layers[1]}"
            done("mount", "-t", "overlay", "overlay", "-o", parts, root)
            yield Root(root)
        finally:
            done("umount", "--recursive", folder)

    def machine(self, root: Root) -> Machine:
        """Switched off, with this file system."""
        return Machine(root)

    def built(self, arch: str, out: Path) -> Path:
        """Our package, made by the command that people use."""
        done(sys.executable, REPOSITORY / "systemd/package/build.py", "--arch", arch, "--out", out)
        return next(out.glob(f"maskgate_*_{arch}.deb"))

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
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def deb(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab.built("amd64", tmp_path_factory.mktemp("deb"))


@pytest.fixture(scope="session")
def clean(lab: Lab, deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """A Debian with exactly what the package asks for, and an init to boot it; to be layered, not changed."""
    tar = lab.debian("amd64", [*lab.needed(deb), "systemd-sysv"])
    with lab.unpacked(tar, tmp_path_factory.mktemp("clean") / "root") as root:
        yield root


@pytest.fixture
def root(lab: Lab, clean: Root, tmp_path: Path) -> Iterator[Root]:
    """The same, to be changed."""
    with lab.layered(clean, tmp_path / "layers") as root:
        yield root


@pytest.fixture(scope="session")
def installed(lab: Lab, clean: Root, deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    """With the package; to be layered, not changed."""
    folder = tmp_path_factory.mktemp("installed") / "root"
    done("cp", "--archive", clean.folder, folder)  # no layer: kernels pile up two at most
    try:
        root = Root(folder)
        root.apt("install", root.give(deb))
        yield root
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def bootable(lab: Lab, clean: Root, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where this machine can't boot even a Debian without us."""
    with lab.layered(clean, tmp_path_factory.mktemp("probe") / "layers") as root:
        machine = Machine(root)
        machine.start()
        never = threading.Event()
        for _ in range(300):
            if not machine.running or _up(machine):
                break
            never.wait(0.1)
        up = machine.running and _up(machine)
        last = " / ".join(machine.said.strip().splitlines()[-3:]) or "it said nothing"
        machine.cut_power()
    if not up:
        not_here(f"The services were not run by systemd: a plain Debian does not boot in nspawn here: {last}")


class Ops:
    """A broker on this machine, and all that it was told."""

    def __init__(self, folder: Path, user: str | None = None, password: str = "") -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        conf, users = folder / "mosquitto.conf", folder / "users"
        lines = [f"allow_anonymous {'true' if user is None else 'false'}"]
        if user is not None:
            done(program("mosquitto_passwd", "mosquitto"), "-b", "-c", users, user, password)
            lines.append(f"password_file {users}")
        conf.write_text("\n".join(["user root", f"listener {self.port} 127.0.0.1", *lines]) + "\n")
        mosquitto = program("mosquitto", "mosquitto")
        self._broker = subprocess.Popen([mosquitto, "-c", str(conf), "-v"], stderr=subprocess.PIPE, text=True)
        assert self._broker.stderr
        assert any("running" in line for line in self._broker.stderr), "mosquitto did not start"
        self._drain = threading.Thread(target=self._broker.stderr.read)
        self._drain.start()
        self._heard: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(user, password)
        self.client.on_connect = lambda client, *_: client.subscribe("maskgate/#", qos=1)
        self.client.on_message = lambda _c, _u, m: self._heard.put((m.topic, json.loads(m.payload)))

    def listen(self) -> None:
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()

    def hear(self, leaf: str, **wanted: str) -> dict[str, Any]:
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
        self.client.loop_stop()
        self._broker.terminate()
        try:
            self._broker.wait(5)
        except subprocess.TimeoutExpired:  # it loses a SIGTERM that comes just after it says "running"
            self._broker.kill()
            self._broker.wait()
        self._drain.join()
        assert self._broker.stderr
        self._broker.stderr.close()


@pytest.fixture
def ops(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ops]:
    broker = Ops(tmp_path, *getattr(request, "param", ()))
    yield broker
    broker.close()
