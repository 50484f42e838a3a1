"""Which broker is tried next, and in which version of the protocol."""

import logging
from collections.abc import Callable

from edge.config import Mqtt
from edge.mqtt.connection import End

_log = logging.getLogger(__name__)


class Dialer:
    """Tries the brokers in order, and remembers which version of MQTT each of them speaks.

    If a broker says that it does not speak MQTT 5, the dialer uses 3.1.1 from then on. A broker that does not
    answer may be an old one, or it may hang. The dialer then tries 3.1.1 at once, but only if MQTT 5 has
    never worked with this broker.

    Args:
        settings: all brokers.
    """

    def __init__(self, settings: Mqtt) -> None:
        self._brokers = settings.brokers()
        self._spoken: dict[tuple[str, int], str] = {}

    def round(self, attempt: Callable[[Mqtt, str], End]) -> tuple[Mqtt, list[End]]:
        """Try each broker once, in order, up to the first one that accepts us.

        Args:
            attempt: makes one connection to a broker with a version of MQTT, and returns when it has ended.

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
        if end.kind == "old protocol" and self._spoken.get(address) != "5":
            _log.warning("%s:%d does not speak MQTT 5: using MQTT 3.1.1", *address)
            self._spoken[address] = "3.1.1"
            return attempt(broker, "3.1.1")
        if end.kind == "silent" and address not in self._spoken:
            older = attempt(broker, "3.1.1")
            return older if older.connected or older.kind == "refused" else end
        return end
