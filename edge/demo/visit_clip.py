"""``maskgate demo``: a broker, a subscriber, the speaker and the real service on the shipped clip."""

import logging
import shutil
import threading
from contextlib import ExitStack
from pathlib import Path

from edge.clock import SystemClock
from edge.config import Config, parse_config
from edge.demo.album import Album
from edge.demo.console import Console
from edge.demo.recorder import MessageRecorder
from edge.errors import MaskgateError
from edge.mqtt import MqttLink
from edge.people.compose import load_models
from edge.people.pipeline import FrameResult
from edge.service.device import RunSummary, Service
from edge.service.speaker import SpeakerService
from edge.sim.clip import ClipPlayer
from edge.sim.embedded_broker import EmbeddedBroker
from edge.speaker.player import has_sound_card
from edge.values import Frame

CLIP = Path(__file__).with_name("clip") / "visitors.mp4"
_FPS = 12.0
_STORES = ("outbox.sqlite", "speaker-outbox.sqlite", "speaker-memory.sqlite")
_LEAVES = (
    *(f"{store}{part}" for store in _STORES for part in ("", "-wal", "-shm", ".number")),
    "announcement.wav",
    "messages.jsonl",
    "annotated.mp4",
    "visitors.jpg",
)
"""All that a demo writes, and so all that the next one may remove."""
_PATIENCE_S = 10.0
"""Everything here is on one machine: what takes longer than this, in seconds, has failed."""
_FINISH_S = 30.0
"""An announcement that sounds when the clip ends may go on for this many seconds."""


def run_demo(out: Path, stop: threading.Event, *, clip: Path | None = None, speed: float = 3.0) -> int:
    """Run it all; returns the exit code.

    Args:
        out: folder for what is left to look at and listen to; made if it is missing.
        stop: ends it early.
        clip: another clip than the shipped one.
        speed: times as fast as filmed.

    Raises:
        MaskgateError: something that it needs is missing; named with the way out.
    """
    logging.getLogger().setLevel(
        logging.WARNING
    )  # the screen tells the story; the parts speak only of trouble
    screen, clock = Console(), SystemClock()
    player = ClipPlayer(clip or CLIP, clock, stop, speed=speed)
    _prepare(out)
    screen.heading("maskgate demo: a clip in place of the camera, all the rest is real")
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker())
        config = _config(broker.port, out)
        inbox = stack.enter_context(MessageRecorder(out / "messages.jsonl", screen.message))
        ops = MqttLink(config.mqtt, "demo-ops", subscriptions=[("maskgate/#", 1)], on_message=inbox.receive)
        ops.start()
        stack.callback(ops.stop, 2.0)
        speaker = SpeakerService(config, clock=clock, announce=lambda text: screen.say("speaker", text, "36"))
        speaker.start()
        stack.callback(speaker.close)
        if not inbox.wait(lambda m: m.topic.endswith("-speaker/status"), _PATIENCE_S):
            raise MaskgateError(
                f"the demo's own broker did not answer in {_PATIENCE_S:.0f} s: {ops.status.message}"
            )
        album = stack.enter_context(Album(out, _FPS))

        def observe(frame: Frame, result: FrameResult) -> None:
            screen.watch(frame, result)
            album.add(frame, result)

        done = Service(config, load_models(config), player, clock, stop, observe).run()
        inbox.wait(lambda m: m.topic.endswith("/summary"), _PATIENCE_S)
        speaker.close(_FINISH_S)
    _sum_up(screen, done, inbox, out, config)
    return 0 if done.left.waiting == done.left.lost == 0 else 1


def _prepare(out: Path) -> None:
    """An empty stage: what an earlier run left would be mistaken for this one's."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in _LEAVES:
            (out / name).unlink(missing_ok=True)
    except OSError as e:
        raise MaskgateError(f"{out}: the demo can't write there: {e.strerror}. Choose another --out") from e


def _config(port: int, out: Path) -> Config:
    sound = "default" if has_sound_card() and shutil.which("aplay") else str(out / "announcement.wav")
    return parse_config(
        {
            "site": {"id": "demo", "device": "north-door"},
            "mqtt": {"host": "127.0.0.1", "port": port, "protocol": "3.1.1"},
            "outbox": {"path": str(out / "outbox.sqlite")},
            # the clip runs faster than life, so the silence between announcements is shorter too
            "speaker": {"output": sound, "hold_s": 1.0},
            "reporting": {"health_every_s": 2.0},
        },
        "the demo's configuration",
    )


def _sum_up(screen: Console, done: RunSummary, inbox: MessageRecorder, out: Path, config: Config) -> None:
    events = [m for m in inbox.messages if m.topic.endswith(("/event", "/summary"))]
    screen.heading("summary")
    screen.say("", str(done.total))
    fps, possible = done.frames / max(done.seconds, 1e-9), 1000 / max(done.frame_ms, 1e-9)
    screen.say(
        "", f"{done.frames} frames in {done.seconds:.1f} s: {fps:.0f} frames per second at the clip's pace"
    )
    screen.say("", f"{done.frame_ms:.1f} ms to judge a frame: {possible:.0f} frames per second are possible")
    screen.say("", f"{len(events)} events received over MQTT, {done.left.waiting} still in the outbox")
    if config.speaker.output.endswith(".wav"):
        screen.say("", f"listen: {config.speaker.output} (no sound card here)")
    for name, what in (("visitors.jpg", "look"), ("annotated.mp4", "watch"), ("messages.jsonl", "read")):
        screen.say("", f"{what}: {out / name}")
