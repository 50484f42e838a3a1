"""What a speaker remembers over a kill, and what it makes of it."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from queue import SimpleQueue

import pytest

from edge.config import Speaker
from edge.events import AnnouncementFailed, AnnouncementPlayed, Data
from edge.sim.manual_clock import ManualClock
from edge.speaker import memory as memory_module
from edge.speaker.announcer import REMEMBERED, ReceivedViolation
from edge.speaker.memory import AnnouncementMemory
from edge.speaker.sink import Playback
from edge.speaker.worker import SpeakerWorker

WAIT_S = 20.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "memory.sqlite"


def test_each_speaker_has_its_own_memory(path: Path) -> None:
    memory = AnnouncementMemory(path)
    memory.decide("a", "v1", None)
    memory.decide("a", "v2", 5.0)
    memory.decide("b", "v1", 3.0)
    memory.end("a", "v2", 9.0)
    memory.close()
    memory = AnnouncementMemory(path)
    assert (memory.decided("a"), memory.decided("b")) == (["v1", "v2"], ["v1"])
    assert (memory.last_s("a", 20.0), memory.last_s("b", 20.0)) == (9.0, 3.0)
    assert (memory.unfinished("a"), memory.unfinished("b")) == ([], ["v1"])
    assert memory.last_s("c", 20.0) == float("-inf")
    memory.close()


def test_an_end_of_another_life_of_the_machine_does_not_count(path: Path) -> None:
    memory = AnnouncementMemory(path)
    memory.decide("a", "v1", 5000.0)
    assert memory.last_s("a", 4999.0) == float("-inf")
    memory.close()


@pytest.mark.slow
def test_it_survives_kill_9(path: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from edge.speaker.memory import AnnouncementMemory\n"
        f"m = AnnouncementMemory(Path({str(path)!r})); m.decide('a', 'v1', 1.0); m.decide('a', 'v2', None)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    memory = AnnouncementMemory(path)
    assert memory.decided("a") == ["v1", "v2"]
    assert memory.unfinished("a") == ["v1"]
    memory.close()


def test_it_does_not_grow_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "_CLEAR_EVERY", 10)
    monkeypatch.setattr(memory_module, "REMEMBERED", 5)
    memory = AnnouncementMemory(path)
    for i in range(100):
        memory.decide("a", str(i), None)
    assert memory.decided("a") == [str(i) for i in range(95, 100)]
    memory.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM decided").fetchone()[0] == 20
    db.close()
    assert REMEMBERED > 1000


def test_a_damaged_file_is_replaced(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all" * 100)
    memory = AnnouncementMemory(path)
    memory.decide("a", "v1", None)
    assert memory.decided("a") == ["v1"]
    assert "is damaged" in caplog.text
    memory.close()


def test_where_no_file_can_be_made_it_remembers_until_the_restart_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    memory = AnnouncementMemory(tmp_path / "file" / "memory.sqlite")
    memory.decide("a", "v1", None)
    assert memory.decided("a") == ["v1"]
    assert "memory.sqlite: the speaker's memory can't be written" in str(memory.problem)
    assert str(memory.problem) in caplog.text
    memory.close()


def test_a_disk_that_fails_is_a_problem_and_not_the_end(path: Path) -> None:
    memory = AnnouncementMemory(path)
    memory._db.execute("PRAGMA query_only = ON")  # as a disk does that turns read-only
    memory.decide("a", "v1", None)
    assert "may announce something twice" in str(memory.problem)
    memory._db.execute("PRAGMA query_only = OFF")
    memory.decide("a", "v2", None)
    assert memory.problem is None
    memory.close()


# --- what a voice makes of it


class Tape:
    """A sink that notes what it said, and can be stopped in the middle of it for ever."""

    name, problem = "s", None

    def __init__(self, clock: ManualClock, *, hangs: bool = False) -> None:
        self.clock, self.hangs, self.said = clock, hangs, list[str]()
        self.speaking = threading.Event()

    def say(self, heard: ReceivedViolation, stop: threading.Event) -> Playback:
        self.speaking.set()
        while self.hangs:
            stop.wait()
        self.said.append(heard.violation)
        return Playback("id", self.clock.monotonic(), self.clock.monotonic())

    def close(self) -> None:
        """Nothing to let go."""


def run(tape: Tape, path: Path, *violations: str, hold_s: float) -> list[Data]:
    """One life of a speaker that is killed when all is decided, or speaking; returns what it reported."""
    clock, memory, reports = tape.clock, AnnouncementMemory(path), SimpleQueue[Data]()
    settings = Speaker(hold_s=hold_s, max_age_s=100)
    voice = SpeakerWorker(
        tape, settings, memory, clock, quiet=lambda _: False, report=reports.put, tell=lambda _: None
    )
    for violation in violations:
        voice.offer(ReceivedViolation("violation.opened", violation, clock.utc(), True, clock.monotonic()))
    voice.end(finish=True)
    voice.start()
    if tape.hangs:
        assert tape.speaking.wait(WAIT_S)
    else:
        voice.join(WAIT_S)
        assert not voice.healthy
    memory.close()
    return [reports.get() for _ in range(reports.qsize())]


def test_a_restart_says_nothing_twice_and_keeps_the_silence(path: Path) -> None:
    clock = ManualClock()
    clock.advance(1000)
    tape = Tape(clock)
    assert [type(r) for r in run(tape, path, "a", "b", hold_s=10)] == [AnnouncementPlayed]
    clock.advance(5)
    run(tape, path, "a", "b", "c", hold_s=10)
    assert tape.said == ["a"]
    clock.advance(5)
    run(tape, path, "a", "b", "c", "d", hold_s=10)
    assert tape.said == ["a", "d"]


def test_an_announcement_that_a_kill_cut_off_is_reported_and_not_made_again(path: Path) -> None:
    clock = ManualClock()
    clock.advance(1000)
    hanging = Tape(clock, hangs=True)
    assert run(hanging, path, "a", hold_s=10) == []
    tape = Tape(clock)
    (report,) = run(tape, path, "a", "b", hold_s=10)
    assert isinstance(report, AnnouncementFailed)
    assert report.violation == "a"
    assert "was ended during the announcement" in report.reason
    assert tape.said == []  # b is held back: a part of a may have been heard
