"""The connection to the broker (``link``), its credentials (``security``), errors in words (``explain``)."""

from edge.mqtt.link import MqttLink
from edge.mqtt.session import IncomingMessage, OutgoingMessage
from edge.mqtt.status import LinkStatus

__all__ = ["IncomingMessage", "LinkStatus", "MqttLink", "OutgoingMessage"]
