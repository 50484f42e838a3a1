"""Messages and broker identities of simulated sources, in the form that devices give them."""

import json
import secrets
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Literal

from edge.events import CONTENT_TYPE, Event, Place, Status, cloud_event, leaf_of
from edge.mqtt import OutgoingMessage
from edge.mqtt.session import ClientIdentity
from edge.ops.simulate.vitals import info
from edge.ops.subscription import client_id

_STORED_MS = 3
"""Milliseconds from an event to its ``recordedtime``."""


@dataclass(slots=True)
class Waiting:
    """An event that the broker has not acknowledged."""

    event: Event
    place: Place
    sequence: int
    replayed: bool = False
    """True if the event could not be sent when it happened."""

    def message(self) -> OutgoingMessage:
        """The event as a CloudEvent, ready to publish."""
        recorded = self.event.time + timedelta(milliseconds=_STORED_MS)
        wire = cloud_event(
            self.event, self.place, sequence=self.sequence, recorded=recorded, replayed=self.replayed
        )
        payload = json.dumps(wire, separators=(",", ":")).encode()
        return OutgoingMessage(self.place.topic(leaf_of(self.event.type)), payload, content_type=CONTENT_TYPE)


def status(place: Place, state: Literal["online", "offline"], reason: str) -> OutgoingMessage:
    """The ``status`` of a source, now."""
    payload = Status.payload(state, reason, datetime.now(timezone.utc))
    return OutgoingMessage(place.topic("status"), payload, retain=True)


def identity(places: Sequence[Place], password: str | None, tls: ssl.SSLContext | None) -> ClientIdentity:
    """The identity of a connection. Only a source alone on it has a last will: a connection can have one."""
    if len(places) > 1:
        return ClientIdentity(client_id("simulate"), password, tls, None, durable=False)
    (place,) = places
    # A random part, where a device has its board's id: two simulations must not throw each other out.
    name = f"{place.prefix}/{place.site}/{place.device}/{secrets.token_hex(6)}"
    will = partial(status, place, "offline", "the connection was lost")
    return ClientIdentity(name, password, tls, will, durable=False)


def about(place: Place) -> OutgoingMessage:
    """The ``info`` of a source, ready to publish."""
    return OutgoingMessage(place.topic("info"), info(place).model_dump_json().encode(), retain=True)
