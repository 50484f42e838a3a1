"""The outbox on real files: numbers, order, bounds, damage, a full disk, and kill -9."""

import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.config import OutboxConfig
from edge.errors import StoreError
from edge.events import (
    CameraFault,
    Data,
    DeviceStarted,
    Event,
    Place,
    Summary,
    ViolationClosed,
    ViolationOpened,
    new_event,
)
from edge.outbox import Outbox
from edge.outbox.file import open_file
from edge.sim.manual_clock import START, ManualClock

PLACE = Place("hq", "north-door")
WRITER = """
import sys
from pathlib import Path
from edge.clock import SystemClock
from edge.config import OutboxConfig
from edge.events import Place, CameraFault, new_event
from edge.outbox import Outbox
clock = SystemClock()
outbox = Outbox(OutboxConfig(path=Path(sys.argv[1])), clock)
data = CameraFault(state="opened", reason="covered", message="it is dark")
while True:
    event = new_event(data, clock.utc())
    print(outbox.append(event, Place("hq", "north-door")), event.id, flush=True)
"""


def fault(number: int = 1) -> Event:
    data: Data = CameraFault(state="opened", reason="covered", message=str(number))
    return new_event(data, START)


def summary() -> Event:
    return new_event(Summary(**dict.fromkeys(Summary.model_fields, 0)), START)


def opened(violation: str) -> Event:
    data = ViolationOpened(
        violation=violation, zone="lobby", track=1, score=0.1, face_width_px=60, seen_for_s=0.5, model="m"
    )
    return new_event(data, START)


def closed(violation: str) -> Event:
    data = ViolationClosed(
        violation=violation, zone="lobby", track=1, reason="left", duration_s=1.0, announced=False
    )
    return new_event(data, START)


def bodies(outbox: Outbox, kind: str) -> list[dict[str, Any]]:
    return [json.loads(s.body)["data"] for s in outbox.pending(0, 1000) if s.type == kind]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lib" / "outbox.sqlite"


@pytest.fixture
def make(path: Path) -> Iterator[Callable[..., Outbox]]:
    """Opens the same file again and again, one at a time."""
    made: list[Outbox] = []

    def open_again(clock: ManualClock | None = None, **bounds: Any) -> Outbox:
        for outbox in made:
            outbox.close()
        made.append(Outbox(OutboxConfig(path=path, **bounds), clock or ManualClock()))
        return made[-1]

    yield open_again
    for outbox in made:
        outbox.close()


def sequences(outbox: Outbox) -> list[int]:
    return [s.sequence for s in outbox.pending(0, 1000)]


def fill_disk(outbox: Outbox, free_pages: int = 0) -> None:
    """From now on SQLite itself says that the disk is full."""
    used = outbox._table._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._table._db.execute(f"PRAGMA max_page_count = {used + free_pages}")


def freeze_disk(outbox: Outbox) -> None:
    """From now on SQLite itself says that it may not write, as after a remount: not even deleting works."""
    outbox._table._db.execute("PRAGMA query_only = on")


