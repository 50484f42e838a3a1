"""Takes events from the cluster's queue and stores them: committed first, acknowledged then.

    python3 consumer.py '{"queue": ..., "ports": [AMQP, ...], "database": DSN}'

Runs in the system's Python, with Debian's python3-pika and python3-psycopg2. Says ``{"ready": true}`` when it
is subscribed, and at SIGTERM what it has done.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import pika
import psycopg2
from pika.exceptions import AMQPError

_BATCH = 200
_BATCH_S = 0.2
"""A batch is stored this many seconds after its first message, or when it is full."""
_RETRY_S = 0.5


@dataclass
class Counts:
    """What a consumer has done."""

    received: int = 0
    redelivered: int = 0
    """Those of ``received`` that the queue had delivered before without an acknowledgement."""
    commits: int = 0
    connections: int = 0


def declare(channel: Any, queue: str) -> None:
    """One queue for all consumers, on all nodes; whatever is there already stays."""
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    for leaf in ("event", "summary"):
        channel.queue_bind(queue, "amq.topic", f"maskgate.v1.*.*.{leaf}")


def consume(
    connection: pika.BlockingConnection,
    queue: str,
    store: Callable[[list[str]], None],
    counts: Counts,
    stop: threading.Event,
) -> None:
    """Store messages until ``stop`` is set. Those not acknowledged by then are delivered again."""
    channel = connection.channel()
    declare(channel, queue)
    channel.basic_qos(prefetch_count=2 * _BATCH)
    counts.connections += 1
    print('{"ready": true}', flush=True)  # noqa: T201
    batch: list[str] = []
    tag, began_s = 0, 0.0
    for method, _, body in channel.consume(queue, inactivity_timeout=_BATCH_S):
        if method is not None:
            began_s = began_s if batch else time.monotonic()
            batch.append(body.decode())
            tag = method.delivery_tag
            counts.received += 1
            counts.redelivered += method.redelivered
        if batch and (len(batch) == _BATCH or time.monotonic() - began_s >= _BATCH_S):
            store(batch)
            counts.commits += 1
            batch = []
            channel.basic_ack(tag, multiple=True)
        if stop.is_set():
            return


def main() -> None:
    """Consume from the first node that can be reached, until SIGTERM."""
    settings = json.loads(sys.argv[1])
    stop, counts = threading.Event(), Counts()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    nodes = [pika.ConnectionParameters("127.0.0.1", port) for port in settings["ports"]]
    database = psycopg2.connect(settings["database"])

    def store(batch: list[str]) -> None:
        with database, database.cursor() as cursor:
            cursor.execute("SELECT store(event) FROM unnest(%s::jsonb[]) AS event", (batch,))

    while not stop.is_set():
        try:
            connection = pika.BlockingConnection(nodes)  # the first one that can be reached
            consume(connection, settings["queue"], store, counts, stop)
            connection.close()
        except AMQPError as e:
            print(f"{type(e).__name__}: {e}", file=sys.stderr, flush=True)  # noqa: T201
            stop.wait(_RETRY_S)
    print(json.dumps(asdict(counts)), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
