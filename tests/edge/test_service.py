"""The device as a whole: real models, a real clip, a real outbox, a real broker."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
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
from edge.config import Config, parse_config
from edge.outbox import Outbox
from edge.people.compose import LoadedModels, load_models
from edge.service.device import RunSummary, Service
from edge.sim.clip import ClipPlayer
from edge.sim.manual_clock import ManualClock
from edge.values import Frame


@pytest.fixture(scope="module")
def models() -> LoadedModels:
    return load_models(Config())


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


def run(settings: Config, models: LoadedModels, clip: Path) -> RunSummary:
    clock, stop = SystemClock(), threading.Event()
    return Service(settings, models, ClipPlayer(clip, clock, stop, speed=4), clock, stop).run()


@pytest.mark.slow
def test_what_happened_without_a_broker_is_delivered_by_the_next_run(
    tmp_path: Path, models: LoadedModels, clip: Path, broker: Any, make_ops: Callable[..., Any]
) -> None:
    with socket.socket() as taken:  # bound, never listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        first = run(config(tmp_path, taken.getsockname()[1]), models, clip)
    assert first.left.waiting == 4
    assert "refused" in first.left.why

    ops = make_ops(broker.port)
    second = run(config(tmp_path, broker.port), models, clip)
    assert second.left.waiting == 0
    messages: list[Any] = []
    while not messages or "offline" not in messages[-1][1]:
        messages.append(ops.next())
    topics = [topic.removeprefix("maskgate/v1/hq/door-1/") for topic, _, _ in messages]
    assert topics[0] == "status"
    assert topics[-1] == "status"
    assert {"info", "health"} <= set(topics)
    events = [json.loads(payload) for topic, payload, _ in messages if topic.endswith(("/event", "/summary"))]
    assert [int(e["sequence"]) for e in events] == [1, 2, 3, 4, 5, 6, 7, 8]
    kinds = ["device.started", "violation.opened", "violation.closed", "summary"]
    assert [e["type"] for e in events] == kinds * 2
    assert [e["data"]["previous"] for e in events if e["type"] == "device.started"] == ["none", "stopped"]
    # the second start itself happened before the connection was there
    assert [e["data"]["replayed"] for e in events] == [True] * 5 + [False] * 3
    assert len({e["id"] for e in events}) == 8


def test_info_and_health_tell_no_secret(
    tmp_path: Path, models: LoadedModels, clip: Path, broker: Any, make_ops: Callable[..., Any]
) -> None:
    ops = make_ops(broker.port)
    camera = {"source": "rtsp://admin:s3cret@192.0.2.1/stream"}
    run(config(tmp_path, broker.port, camera=camera), models, clip)
    said: list[tuple[str, str]] = []
    while not said or "offline" not in said[-1][1]:
        topic, payload, _ = ops.next()
        said.append((topic, payload))
    assert all("s3cret" not in payload for _, payload in said)
    info = json.loads(next(payload for topic, payload in said if topic.endswith("/info")))
    assert info["models"]["mask"]["sha256"] == models.classifier.contract.sha256


class SickCamera:
    """Gives pictures, fails for a while, recovers, ends; its own next() is what makes time pass."""

    def __init__(
        self,
        clock: ManualClock,
        states: Sequence[tuple[float, Fault | None]],
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock, self._states, self._before = clock, list(states), before
        self.status = CameraStatus(
            source="/dev/video0", state=CameraState.LIVE, fault=None, message="", since=0.0,
            fps=10, width=64, height=48, frames=1, reconnects=0,
        )  # fmt: skip

    def start(self) -> None:
        self.started = True

    def next(self, timeout_s: float) -> Frame | None:
        self._before()  # the first picture's time has not come
        self._before = lambda: None
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
    tmp_path: Path, models: LoadedModels
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
    Service(settings, models, SickCamera(clock, states), clock, threading.Event()).run()
    outbox = Outbox(settings.outbox, clock)
    events = [json.loads(item.body) for item in outbox.pending(0, 100)]
    outbox.close()
    faults = [e["data"] for e in events if e["type"] == "camera.fault"]
    assert [f["state"] for f in faults] == ["opened", "closed"]
    assert faults[0]["reason"] == "no frames"
    assert faults[0]["message"] == "/dev/video0: no picture for 5 s"


@pytest.mark.slow
def test_counts_are_summed_up_once_a_minute_and_at_the_end(tmp_path: Path, models: LoadedModels) -> None:
    settings = config(tmp_path, 1)
    clock = ManualClock()
    Service(settings, models, SickCamera(clock, [(10, None)] * 13), clock, threading.Event()).run()
    outbox = Outbox(settings.outbox, clock)
    events = [json.loads(item.body) for item in outbox.pending(0, 100)]
    outbox.close()
    assert [e["type"] for e in events] == ["device.started", *["summary"] * 3]
    assert [e["data"]["window_s"] for e in events[1:]] == [60.0, 60.0, 10.0]


class Systemd:
    """The other end of sd_notify."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        out = []
        while True:
            try:
                out.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return out

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Systemd]:
    made = Systemd(tmp_path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(made.path))
    yield made
    made.close()


