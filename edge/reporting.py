"""What the device says about itself: ``info`` and ``health``."""

from edge import __version__
from edge.camera import CameraStatus, without_secrets
from edge.clock import Clock, trusted
from edge.compose import Judges
from edge.config import Config
from edge.events import Health, Info
from edge.health import Pace, memory_mb, temperature_c
from edge.postbox import Postbox


def info(config: Config, judges: Judges, camera: CameraStatus) -> Info:
    """What this device is; nothing secret: passwords lie in files, and URLs are shown without them."""
    shown = config.model_dump(mode="json")
    shown["camera"]["source"] = camera.source
    for other in ("webhook", "home_assistant"):
        if shown["speaker"][other] is not None:
            shown["speaker"][other]["url"] = without_secrets(shown["speaker"][other]["url"])
    models = {
        c.name: {"id": c.model_id, "sha256": c.sha256, "kind": c.kind}
        for c in (judges.classifier.contract, judges.detector.contract)
    }
    return Info(
        software=f"maskgate {__version__}",
        runtime=f"{judges.runtime.name} {judges.runtime.version}",
        models=models,
        camera={"source": camera.source, "width": camera.width, "height": camera.height},
        config=shown,
    )


def health(
    clock: Clock, started: float, pace: Pace, camera: CameraStatus, postbox: Postbox, pins: str | None
) -> Health:
    """How the device is right now; ``problems`` are sentences for a person.

    Args:
        clock: the time.
        started: monotonic s.
        pace: of the judged frames.
        camera: how it is.
        postbox: likewise.
        pins: what is wrong with the indicators.
    """
    outbox, connection = postbox.outbox, postbox.link.status
    problems = [p for p in (camera.message, outbox.problem, postbox.delivery.problem, pins) if p]
    if connection.state in {"refused", "unreachable"}:
        problems.append(connection.message)
    if not trusted(clock):
        problems.append(
            f"the clock says {clock.utc():%Y-%m-%d %H:%M}, which can't be: no time from the network yet"
        )
    return Health(
        time=clock.utc(),
        clock_trusted=trusted(clock),
        uptime_s=round(clock.monotonic() - started, 1),
        fps=round(pace.fps(clock.monotonic()), 2),
        latency_ms=round(pace.latency_ms, 1),
        camera={
            "state": camera.state.value,
            "fault": camera.fault.value if camera.fault else None,
            "fps": round(camera.fps, 1),
            "frames": camera.frames,
            "reconnects": camera.reconnects,
        },
        outbox={"depth": outbox.depth, "dropped": outbox.dropped},
        link={"state": connection.state, "message": connection.message},
        memory_mb=memory_mb(),
        temperature_c=temperature_c(),
        problems=problems,
    )
