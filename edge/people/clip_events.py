"""Everything decided about a clip, as fast as possible, with media time as the clock."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from edge.events import Event, new_event
from edge.people.pipeline import Pipeline
from edge.values import Frame

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
"""A replayed clip starts at this moment, so an event's ``time`` reads as the clip's media time."""


@dataclass(slots=True)
class Replayed:
    """How much of a clip was replayed."""

    frames: int = 0
    media_s: float = 0.0


def events_of_clip(frames: Iterable[Frame], pipeline: Pipeline, done: Replayed) -> Iterator[Event]:
    """The events that the service would publish, a summary of the whole clip last.

    Args:
        frames: every frame of the clip, ``taken`` counted from ``EPOCH``.
        pipeline: a fresh one.
        done: counts the frames and the media time while the clip runs.
    """
    taken = EPOCH
    for frame in frames:
        done.frames += 1
        done.media_s, taken = frame.captured_at, frame.taken
        yield from pipeline.process(frame).events
    yield from pipeline.finish(done.media_s, taken).events
    yield new_event(pipeline.total.summary(round(done.media_s, 3)), taken)
