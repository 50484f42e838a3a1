"""What the device says of its own pace."""

import pytest

from edge.hardware import memory_mb
from edge.service.pace import Pace


def test_the_frame_rate_is_that_of_the_last_seconds() -> None:
    pace = Pace()
    for n in range(50):
        pace.add(done=n / 10, took_s=0.02)
    assert pace.fps(5.0) == pytest.approx(9.8)
    assert pace.latency_ms == pytest.approx(20)
    assert pace.frames == 50
    assert pace.seconds == pytest.approx(4.9)


def test_a_device_that_judges_nothing_has_no_frame_rate() -> None:
    pace = Pace()
    assert pace.fps(0.0) == 0.0
    for n in range(50):
        pace.add(done=n / 10, took_s=0.02)
    assert pace.fps(60.0) == 0.0


def test_this_process_has_a_size() -> None:
    memory = memory_mb()
    assert memory is not None
    assert 5 < memory < 10_000
