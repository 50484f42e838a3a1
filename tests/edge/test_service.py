"""The device as a whole: real models, a real clip, a real outbox, a real broker."""

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from edge.camera import CameraState, CameraStatus, Fault
from edge.clock import SystemClock
from edge.compose import Judges, load_judges
from edge.config import Config, parse_config
from edge.outbox import Outbox
from edge.service import RunSummary, Service
from edge.sim.clip import ClipPlayer
from edge.sim.clock import ManualClock
from edge.values import Frame


@pytest.fixture(scope="module")
def judges() -> Judges:
    return load_judges(Config())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a bare face."""
    path = tmp_path_factory.mktemp("clip") / "bare.avi"
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (512, 512))
    for n in range(20):
        out.write(np.roll(data.astronaut(), n, axis=1)[..., ::-1].copy())
    out.release()
    return path


def config(folder: Path, port: int, **sections: dict[str, Any]) -> Config:
    return parse_config(
        {
            "site": {"id": "hq", "device": "door-1"},
            "mqtt": {"host": "127.0.0.1", "port": port},
            "outbox": {"path": str(folder / "outbox.sqlite")},
            **sections,
        },
        "test",
    )


def run(settings: Config, judges: Judges, clip: Path) -> RunSummary:
    clock, stop = SystemClock(), threading.Event()
    return Service(settings, judges, ClipPlayer(clip, clock, stop, speed=4), clock, stop).run()


def test_what_happened_without_a_broker_is_delivered_by_the_next_run(
    tmp_path: Path, judges: Judges, clip: Path, broker: Any, make_ops: Callable[..., Any]
) -> None:
    with socket.socket() as taken:  # bound, never listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        first = run(config(tmp_path, taken.getsockname()[1]), judges, clip)
    assert first.waiting == 3
    assert "refused" in first.link

    ops = make_ops(broker.port)
    second = run(config(tmp_path, broker.port), judges, clip)
    assert second.waiting == 0
    messages = []
    while not messages or "offline" not in messages[-1][1]:
        messages.append(ops.next())
    topics = [topic.removeprefix("maskgate/v1/hq/door-1/") for topic, _, _ in messages]
    assert topics[0] == "status"
    assert topics[-1] == "status"
    assert {"info", "health"} <= set(topics)
    events = [json.loads(payload) for topic, payload, _ in messages if topic.endswith(("/event", "/summary"))]
    assert [int(e["sequence"]) for e in events] == [1, 2, 3, 4, 5, 6]
    assert [e["type"] for e in events] == ["violation.opened", "violation.closed", "summary"] * 2
    assert [e["data"]["replayed"] for e in events] == [True] * 3 + [False] * 3
    assert len({e["id"] for e in events}) == 6


def test_info_and_health_tell_no_secret(
    tmp_path: Path, judges: Judges, clip: Path, broker: Any, make_ops: Callable[..., Any]
) -> None:
    ops = make_ops(broker.port)
    camera = {"source": "rtsp://admin:s3cret@192.0.2.1/stream"}
    run(config(tmp_path, broker.port, camera=camera), judges, clip)
    said: list[tuple[str, str]] = []
    while not said or "offline" not in said[-1][1]:
        topic, payload, _ = ops.next()
        said.append((topic, payload))
    assert all("s3cret" not in payload for _, payload in said)
    info = json.loads(next(payload for topic, payload in said if topic.endswith("/info")))
    assert info["models"]["mask"]["sha256"] == judges.classifier.contract.sha256


class SickCamera:
    """Gives pictures, fails for a while, recovers, ends; its own next() is what makes time pass."""

    def __init__(self, clock: ManualClock, states: list[tuple[float, Fault | None]]) -> None:
        self._clock, self._states = clock, states
        self.status = CameraStatus(
            source="/dev/video0", state=CameraState.LIVE, fault=None, message="", since=0.0,
            fps=10, width=64, height=48, frames=1, reconnects=0,
        )  # fmt: skip

    def start(self) -> None:
        self.started = True

    def next(self, timeout_s: float) -> Frame | None:
        seconds, fault = self._states.pop(0)
        self._clock.advance(seconds)
        if fault is not self.status.fault:
            message = "/dev/video0: no picture for 5 s" if fault else ""
            self.status = replace(self.status, fault=fault, message=message, since=self._clock.monotonic())
        if fault is not None:
            return None
        picture = np.full((48, 64, 3), 90, dtype=np.uint8)
        return Frame(picture, 0, self._clock.monotonic(), datetime(2026, 6, 1, tzinfo=timezone.utc))

    @property
    def ended(self) -> bool:
        return not self._states

    def close(self) -> None:
        self.closed = True


def test_a_camera_that_fails_for_long_is_an_event_once_and_so_is_its_recovery(
    tmp_path: Path, judges: Judges
) -> None:
    settings = config(tmp_path, 1, camera={"fault_after_s": 15})
    clock = ManualClock()
    states = [
        (1, None),
        (1, Fault.NO_FRAMES),
        *[(5, Fault.NO_FRAMES)] * 6,
        (1, None),
        (1, Fault.BLACK),
        (5, None),
    ]
    Service(settings, judges, SickCamera(clock, states), clock, threading.Event()).run()
    outbox = Outbox(settings.outbox, clock)
    events = [json.loads(item.body) for item in outbox.pending(0, 100)]
    outbox.close()
    faults = [e["data"] for e in events if e["type"] == "camera.fault"]
    assert [f["state"] for f in faults] == ["opened", "closed"]
    assert faults[0]["reason"] == "no frames"
    assert faults[0]["message"] == "/dev/video0: no picture for 5 s"


def test_counts_are_summed_up_once_a_minute_and_at_the_end(tmp_path: Path, judges: Judges) -> None:
    settings = config(tmp_path, 1)
    clock = ManualClock()
    Service(settings, judges, SickCamera(clock, [(10, None)] * 13), clock, threading.Event()).run()
    outbox = Outbox(settings.outbox, clock)
    events = [json.loads(item.body) for item in outbox.pending(0, 100)]
    outbox.close()
    assert [e["type"] for e in events] == ["summary"] * 3
    assert [e["data"]["window_s"] for e in events] == [60.0, 60.0, 10.0]