def test_systemd_hears_of_every_judged_frame_and_of_a_known_fault_but_not_of_a_hanging_pipeline(
    tmp_path: Path, models: LoadedModels, systemd: Systemd
) -> None:
    clock = ManualClock()
    states = [(0.1, None), (0.1, None), (0.1, Fault.NO_FRAMES), (0.1, Fault.NO_FRAMES)]
    camera = SickCamera(clock, states)
    Service(config(tmp_path, 1), models, camera, clock, threading.Event()).run()
    heard = [m for m in systemd.heard() if not m.startswith("STATUS")]
    assert heard == ["READY=1", *["WATCHDOG=1"] * 4, "STOPPING=1"]

    class Hanging(SickCamera):
        """Comes back from next() without a picture and without a fault, as a stuck part of ours would."""

        def next(self, timeout_s: float) -> Frame | None:
            super().next(timeout_s)
            return None

    Service(config(tmp_path, 1), models, Hanging(clock, [(1, None)] * 5), clock, threading.Event()).run()
    assert [m for m in systemd.heard() if not m.startswith("STATUS")] == ["STOPPING=1"]


@pytest.mark.slow
def test_when_the_camera_fails_nobody_is_left_accused(
    tmp_path: Path, models: LoadedModels, clip: Path
) -> None:
    class Failing:
        """Plays a clip of a bare face, then fails for long, then ends."""

        def __init__(self, clock: ManualClock) -> None:
            self._clip, self._clock = ClipPlayer(clip, clock, threading.Event(), speed=1000), clock
            self._left = 5

        def start(self) -> None:
            self._clip.start()

        def next(self, timeout_s: float) -> Frame | None:
            self._clock.advance(0.1)
            frame = self._clip.next(timeout_s)
            if frame is None:
                self._left -= 1
                self._clock.advance(10)
            return frame

        @property
        def ended(self) -> bool:
            return self._left == 0

        @property
        def status(self) -> CameraStatus:
            fault = Fault.NO_FRAMES if self._clip.ended else None
            return replace(self._clip.status, fault=fault, message="no picture" if fault else "", since=2.0)

        def close(self) -> None:
            self.closed = True

    clock = ManualClock()
    settings = config(tmp_path, 1)
    camera = Failing(clock)
    Service(settings, models, camera, clock, threading.Event()).run()
    assert camera.closed
    outbox = Outbox(settings.outbox, clock)
    types = [item.type for item in outbox.pending(0, 100)]
    outbox.close()
    kinds = ["device.started", "violation.opened", "violation.closed", "camera.fault", "summary"]
    assert types == kinds


def test_an_unexpected_error_is_itself_and_the_device_still_says_farewell(
    tmp_path: Path, models: LoadedModels, clip: Path, broker: Any, make_ops: Callable[..., Any]
) -> None:
    ops = make_ops(broker.port)
    clock, stop = SystemClock(), threading.Event()

    def observe(frame: Frame, result: Any) -> None:
        raise ZeroDivisionError("a mistake of ours")

    service = Service(
        config(tmp_path, broker.port), models, ClipPlayer(clip, clock, stop, speed=4), clock, stop, observe
    )
    with pytest.raises(ZeroDivisionError, match="a mistake of ours"):
        service.run()
    payload = ""
    while "offline" not in payload:
        _, payload, _ = ops.next()
    assert json.loads(payload)["reason"] == "an unexpected error"
    outbox = Outbox(config(tmp_path, broker.port).outbox, clock)  # nobody holds it any more
    assert outbox.previous == "ended without warning"
    outbox.close()


def test_health_names_everything_that_is_wrong(
    tmp_path: Path, models: LoadedModels, clip: Path, broker: Any, make_ops: Callable[..., Any]
) -> None:
    ops = make_ops(broker.port)
    clock = ManualClock(datetime(1970, 1, 2, tzinfo=timezone.utc))
    states = [*[(0.05, Fault.NO_FRAMES)] * 400]
    settings = config(tmp_path, broker.port, indicators={"led_red": "GPIO17"})
    said: list[tuple[str, str]] = []

    def listen_until(word: str) -> None:
        while not said or word not in said[-1][1]:
            topic, payload, _ = ops.next()
            said.append((topic, payload))

    camera = SickCamera(clock, states, lambda: listen_until("online"))
    Service(settings, models, camera, clock, threading.Event()).run()
    listen_until("offline")
    healths = [json.loads(payload) for topic, payload in said if topic.endswith("/health")]
    assert healths
    problems = " ".join(healths[-1]["problems"])
    assert "/dev/video0: no picture for 5 s" in problems
    assert "the clock says 1970-01-02" in problems
    assert "GPIO17" in problems or "gpio" in problems.lower()
    assert healths[-1]["fps"] == 0.0
    assert healths[-1]["clock_trusted"] is False
