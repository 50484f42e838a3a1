"""The link to the broker: one thread that makes a connection, serves it, and makes it again when it is lost.

Starting a link never fails: a broker that can't be reached is tried until it is there.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import paho.mqtt.client as paho

from edge.backoff import Backoff
from edge.config import Mqtt
from edge.mqtt.connection import Connection, End
from edge.mqtt.dialer import Dialer
from edge.mqtt.explain import why_cut, why_replaced
from edge.mqtt.security import make_tls_context, read_password
from edge.mqtt.session import ClientIdentity, IncomingMessage, OutgoingMessage, SessionCallbacks, Wakeup, send
from edge.mqtt.status import LinkListener, LinkStatus, State
from edge.mqtt.status_watch import StatusWatch

_log = logging.getLogger(__name__)
_RETRY = Backoff(first_s=1.0, longest_s=10.0)
"""Pauses between attempts. They put a device back on line at most 20 s after the network is back: one attempt
that hangs, and one pause."""
_REPLACED_S = 60.0
"""The pause after another client took our client id: two that both came back at once would throw each other
out for ever."""
_CUTS = 5
"""After this many short connections in a row, the message names what may be wrong."""


class MqttLink:
    """Connects one client id to the first of its brokers that accepts it, and keeps it connected.

    The link tries the brokers in order without a pause between them, and all of them again after a pause. It
    keeps a connection until it is lost, and then starts with the first broker again.

    Args:
        settings: the brokers.
        client_id: must belong to this client alone: a broker ends the older of two connections with one id.
        will: called at every connect; returns what the broker publishes when this client vanishes. What the
            broker has kept on its topic shows whether another client uses our identity, provided that each
            payload is different, as by the time in it, and that ``birth`` writes on the same topic.
        birth: called at every connect; returns what is published before anything else.
        subscriptions: topic filters with their QoS, made at every connect.
        on_message: called with each message. It runs on the link's thread and must not block; the broker gets
            the acknowledgement when it returns. With MQTT 5 the broker holds back messages larger than
            256 KiB. MQTT 3.1.1 can't ask for that, so there the broker's own limit holds (mosquitto:
            ``message_size_limit``).
        on_replaced: called on the link's thread with a full sentence when another client has taken our client
            id. The link comes back after a while.
        durable: the broker keeps messages for our subscriptions while we are away, for up to an hour.
        retain_as_published: see ``IncomingMessage.retained``.

    Raises:
        ConfigError: the password or a certificate can't be used.
    """

    def __init__(
        self,
        settings: Mqtt,
        client_id: str,
        *,
        will: Callable[[], OutgoingMessage] | None = None,
        birth: Callable[[], Sequence[OutgoingMessage]] = tuple,
        subscriptions: Sequence[tuple[str, int]] = (),
        on_message: Callable[[IncomingMessage], None] | None = None,
        on_replaced: Callable[[str], None] | None = None,
        durable: bool = False,
        retain_as_published: bool = False,
    ) -> None:
        self._watch = StatusWatch()
        self._me = ClientIdentity(
            client_id,
            read_password(settings),
            make_tls_context(settings),
            None if will is None else lambda: self._watch.will(will()),
            durable,
        )
        self._callbacks = SessionCallbacks(
            lambda: [self._watch.wrote(message) for message in birth()],
            tuple(subscriptions),
            on_message,
            retain_as_published,
        )
        self._on_replaced = on_replaced
        self._dialer = Dialer(settings)
        self._listener: LinkListener | None = None
        self._where = f"{settings.host}:{settings.port}"
        self._status = LinkStatus("connecting", f"connecting to {self._where}")
        self._online: tuple[int, paho.Client] | None = None
        self._connections = self._cuts = 0
        self._stop = threading.Event()
        self._rng = random.Random()  # noqa: S311 - no secret
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._run, name=f"mqtt {client_id}", daemon=True)

    @property
    def status(self) -> LinkStatus:
        """The state of the connection now."""
        return self._status

    def listen(self, listener: LinkListener) -> None:
        """Set who is called about connections and acknowledgements. Call this before ``start``."""
        self._listener = listener

    def start(self) -> None:
        """Start to connect, and try until the broker is there."""
        self._thread.start()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        qos: int = 1,
        retain: bool = False,
        content_type: str | None = None,
        expiry_s: int | None = None,
        connection: int | None = None,
    ) -> int | None:
        """Send a message now or not at all: the link keeps nothing for a later connection.

        Args:
            topic: without wildcards.
            payload: the message.
            qos: 0 or 1.
            retain: the broker keeps it for later subscribers.
            content_type: the payload's content type. Only MQTT 5 carries it.
            expiry_s: for how long a broker keeps it for a subscriber that is away. Only MQTT 5 carries it.
            connection: the number of the only connection to send on; None sends on whichever is up.

        Returns:
            The token that comes back with ``acknowledged``. None if there is no connection, or another one.
        """
        online = self._online
        if online is None or connection not in (None, online[0]):
            return None
        info = send(online[1], OutgoingMessage(topic, payload, qos, retain, content_type, expiry_s))
        return info.mid if info.rc == paho.MQTT_ERR_SUCCESS else None

    def stop(self, timeout_s: float, farewell: Sequence[OutgoingMessage] = ()) -> None:
        """Publish the farewell, disconnect so that the broker publishes no will, and join the thread.

        An attempt to connect may outlive ``timeout_s`` by some seconds, on a daemon thread.
        """
        deadline_s = time.monotonic() + timeout_s
        online = self._online
        if online is not None:
            for info in [send(online[1], message) for message in farewell]:
                # If an acknowledgement comes after we have closed the socket, the connection is reset. The
                # broker may then miss the DISCONNECT and publish the will. So wait for the acknowledgement.
                with suppress(RuntimeError, ValueError):  # paho raises these if it could not be sent
                    info.wait_for_publish(max(0.0, deadline_s - time.monotonic()))
        self._stop.set()
        self._wakeup.ring()
        if self._thread.is_alive():
            self._thread.join(max(0.1, deadline_s - time.monotonic()))

    # Everything below runs on the link's own thread.

    def _run(self) -> None:
        failures = 0
        with self._wakeup:
            while not self._stop.is_set():
                broker, ends = self._dialer.round(self._attempt)
                lasted = ends[-1].online_s > _RETRY.longest_s  # after shorter ones the pause keeps growing
                failures = 1 if lasted else failures + 1
                self._pause(broker, ends, _RETRY.pause_s(failures, self._rng))
        self._set_status("closed", f"the connection to {self._where} was closed on this side")

    def _attempt(self, broker: Mqtt, protocol: str) -> End:
        if self._stop.is_set():
            return End("unreachable", "")
        connection = Connection(
            broker,
            self._me,
            self._callbacks,
            protocol,
            self._wakeup,
            self._watch,
            up=partial(self._up, f"{broker.host}:{broker.port} with MQTT {protocol}"),
            acknowledged=self._acknowledged,
            complain=partial(self._set_status, "online", complaint=True),
        )
        end = connection.run(self._stop)
        if self._online is not None:
            self._online = None
            if self._listener is not None:
                self._listener.down()
            # "Unspecified error" is paho's reason where the broker gave none
            cut = end.online_s < _RETRY.longest_s and end.reason == "Unspecified error"
            self._cuts = self._cuts + 1 if cut else 0
        return end

    def _pause(self, broker: Mqtt, ends: list[End], pause_s: float) -> None:
        """Report how the attempts ended, and wait before the next ones."""
        if self._stop.is_set():
            return
        end = ends[-1]
        # few brokers say why they end a connection
        if end.kind == "replaced" or (self._cuts and self._watch.contested):
            pause_s = _REPLACED_S * self._rng.uniform(0.5, 1.0)
            message = why_replaced(broker, self._me.client_id, pause_s)
            self._set_status("unreachable", message)
            if self._on_replaced is not None:
                self._on_replaced(message)
        elif end.connected and self._cuts >= _CUTS:
            self._set_status("unreachable", why_cut(broker))
        else:
            refused = any(end.kind == "refused" for end in ends)
            # MQTT 5 and 3.1.1 may fail in the same way: dict.fromkeys keeps each sentence once.
            text = end.message if end.connected else "; ".join(dict.fromkeys(e.message for e in ends))
            self._set_status("refused" if refused else "unreachable", text)
        self._stop.wait(pause_s)

    def _set_status(self, state: State, message: str, *, complaint: bool = False) -> None:
        before, self._status = self._status, LinkStatus(state, message, complaint)
        if message != before.message:
            _log.log(logging.WARNING if self._status.problem else logging.INFO, "%s", message)

    def _up(self, where: str, client: paho.Client) -> None:
        self._connections += 1
        self._online = (self._connections, client)
        self._set_status("online", f"connected to {where}")
        if self._listener is not None:
            self._listener.up(self._connections)

    def _acknowledged(self, token: int, refusal: str | None) -> None:
        if self._listener is not None:
            self._listener.acknowledged(token, refusal)
