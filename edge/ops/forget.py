"""``maskgate forget``: removes the retained messages of a device that will never come back."""

import threading

from pydantic import ValidationError

from edge.config import Mqtt
from edge.errors import LinkError, MaskgateError, UsageError
from edge.events import Place, Status
from edge.ops.subscription import PATIENCE_S, ReceivedMessage, Subscription
from edge.service.home_assistant import identity

_QUIET_S = 1.0
"""A broker sends its retained messages right after the subscription. After this pause no more will come."""


def forget(settings: Mqtt, place: Place) -> list[str]:
    """Remove all retained messages of a device, including its description for Home Assistant.

    Args:
        settings: the broker.
        place: the device.

    Returns:
        The topics that were cleared.

    Raises:
        UsageError: the device is on line, and would publish all of it again.
        MaskgateError: the broker has no retained message of it.
        LinkError: the broker can't be reached, or does not let us remove the messages.
    """
    filters = [place.topic("+"), f"+/device/{identity(place)}/config"]
    with Subscription(settings, filters, threading.Event(), what="forget") as messages:
        kept: dict[str, ReceivedMessage] = {}
        while (message := messages.next(_QUIET_S)) is not None:
            if message.retained:
                kept[message.topic] = message
        if not kept and messages.problem is not None:
            raise LinkError(
                f"{messages.problem} So what it keeps of {place.site}/{place.device} is not known."
            )
        if not kept:
            raise MaskgateError(
                f"{place.site}/{place.device}: the broker keeps nothing of it; check the name"
            )
        status = kept.get(place.topic("status"))
        if status is not None and _online(status.payload):
            raise UsageError(
                f"{place.site}/{place.device} is on line, and would publish all of it again: stop it first"
            )
        for topic in kept:
            messages.link.publish(topic, b"", retain=True)
        left = set(kept)
        while left and (message := messages.next(PATIENCE_S)) is not None:
            if not message.payload:
                left.discard(message.topic)
    if left:
        raise LinkError(
            f"the broker did not remove {', '.join(sorted(left))}: check this login's access list"
        )
    return sorted(kept)


def _online(payload: bytes) -> bool:
    try:
        return Status.model_validate_json(payload).state == "online"
    except ValidationError:
        return False
