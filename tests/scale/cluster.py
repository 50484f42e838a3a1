"""What the devices talk to: a RabbitMQ cluster, consumers and a PostgreSQL, all on loopback."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).parent
QUEUE = "maskgate-events"
PATIENCE_S = 180.0
"""Seconds that any of them may take to start."""
_RABBIT = Path("/usr/lib/rabbitmq/bin")
_NEVER = threading.Event()


class StageError(Exception):
    """The test set-up itself does not work."""


def wait_for(what: str, condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds.

    Raises:
        StageError: it takes too long.
    """
    end_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end_s:
            raise StageError(f"{what}: not after {patience_s:.0f} s")
        _NEVER.wait(0.2)


def free_ports(number: int) -> list[int]:
    """Free TCP ports of the loopback address."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(server.getsockname()[1]) for server in held]
    for server in held:
        server.close()
    return ports


def listens(port: int) -> bool:
    """Whether a server accepts connections on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Program:
    """A program in a process group of its own, so that its children can be killed with it."""

    def __init__(self, log: Path, command: list[str], **options: Any) -> None:
        with log.open("a") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=options.pop("stdout", out), stderr=out,
                start_new_session=True, **options,
            )  # fmt: skip

    def usage(self) -> tuple[float, float]:
        """CPU seconds and resident MB of the whole group, now."""
        root = psutil.Process(self.process.pid)
        family = [root, *root.children(recursive=True)]
        times = [one.cpu_times() for one in family]
        return sum(t.user + t.system for t in times), sum(one.memory_info().rss for one in family) / 1e6

    def kill(self) -> None:
        """Kill the whole group with SIGKILL."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Cluster:
    """A RabbitMQ cluster of three nodes, each with an MQTT port, an AMQP port and a folder.

    Args:
        folder: a new folder for everything that the nodes keep.
    """

    def __init__(self, folder: Path) -> None:
        if not (_RABBIT / "rabbitmq-server").exists():
            raise StageError("RabbitMQ is missing: sudo apt install rabbitmq-server")
        folder.mkdir()
        self._folder, self.names = folder, [f"scale{n}@localhost" for n in (1, 2, 3)]
        ports = free_ports(10)
        self.mqtt, self.amqp, self._dist, epmd = ports[:3], ports[3:6], ports[6:9], ports[9]
        cookie = folder / ".erlang.cookie"
        cookie.write_text("maskgate")
        cookie.chmod(0o400)
        (folder / "plugins").write_text("[rabbitmq_mqtt].\n")
        (folder / "env").touch()
        self._environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(epmd),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "env"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        self._epmd = Program(folder / "epmd.log", ["epmd", "-address", "127.0.0.1", "-port", str(epmd)])
        wait_for("epmd", lambda: listens(epmd))
        self.nodes: dict[int, Program] = {}

    def start(self, n: int) -> None:
        """Start a node without waiting for it. A node that ran before finds its state in its folder."""
        folder = self._folder / f"node{n}"
        folder.mkdir(exist_ok=True)
        peers = [
            f"cluster_formation.classic_config.nodes.{i} = {name}" for i, name in enumerate(self.names, 1)
        ]
        (folder / "rabbitmq.conf").write_text(
            "\n".join(
                (
                    f"listeners.tcp.1 = 127.0.0.1:{self.amqp[n]}",
                    f"mqtt.listeners.tcp.1 = 127.0.0.1:{self.mqtt[n]}",
                    "cluster_formation.peer_discovery_backend = classic_config",
                    *peers,
                    "cluster_partition_handling = pause_minority",
                    "log.file.level = warning",
                    "",
                )
            )
        )
        environment = {
            **self._environment,
            "RABBITMQ_NODENAME": self.names[n],
            "RABBITMQ_DIST_PORT": str(self._dist[n]),
            "RABBITMQ_MNESIA_BASE": str(folder),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            # what spins while it waits takes the two cores of a small machine from the others
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +sbwtdcpu none +sbwtdio none",
        }
        self.nodes[n] = Program(folder / "out.log", [str(_RABBIT / "rabbitmq-server")], env=environment)

    def wait_for(self, n: int) -> None:
        """Wait until devices and consumers can connect to a node.

        Raises:
            StageError: it has ended, or takes too long.
        """
        wait_for(self.names[n], lambda: self._ready(n))

    def queue(self) -> dict[str, Any]:
        """``leader``, ``members``, ``online`` and ``messages`` of the queue."""
        asked = subprocess.run(
            [str(_RABBIT / "rabbitmqctl"), "-q", "-n", self.names[next(iter(self.nodes))], "list_queues",
             "name", "leader", "members", "online", "messages", "--formatter", "json"],
            env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=PATIENCE_S,
        )  # fmt: skip
        try:
            (queue,) = [q for q in json.loads(asked.stdout) if q["name"] == QUEUE]
        except ValueError as e:
            raise StageError(f"rabbitmqctl: {asked.stdout}{asked.stderr}") from e
        return dict(queue)

    def _ready(self, n: int) -> bool:
        if self.nodes[n].process.poll() is not None:
            raise StageError(f"{self.names[n]} has ended: {self._folder}/node{n}/out.log")
        return listens(self.mqtt[n]) and listens(self.amqp[n])

    def close(self) -> None:
        """End all nodes."""
        for program in (*self.nodes.values(), self._epmd):
            program.kill()


class Database:
    """A PostgreSQL on a socket in its folder, with the table of ``events.sql``."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if not found:
            raise StageError("PostgreSQL is missing: sudo apt install postgresql")
        user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        folder.mkdir()
        if user is not None:
            shutil.chown(folder, user)
        self._socket, data = str(folder), str(folder / "data")
        subprocess.run(
            [str(found[-1] / "initdb"), "-D", data, "-U", "maskgate", "-A", "trust", "-E", "UTF8"],
            user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        self.dsn = f"host={folder} user=maskgate dbname=postgres"
        self.program = Program(
            folder.parent / "postgres.log",
            [str(found[-1] / "postgres"), "-D", data, "-k", self._socket, "-c", "listen_addresses="],
            user=user, cwd=folder,
        )  # fmt: skip

    def ready(self) -> bool:
        """Whether the database answers."""
        return not subprocess.run(["pg_isready", "-q", "-h", self._socket], check=False).returncode

    def run(self, file: Path) -> None:
        """Run the SQL statements of a file."""
        self._psql("-f", str(file))

    def rows(self, sql: str) -> list[list[str]]:
        """The rows that a query returns, as text."""
        return [line.split("|") for line in self._psql("-Atc", sql).splitlines()]

    def _psql(self, *arguments: str) -> str:
        return subprocess.run(
            ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", self.dsn, *arguments],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout  # fmt: skip


class Consumer:
    """``consumer.py`` as a process of its own, first connected to node ``n``."""

    def __init__(self, folder: Path, cluster: Cluster, database: Database, n: int) -> None:
        settings = {
            "queue": QUEUE,
            "ports": [*cluster.amqp[n:], *cluster.amqp[:n]],
            "database": database.dsn,
        }
        command = ["/usr/bin/python3", str(HERE / "consumer.py"), json.dumps(settings)]
        self.program = Program(folder / f"consumer{n}.log", command, stdout=subprocess.PIPE, text=True)
        self._lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for("a consumer", self._subscribed)

    def end(self) -> dict[str, int]:
        """End the consumer; returns its counts."""
        self.program.process.terminate()
        self.program.process.wait(PATIENCE_S)
        self._reader.join()
        return self._lines[-1]

    def _subscribed(self) -> bool:
        if self.program.process.poll() is not None:
            raise StageError("a consumer has ended; it needs: sudo apt install python3-pika python3-psycopg2")
        return bool(self._lines)

    def _read(self) -> None:
        assert self.program.process.stdout
        self._lines.extend(json.loads(line) for line in self.program.process.stdout)
