"""Which broker is tried next, and in which version of the protocol."""

import logging
from collections.abc import Callable

from edge.config import Mqtt
from edge.mqtt.connection import End

_log = logging.getLogger(__name__)


class Dialer:
    """Knows the brokers, and what they have shown of themselves.

    Where a broker says that it does not speak MQTT 5, 3.1.1 is used from then on. One that says nothing at
    all may be an old one, or hang: then 3.1.1 is tried at once, and never where MQTT 5 has worked before.

    Args:
        settings: all brokers.
    """

    def __init__(self, settings: Mqtt) -> None:
        self._brokers = settings.brokers()
        self._spoken: dict[tuple[str, int], str] = {}

    def round(self, attempt: Callable[[Mqtt, str], End]) -> tuple[Mqtt, list[End]]:
        """Try each broker once, in order, up to the first one that takes us.

        Args:
            attempt: one connection to a broker in a protocol, from its begin to its end.

        Returns:
            The broker that was tried last, and how each attempt ended.
        """
        ends = []
        for broker in self._brokers:
            ends.append(self._one(broker, attempt))
            if ends[-1].connected:
                break
        return broker, ends

    def _one(self, broker: Mqtt, attempt: Callable[[Mqtt, str], End]) -> End:
        address = (broker.host, broker.port)
        protocol = self._spoken.get(address, broker.protocol)
        end = attempt(broker, protocol)
        if end.connected:
            self._spoken[address] = protocol
        if protocol == "3.1.1":
            return end
        if end.kind == "old protocol":
            _log.warning("%s:%d does not speak MQTT 5: using MQTT 3.1.1", *address)
            self._spoken[address] = "3.1.1"
            return attempt(broker, "3.1.1")
        if end.kind == "silent" and address not in self._spoken:
            older = attempt(broker, "3.1.1")
            return older if older.connected or older.kind == "refused" else end
        return end