@contextmanager
def no_room() -> Iterator[None]:
    """As long as it lasts no file of this process may grow: the system says no, and not SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def heal_disk(outbox: Outbox) -> None:
    outbox._table._db.execute("PRAGMA max_page_count = 1000000")
    outbox._table._db.execute("PRAGMA query_only = off")


def test_an_event_lies_there_as_it_goes_out(make: Callable[..., Outbox]) -> None:
    event = fault(7)
    outbox = make()
    assert outbox.append(event, PLACE) == 1
    (stored,) = outbox.pending(0, 10)
    assert (stored.sequence, stored.type) == (1, "camera.fault")
    wire = json.loads(stored.body)
    assert (wire["id"], wire["sequence"], wire["source"]) == (
        event.id,
        "000000000001",
        "/maskgate/hq/north-door",
    )
    assert wire["recordedtime"] == "2026-06-01T08:00:00.000Z"
    assert (wire["data"]["message"], wire["data"]["replayed"]) == ("7", False)


def test_pending_is_in_order_and_goes_on_after_a_number(make: Callable[..., Outbox]) -> None:
    outbox = make()
    for _ in range(5):
        outbox.append(fault(), PLACE)
    outbox.remove(2)
    assert sequences(outbox) == [1, 3, 4, 5]
    assert [s.sequence for s in outbox.pending(1, 2)] == [3, 4]
    assert outbox.depth == 4


def test_numbers_go_on_after_a_restart_even_if_nothing_is_left(make: Callable[..., Outbox]) -> None:
    outbox = make()
    for number in (1, 2, 3):
        assert outbox.append(fault(), PLACE) == number
        outbox.remove(number)
    outbox = make()
    assert (outbox.last, outbox.depth) == (3, 0)
    assert outbox.append(fault(), PLACE) == 4


@given(
    st.lists(
        st.sampled_from(["append", "append", "remove", "reopen", "full", "frozen", "healed"]), max_size=30
    )
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_it_is_a_queue_whatever_happens(tmp_path_factory: pytest.TempPathFactory, steps: list[str]) -> None:
    config = OutboxConfig(path=tmp_path_factory.mktemp("outbox") / "outbox.sqlite")
    outbox, expected, count = Outbox(config, ManualClock()), list[int](), 0
    for step in steps:
        if step == "append":
            count += 1
            assert outbox.append(fault(count), PLACE) == count
            expected.append(count)
        elif step == "remove" and expected:
            outbox.remove(expected.pop(0))
        elif step == "full":
            fill_disk(outbox)
        elif step == "frozen":
            freeze_disk(outbox)
        elif step == "healed":
            heal_disk(outbox)
        elif step == "reopen":
            heal_disk(outbox)
            outbox.close()
            outbox = Outbox(config, ManualClock())
        assert sequences(outbox) == expected
        assert (outbox.depth, outbox.last) == (len(expected), count)
    outbox.close()


def test_a_full_outbox_drops_the_oldest_summaries_and_then_the_oldest_events(
    make: Callable[..., Outbox], caplog: pytest.LogCaptureFixture
) -> None:
    outbox = make(max_rows=100)
    for i in range(100):
        outbox.append(summary() if i in (10, 20) else fault(), PLACE)
    outbox.append(fault(), PLACE)
    assert 11 not in sequences(outbox)
    outbox.append(fault(), PLACE)
    assert 21 not in sequences(outbox)
    assert sequences(outbox)[0] == 1
    outbox.append(fault(), PLACE)
    assert sequences(outbox)[0] == 2
    assert (outbox.depth, outbox.dropped) == (100, 3)
    assert "is full (rows)" in caplog.text


@pytest.mark.parametrize("where", ["on disk", "in memory"])
def test_the_opening_of_what_is_still_open_goes_last(make: Callable[..., Outbox], where: str) -> None:
    outbox = make(max_rows=100)
    if where == "in memory":
        freeze_disk(outbox)
    for event in (opened("a"), opened("b"), closed("a")):
        outbox.append(event, PLACE)
    for _ in range(97):
        outbox.append(fault(), PLACE)
    dropped = []
    for _ in range(20):
        before = sequences(outbox)
        outbox.append(fault(), PLACE)
        dropped += [number for number in before if number not in sequences(outbox)]
    assert dropped == [1, *range(3, 22)]
    assert [s.type for s in outbox.pending(0, 1)] == ["violation.opened"]


def test_a_start_ends_whatever_was_open(make: Callable[..., Outbox]) -> None:
    outbox = make(max_rows=100)
    outbox.append(opened("a"), PLACE)
    outbox.append(new_event(DeviceStarted(software="maskgate", previous="stopped"), START), PLACE)
    for _ in range(99):
        outbox.append(fault(), PLACE)
    assert sequences(outbox)[0] == 2


def test_bodies_are_bounded_in_bytes(make: Callable[..., Outbox]) -> None:
    outbox = make(max_bytes=1_000_000)
    outbox.append(summary(), PLACE)
    for _ in range(15):
        data = CameraFault(state="opened", reason="covered", message="x" * 99_000)
        outbox.append(new_event(data, START), PLACE)
    held = outbox.pending(0, 100)
    assert 900_000 < sum(len(s.body) for s in held) <= 1_000_000
    assert [s.sequence for s in held] == list(range(7, 17))
    assert "(bytes)" in str(outbox.problem)
    assert sequences(make(max_bytes=1_000_000)) == [s.sequence for s in held]


def test_what_was_dropped_is_told_as_soon_as_there_is_room_and_drops_nothing_itself(
    make: Callable[..., Outbox],
) -> None:
    outbox = make(max_rows=100)
    for _ in range(50):
        outbox.append(summary(), PLACE)
    for _ in range(120):
        outbox.append(fault(), PLACE)
    assert "reached its bounds (rows) and dropped 70 events" in str(outbox.problem)
    outbox = make(max_rows=100)  # a restart forgets nothing
    assert "dropped 70 events" in str(outbox.problem)
    assert bodies(outbox, "events.dropped") == []
    outbox.remove(sequences(outbox)[0])
    outbox.append(fault(), PLACE)  # it takes the only place
    assert bodies(outbox, "events.dropped") == []
    for number in sequences(outbox)[:2]:
        outbox.remove(number)
    outbox.append(fault(), PLACE)
    (told,) = bodies(outbox, "events.dropped")
    assert (told["count"], told["reason"]) == (70, "rows")
    assert told["by_type"] == {"summary": 50, "camera.fault": 20}
    assert sequences(outbox)[-2:] == [outbox.last - 1, outbox.last]
    assert outbox.problem is None
    assert make(max_rows=100).problem is None


def test_a_report_of_losses_that_is_dropped_lives_on_in_the_next_one(make: Callable[..., Outbox]) -> None:
    outbox = make(max_rows=100)
    for _ in range(103):
        outbox.append(fault(), PLACE)
    for number in sequences(outbox)[:50]:
        outbox.remove(number)
    for _ in range(150):
        outbox.append(fault(), PLACE)
    for number in sequences(outbox)[:50]:
        outbox.remove(number)
    outbox.append(fault(), PLACE)
    (told,) = bodies(outbox, "events.dropped")
    assert told["by_type"] == {"camera.fault": told["count"]}
    # numbers given, less the reports', less those acknowledged, less those that lie there
    assert told["count"] == outbox.last - 2 - 100 - (outbox.depth - 1)


def test_what_is_too_old_goes_by_a_clock_that_is_trusted(make: Callable[..., Outbox]) -> None:
    clock = ManualClock(datetime(1970, 1, 1, tzinfo=timezone.utc))
    outbox = make(clock, max_age_days=30)
    outbox.append(fault(), PLACE)  # nobody knows when that was
    clock.set_utc(START)
    outbox.append(fault(), PLACE)
    clock.advance(29 * 86400)
    outbox.append(fault(), PLACE)
    assert sequences(outbox) == [1, 2, 3]
    clock.advance(2 * 86400)
    outbox.append(fault(), PLACE)
    assert sequences(outbox) == [1, 3, 4]
    outbox.append(fault(), PLACE)
    (told,) = bodies(outbox, "events.dropped")
    assert (told["count"], told["by_type"], told["reason"]) == (1, {"camera.fault": 1}, "age")


def test_it_knows_how_the_run_before_has_ended(
    make: Callable[..., Outbox], path: Path, tmp_path: Path
) -> None:
    outbox = make()
    assert outbox.previous == "none"
    outbox.append(fault(), PLACE)
    assert make().previous == "stopped"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "other.sqlite")], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        next(writer.stdout)
        writer.kill()
    outbox = Outbox(OutboxConfig(path=tmp_path / "other.sqlite"), ManualClock())
    assert outbox.previous == "ended without warning"
    outbox.append(fault(), PLACE)
    outbox.close(orderly=False)
    outbox = Outbox(OutboxConfig(path=tmp_path / "other.sqlite"), ManualClock())
    assert outbox.previous == "ended without warning"
    outbox.close()


def test_an_outbox_of_an_earlier_version_is_brought_up_to_date(
    make: Callable[..., Outbox], path: Path
) -> None:
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, "
        "body TEXT NOT NULL); CREATE INDEX summaries ON events (sequence) WHERE type = 'summary'; "
        "INSERT INTO events VALUES (7, 'camera.fault', '{}'); PRAGMA user_version = 1;"
    )
    db.close()
    outbox = make()
    assert outbox.append(fault(), PLACE) == 8
    assert sequences(outbox) == [7, 8]


def test_the_disk_is_written_once_an_event_and_never_while_nothing_happens(
    make: Callable[..., Outbox], path: Path
) -> None:
    outbox, wal = make(), path.with_name("outbox.sqlite-wal")
    sizes = []
    for number in range(1, 11):
        outbox.append(fault(), PLACE)
        sizes.append(wal.stat().st_size)
        outbox.remove(number)  # acknowledged
        for _ in range(10):
            assert outbox.pending(number, 1) == []
        assert wal.stat().st_size == sizes[-1]
    assert sizes == sorted(set(sizes))
    assert outbox.depth == 0
    assert make().depth == 0


def test_many_acknowledgements_are_written_together(make: Callable[..., Outbox], path: Path) -> None:
    outbox, wal = make(), path.with_name("outbox.sqlite-wal")
    for _ in range(100):
        outbox.append(fault(), PLACE)
    sizes = [wal.stat().st_size]
    for number in range(1, 101):
        outbox.remove(number)
        sizes.append(wal.stat().st_size)
    assert len(set(sizes)) == 1 + 100 // 32


def test_a_smaller_bound_takes_hold_at_the_next_event(make: Callable[..., Outbox]) -> None:
    outbox = make()
    for _ in range(150):
        outbox.append(fault(), PLACE)
    outbox = make(max_rows=100)
    outbox.append(fault(), PLACE)
    assert sequences(outbox) == list(range(52, 152))


def test_a_full_disk_delays_nothing_and_loses_nothing(
    make: Callable[..., Outbox], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = make()
    outbox.append(fault(), PLACE)
    fill_disk(outbox)
    while outbox.problem is None:
        outbox.append(fault(), PLACE)
    outbox.append(fault(), PLACE)
    last = outbox.last
    assert sequences(outbox) == list(range(1, last + 1))
    assert str(path) in outbox.problem
    assert f"make room on the disk that holds {path.parent}" in outbox.problem
    assert outbox.problem.endswith("2 events wait in memory alone")
    assert caplog.text.count("make room") == 1
    outbox.remove(last)
    assert outbox.depth == last - 1

    heal_disk(outbox)
    assert outbox.append(fault(), PLACE) == last + 1
    assert outbox.problem is None
    assert sequences(make()) == [*range(1, last), last + 1]


def test_what_is_acknowledged_on_a_read_only_disk_is_not_sent_again(make: Callable[..., Outbox]) -> None:
    outbox = make()
    for _ in range(3):
        outbox.append(fault(), PLACE)
    freeze_disk(outbox)
    outbox.remove(1)
    assert sequences(outbox) == [2, 3]
    assert outbox.depth == 2
    assert "on a disk that is not read-only" in str(outbox.problem)
    heal_disk(outbox)
    assert sequences(outbox) == [2, 3]
    assert outbox.problem is None
    assert sequences(make()) == [2, 3]


def test_a_number_used_in_memory_alone_is_never_given_again(make: Callable[..., Outbox]) -> None:
    outbox = make()
    fill_disk(outbox)
    while outbox.problem is None:
        outbox.append(fault(), PLACE)
    last = outbox.last
    outbox.remove(last)
    heal_disk(outbox)
    assert make().last == last


def test_a_disk_without_room_for_the_file_is_no_hindrance(
    make: Callable[..., Outbox], path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with no_room():
        outbox = make()
        assert [outbox.append(fault(), PLACE) for _ in range(3)] == [1, 2, 3]
        outbox.remove(1)
        assert (sequences(outbox), outbox.depth) == ([2, 3], 2)
        assert str(path) in str(outbox.problem)
        assert str(outbox.problem).endswith("2 events wait in memory alone")
    assert len(caplog.records) == 1
    assert outbox.append(fault(), PLACE) == 4
    assert outbox.problem is None
    outbox = make()
    assert (sequences(outbox), outbox.last) == ([2, 3, 4], 4)


def test_a_file_in_use_before_that_the_disk_gives_out_late_is_left_for_the_next_start(
    make: Callable[..., Outbox], path: Path
) -> None:
    outbox = make()
    for _ in range(5):
        outbox.append(fault(), PLACE)
    outbox.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = DELETE")  # so that opening it has something to write
    db.close()
    with no_room():
        outbox = make()
        assert outbox.append(fault(), PLACE) == 1
    assert outbox.append(fault(), PLACE) == 2
    assert sequences(outbox) == [1, 2]
    assert "can be opened again: restart maskgate" in str(outbox.problem)
    assert str(outbox.problem).endswith("2 events wait in memory alone")
    assert outbox.close() == 2
    outbox = make()
    assert sequences(outbox) == [1, 2, 3, 4, 5]
    assert outbox.append(fault(), PLACE) == 6


def test_without_room_for_a_fresh_file_after_damage_the_reason_is_given(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with no_room(), pytest.raises(StoreError, match=f"{path}.*disk I/O error"):
        open_file(path, ManualClock())


def test_closing_tells_how_many_events_are_lost(
    make: Callable[..., Outbox], caplog: pytest.LogCaptureFixture
) -> None:
    outbox = make()
    outbox.append(fault(), PLACE)
    assert outbox.close() == 0
    outbox = make()
    fill_disk(outbox)
    while outbox.problem is None:
        outbox.append(fault(), PLACE)
    outbox.append(fault(), PLACE)
    assert outbox.close() == outbox.close() == 2
    assert caplog.text.count("2 events are lost") == 1


def test_events_in_memory_are_bounded_too(make: Callable[..., Outbox]) -> None:
    outbox = make(max_rows=100)
    fill_disk(outbox)
    while outbox.problem is None:
        outbox.append(fault(), PLACE)
    outbox.append(summary(), PLACE)
    first, lost = outbox.last - 1, outbox.last
    for _ in range(99):
        outbox.append(fault(), PLACE)
    assert outbox.dropped == 1
    assert lost not in sequences(outbox)
    assert first in sequences(outbox)


def test_a_second_process_is_turned_away(make: Callable[..., Outbox], path: Path) -> None:
    make()
    with pytest.raises(StoreError, match=f"{path}.*another process has it open"):
        Outbox(OutboxConfig(path=path), ManualClock())


def test_a_path_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/outbox\.sqlite can't be made .*\[outbox\] path"):
        Outbox(OutboxConfig(path=tmp_path / "file" / "outbox.sqlite"), ManualClock())
    with pytest.raises(StoreError, match="can't be written"):
        Outbox(OutboxConfig(path=tmp_path), ManualClock())


@pytest.mark.parametrize("damage", ["no database", "torn page"])
def test_a_damaged_file_is_set_aside(
    make: Callable[..., Outbox], path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = make()
    for _ in range(100):
        outbox.append(fault(), PLACE)
    outbox.close()
    content = bytearray(path.read_bytes())
    start, end = (0, 100) if damage == "no database" else (8192, 20_000)
    content[start:end] = os.urandom(end - start)
    path.write_bytes(content)

    outbox = make()
    assert outbox.append(fault(), PLACE) == 1
    assert path.with_name("outbox.sqlite.damaged-20260601T080000Z").read_bytes() == content
    assert "set aside as outbox.sqlite.damaged-20260601T080000Z" in caplog.text


def test_a_file_of_a_newer_version_is_left_alone(make: Callable[..., Outbox], path: Path) -> None:
    make().close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match=f"{path} was made by a newer maskgate"):
        make()
    assert [p.name for p in path.parent.iterdir()] == ["outbox.sqlite"]


def test_kill_9_loses_nothing_that_append_has_returned(make: Callable[..., Outbox], path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout
        told = [next(writer.stdout).split() for _ in range(50)]
        writer.send_signal(signal.SIGKILL)
        told += [line.split() for line in writer.stdout if line.endswith("\n")]
    found = {s.sequence: json.loads(s.body)["id"] for s in make().pending(0, 100_000)}
    assert [found[int(sequence)] for sequence, _ in told] == [event_id for _, event_id in told]
    assert list(found) == list(range(1, len(found) + 1))
