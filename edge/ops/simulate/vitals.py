"""``info`` and ``health`` of simulated devices. Pure."""

import random
from datetime import datetime

from edge import __version__
from edge.events import CameraHealth, CameraInfo, Health, Info, LinkHealth, OutboxHealth, Passport, Place
from edge.speaker.self_report import SpeakerHealth, SpeakerInfo, Voiced

SOFTWARE = f"maskgate {__version__}, simulated"
_FPS = 15.0


def info(place: Place) -> Info | SpeakerInfo:
    """The ``info`` of a source. A speaker's name ends in ``-speaker``."""
    if place.device.endswith("-speaker"):
        return SpeakerInfo(software=SOFTWARE, speakers=["simulated"], config={"speaker": {}})
    return Info(
        software=SOFTWARE,
        runtime="simulated",
        models={"mask": Passport(id="mask-simulated", sha256="0" * 64, kind="classifier")},
        camera=CameraInfo(source="/dev/video0", width=640, height=480),
        config={"site": {"id": place.site, "device": place.device, "zone": "entrance"}},
    )


def door_health(time: datetime, uptime_s: float, rng: random.Random, *, blind: bool) -> Health:
    """The ``health`` of an entrance. Its ``outbox`` and ``link`` show a device that is on line."""
    problem = "/dev/video0 gives no pictures: check its cable, or plug it in again"
    return Health(
        time=time,
        clock_trusted=True,
        uptime_s=round(uptime_s, 1),
        fps=0.0 if blind else round(_FPS - rng.random(), 2),
        latency_ms=round(rng.uniform(18, 26), 1),
        camera=CameraHealth(
            state="fault" if blind else "live",
            fault="no frames" if blind else None,
            fps=0.0 if blind else _FPS,
            frames=int(uptime_s * _FPS),
            reconnects=0,
        ),
        outbox=OutboxHealth(depth=0, dropped=0),
        link=LinkHealth(state="online", message="connected"),
        memory_mb=round(rng.uniform(140, 160), 1),
        temperature_c=round(rng.gauss(55, 3), 1),
        problems=[problem] if blind else [],
    )


def speaker_health(time: datetime, uptime_s: float) -> SpeakerHealth:
    """The ``health`` of a speaker. Its ``outbox`` and ``link`` show a speaker that is on line."""
    voiced = Voiced(announced=0, failed=0, queue=0, last=None, last_time=None, problem=None)
    return SpeakerHealth(
        time=time,
        clock_trusted=True,
        uptime_s=round(uptime_s, 1),
        speakers={"simulated": voiced},
        outbox=OutboxHealth(depth=0, dropped=0),
        link=LinkHealth(state="online", message="connected"),
        memory_mb=41.0,
        problems=[],
    )
