"""The reports of a speaker about itself: the payloads of its ``info`` and ``health`` topics."""

from pydantic import AwareDatetime, Field, JsonValue

from edge import __version__
from edge.config import Config
from edge.events import Data, LinkHealth, OutboxHealth
from edge.speaker.sinks import shown_speaker
from edge.speaker.worker import SpeakerWorkerState


class Voiced(Data):
    """One speaker in ``SpeakerHealth``."""

    announced: int = Field(ge=0)
    failed: int = Field(ge=0)
    """Both since the start."""
    queue: int = Field(ge=0)
    """Violations that wait for their turn."""
    last: str | None
    """The violation announced last."""
    last_time: AwareDatetime | None
    problem: str | None

    @classmethod
    def of(cls, state: SpeakerWorkerState) -> "Voiced":
        """The wire form of a state."""
        return cls(
            announced=state.announced,
            failed=state.failed,
            queue=state.waiting,
            last=state.last,
            last_time=state.last_time,
            problem=state.problem,
        )


class SpeakerHealth(Data):
    """How the speakers are, every few seconds; not stored."""

    time: AwareDatetime
    clock_trusted: bool
    uptime_s: float = Field(ge=0)
    speakers: dict[str, Voiced]
    outbox: OutboxHealth
    link: LinkHealth
    memory_mb: float | None
    clock_differences_s: dict[str, float] = Field(default_factory=dict)
    """By device: its clock minus this speaker's, in seconds, as its `health` shows; below 0 it is behind."""
    problems: list[str]
    """What is wrong right now, each a full sentence; empty when all is well."""


class SpeakerInfo(Data):
    """Retained; what this speaker is."""

    software: str
    speakers: list[str]
    config: dict[str, JsonValue]


def info(config: Config, speakers: list[str]) -> SpeakerInfo:
    """What this speaker is; nothing secret: tokens lie in files, and a URL is shown by its host alone."""
    mqtt = {"host": config.mqtt.host, "port": config.mqtt.port}
    return SpeakerInfo(
        software=f"maskgate {__version__}",
        speakers=speakers,
        config={"speaker": shown_speaker(config.speaker), "mqtt": mqtt},
    )
