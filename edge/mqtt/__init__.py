"""The connection to the broker (``link``), its keys (``security``), its troubles in words (``explain``)."""

from edge.mqtt.link import LinkStatus, MqttLink
from edge.mqtt.session import Message

__all__ = ["LinkStatus", "Message", "MqttLink"]
