"""The ops centre of a site, which keeps on listening; it has nothing of ours but the contract's topics."""

import json
import threading
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def leave(client: paho.Client) -> None:
    """Disconnect, and wait for it: else the socket stays open."""
    gone = threading.Event()
    client.on_disconnect = lambda *_: gone.set()
    client.disconnect()
    gone.wait(10)
    client.loop_stop()


class Ops:
    """Hears all that a site's devices say; what comes while it is away, the broker keeps for it.

    Args:
        port: the broker's, on this machine.
        ca: who signed the broker's certificate.
        site: the site.
        device: whose messages are meant where none is named.
    """

    def __init__(self, port: int, ca: Path, site: str, device: str) -> None:
        self.heard: list[tuple[str, str, dict[str, Any]]] = []
        """Device, last word of the topic, message."""
        self._topics, self._device = f"maskgate/v1/{site}", device
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=site, clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.tls_set(str(ca))
        ready = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe(f"{self._topics}/#", qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert ready.wait(30), "the broker took no subscription within 30 s"

    def _take(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        *_, device, leaf = message.topic.split("/")
        self.heard.append((device, leaf, json.loads(message.payload)))

    def of(self, leaf: str, kind: str = "", device: str = "") -> list[dict[str, Any]]:
        """The messages on such a topic, of such a type."""
        wanted = (device or self._device, leaf)
        return [m for *at, m in list(self.heard) if (*at,) == wanted and kind in m.get("type", "")]

    def online(self, device: str = "") -> bool:
        return [m["state"] for m in self.of("status", device=device)][-1:] == ["online"]

    def command(self, name: str) -> str:
        """Have the device do something; returns what its answer will name."""
        transaction = str(uuid.uuid4())
        issued = datetime.now(timezone.utc).isoformat()
        body = {"transaction": transaction, "command": name, "issued": issued}
        sent = self._client.publish(f"{self._topics}/{self._device}/cmd", json.dumps(body), qos=1)
        sent.wait_for_publish(30)
        return transaction

    def close(self) -> None:
        leave(self._client)
