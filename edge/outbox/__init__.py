"""Keeps events until the broker has acknowledged them, safe from kill -9 and a power cut."""

from edge.outbox.box import Outbox
from edge.outbox.stored import Stored

__all__ = ["Outbox", "Stored"]
