"""The outbox on real files: numbers, order, bounds, damage, a full disk, and kill -9."""

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.clock import trusted
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
from edge.outbox.last_number import Given, LastNumber
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


def database(outbox: Outbox) -> sqlite3.Connection:
    assert outbox._disk._table is not None
    return outbox._disk._table._db


def sequences(outbox: Outbox) -> list[int]:
    return [s.sequence for s in outbox.pending(0, 1000)]


def fill_disk(outbox: Outbox, free_pages: int = 0) -> None:
    """From now on SQLite itself says that the disk is full."""
    used = database(outbox).execute("PRAGMA page_count").fetchone()[0]
    database(outbox).execute(f"PRAGMA max_page_count = {used + free_pages}")


def freeze_disk(outbox: Outbox) -> None:
    """From now on SQLite itself says that it may not write, as after a remount: not even deleting works."""
    database(outbox).execute("PRAGMA query_only = on")


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
    database(outbox).execute("PRAGMA max_page_count = 1000000")
    database(outbox).execute("PRAGMA query_only = off")


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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    database(outbox).execute("PRAGMA wal_autocheckpoint = 0")  # so that each transaction makes it longer
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
        assert outbox.append(fault(), PLACE) == 6  # the second place knows the others
    assert outbox.append(fault(), PLACE) == 7
    assert sequences(outbox) == [6, 7]
    assert "can be opened again: restart maskgate" in str(outbox.problem)
    assert str(outbox.problem).endswith("2 events wait in memory alone")
    assert outbox.close() == 2
    outbox = make()
    assert sequences(outbox) == [1, 2, 3, 4, 5]
    assert outbox.append(fault(), PLACE) == 9
    (report,) = bodies(outbox, "events.dropped")
    assert report["sequences"] == ["000000000006", "000000000007"]


def test_without_room_for_a_fresh_file_after_damage_the_reason_is_given(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database" * 1000)
    with no_room(), pytest.raises(StoreError, match=f"{path}.*disk I/O error"):
        open_file(path, ManualClock(), lambda db: db)


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
    assert "was damaged and lost 100 events" in str(outbox.problem)
    assert outbox.append(fault(), PLACE) == 102  # numbers go on, and the report of the loss comes first
    (report,) = bodies(outbox, "events.dropped")
    assert (report["count"], report["reason"]) == (100, "damaged")
    assert path.with_name("outbox.sqlite.damaged-20260601T080000Z").read_bytes() == content
    assert "set aside as outbox.sqlite.damaged-20260601T080000Z" in caplog.text
    assert make().problem is None


@pytest.mark.parametrize(
    "change",
    [
        "replace(sql, 'count', 'couot')",
        "replace(sql, 'TABLE events', 'TABLE evenus')",
        "replace(sql, 'checksum', 'checksun')",
    ],
)
def test_a_file_with_a_damaged_schema_is_set_aside(
    make: Callable[..., Outbox], path: Path, change: str
) -> None:
    outbox = make()
    outbox.append(fault(), PLACE)
    outbox.close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA writable_schema = on")
    db.execute(f"UPDATE sqlite_master SET sql = {change} WHERE type = 'table'")  # noqa: S608 - ours
    db.commit()
    db.close()
    outbox = make()
    assert outbox.append(fault(), PLACE) == 3
    (report,) = bodies(outbox, "events.dropped")
    assert report["sequences"] == ["000000000001"]
    assert any(".damaged-" in p.name for p in path.parent.iterdir())


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_whose_version_is_damaged_is_set_aside(
    make: Callable[..., Outbox], path: Path, version: int
) -> None:
    outbox = make()
    outbox.append(fault(), PLACE)
    outbox.close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    assert make().append(fault(), PLACE) == 3


def test_a_damaged_file_whose_events_were_all_delivered_loses_nothing(
    make: Callable[..., Outbox], path: Path
) -> None:
    outbox = make()
    for number in range(1, 6):
        outbox.append(fault(), PLACE)
        outbox.remove(number)
    outbox.close()
    path.write_bytes(b"damage" * 1000)
    outbox = make()
    assert outbox.append(fault(), PLACE) == 6
    assert [s.type for s in outbox.pending(0, 10)] == ["camera.fault"]


DAMAGE = {
    "not UTF-8": "body = CAST(replace(body, 'covered', X'ff') AS TEXT)",
    "not JSON": "body = replace(body, '{', '#')",
    "not an object": "body = '[]'",
    "other words": "body = replace(body, 'covered', 'uncovered')",
    "another number": "body = replace(body, '000000000002', '000000000003')",
    "a number": "body = 7",
    "bytes": "body = CAST(body AS BLOB) || X'00'",
    "another type": "type = 'summary'",
    "a type that is not UTF-8": "type = CAST(X'fffe' AS TEXT)",
    "another time": "recorded = 7",
    "a time that is not one": "recorded = CAST(X'ff' AS TEXT)",
    "another checksum": "checksum = checksum + 1",
    "no checksum": "checksum = NULL",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_row_is_set_aside_and_reported_and_the_next_one_goes_out(
    make: Callable[..., Outbox], path: Path, damage: str
) -> None:
    outbox = make()
    for number in (1, 2, 3):
        outbox.append(fault(number), PLACE)
    outbox.close()
    db = sqlite3.connect(path)
    db.execute(f"UPDATE events SET {DAMAGE[damage]} WHERE sequence = 2")  # noqa: S608 - ours
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.commit()
    db.close()
    outbox = make()
    assert sequences(outbox) == [1, 3]
    assert (outbox.depth, outbox.dropped) == (2, 1)
    assert outbox.append(fault(4), PLACE) == 5
    assert [s.type for s in outbox.pending(3, 9)] == ["events.dropped", "camera.fault"]
    (report,) = bodies(outbox, "events.dropped")
    assert (report["count"], report["by_type"], report["reason"]) == (1, {"unknown": 1}, "damaged")
    assert report["sequences"] == ["000000000002"]
    outbox.close()
    db = sqlite3.connect(path)
    db.text_factory = bytes
    assert db.execute("SELECT sequence FROM damaged").fetchall() == [(2,)]
    db.close()
    assert sequences(make()) == [1, 3, 4, 5]


def test_damage_is_still_known_after_a_restart_that_could_not_report_it(
    make: Callable[..., Outbox], path: Path
) -> None:
    outbox = make()
    for number in (1, 2, 3):
        outbox.append(fault(number), PLACE)
    database(outbox).execute("UPDATE events SET body = '?' WHERE sequence = 2")
    assert sequences(outbox) == [1, 3]  # the row is set aside
    assert sequences(make()) == [1, 3]
    outbox = make()
    outbox.append(fault(4), PLACE)
    (report,) = bodies(outbox, "events.dropped")
    assert report["sequences"] == ["000000000002"]


def test_rows_of_an_earlier_version_get_a_checksum_and_damaged_ones_are_set_aside(
    make: Callable[..., Outbox], path: Path
) -> None:
    outbox = make()
    for number in range(1, 5):
        outbox.append(fault(number), PLACE)
    outbox.close()
    path.with_name("outbox.sqlite.number").unlink()
    db = sqlite3.connect(path)
    db.executescript(
        "ALTER TABLE events DROP COLUMN checksum; DROP TABLE damaged; DROP TABLE lost;"
        "PRAGMA user_version = 2;"
        "UPDATE events SET body = CAST(replace(body, 'covered', X'ff') AS TEXT) WHERE sequence = 2;"
        "UPDATE events SET body = replace(body, '{', '#') WHERE sequence = 3;"
    )
    db.close()
    outbox = make()
    assert sequences(outbox) == [1, 4]
    assert outbox.append(fault(), PLACE) == 6
    (report,) = bodies(outbox, "events.dropped")
    assert report["sequences"] == ["000000000002", "000000000003"]
    assert sequences(make()) == [1, 4, 5, 6]


@pytest.mark.parametrize("never_given", [5, 0, -7])
def test_a_row_whose_number_was_never_given_is_in_nobodys_way(
    never_given: int, make: Callable[..., Outbox], path: Path
) -> None:
    outbox = make()
    for number in (1, 2, 3):
        outbox.append(fault(number), PLACE)
    outbox.close()
    db = sqlite3.connect(path)
    db.execute("UPDATE events SET sequence = ? WHERE sequence = 3", (never_given,))
    db.commit()
    db.close()
    outbox = make()
    assert (sequences(outbox), outbox.depth) == ([1, 2], 2)
    assert outbox.append(fault(4), PLACE) == 5
    (report,) = bodies(outbox, "events.dropped")
    assert (report["count"], report["sequences"]) == (1, [])
    assert sequences(make()) == [1, 2, 4, 5]


def test_a_file_that_is_damaged_while_it_is_in_use_is_replaced(
    make: Callable[..., Outbox], path: Path
) -> None:
    outbox = make()
    for number in range(1, 101):
        outbox.append(fault(number), PLACE)
    database(outbox).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database(outbox).execute("PRAGMA cache_size = 0")
    content = path.read_bytes()
    path.write_bytes(content[:4096] + os.urandom(len(content) - 4096))
    assert sequences(outbox) == []
    assert outbox.append(fault(), PLACE) > 100
    assert outbox.append(fault(), PLACE) > 101
    (report,) = bodies(outbox, "events.dropped")
    assert (report["count"], report["reason"]) == (100, "damaged")
    assert outbox.problem is None
    assert any(".damaged-" in p.name for p in path.parent.iterdir())


LIFE = """
import os, sys
from pathlib import Path
from edge.clock import SystemClock
from edge.config import OutboxConfig
from edge.events import Place, CameraFault, new_event
from edge.outbox import Outbox
outbox = Outbox(OutboxConfig(path=Path(sys.argv[1])), SystemClock())
for number in range(1, 101):
    data = CameraFault(state="opened", reason="covered", message=str(number))
    outbox.append(new_event(data, SystemClock().utc()), Place("hq", "north-door"))
    if number <= 40:
        outbox.remove(number)
os._exit(0)  # as kill -9: the write-ahead log stays
"""


@pytest.mark.slow
def test_a_damaged_write_ahead_log_loses_little_gives_no_number_twice_and_its_loss_is_reported(
    tmp_path: Path,
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    subprocess.run([sys.executable, "-c", LIFE, str(before / "outbox.sqlite")], check=True)
    assert (before / "outbox.sqlite-wal").stat().st_size > 20_000
    dice, most = random.Random(15), 0
    for turn in range(40):
        folder = tmp_path / str(turn)
        shutil.copytree(before, folder)
        wal = folder / "outbox.sqlite-wal"
        content = bytearray(wal.read_bytes())
        place = dice.randrange(len(content))
        if turn % 2:
            content[place] ^= 1 << dice.randrange(8)
        else:
            del content[place:]
        wal.write_bytes(content)
        outbox = Outbox(OutboxConfig(path=folder / "outbox.sqlite"), ManualClock())
        assert outbox.append(fault(), PLACE) > 100
        events = outbox.pending(0, 1000)
        reported = [int(n) for report in bodies(outbox, "events.dropped") for n in report["sequences"]]
        stored = [s.sequence for s in events if s.sequence <= 100]
        assert all(json.loads(s.body)["data"].get("message", "1") in (str(s.sequence), "1") for s in events)
        assert {*stored, *reported} >= set(range(41, 101))
        assert not set(stored) & set(reported)
        assert sum(report["count"] for report in bodies(outbox, "events.dropped")) == len(reported)
        most = max(most, len(reported))
        outbox.close()
    assert 0 < most <= 40  # what a checkpoint bounds


@pytest.mark.slow
def test_both_copies_of_the_highest_number_may_be_torn_but_not_at_once(tmp_path: Path) -> None:
    path = tmp_path / "number"
    numbers = LastNumber(path)
    assert numbers.read() == Given()
    for last in (1, 2, 3):
        numbers.write(Given(last, 0, last))
        numbers.sync()
        numbers.write(Given(last, last, 0))
    numbers.close()
    content = path.read_bytes()
    assert LastNumber(path).read() == Given(3, 3, 0)
    for offset in range(len(content)):
        path.write_bytes(content[:offset] + bytes([content[offset] ^ 4]) + content[offset + 1 :])
        assert LastNumber(path).read() in (Given(3, 3, 0), Given(3, 0, 3), Given(2, 2, 0))
    path.write_bytes(b"nonsense")
    assert LastNumber(path).read() == Given()


@pytest.mark.parametrize("days", [95, 4000, 30_000])
def test_a_clock_that_is_ahead_at_the_start_drops_nothing(make: Callable[..., Outbox], days: int) -> None:
    outbox = make()
    for number in range(1, 21):
        outbox.append(fault(number), PLACE)
    clock = ManualClock(START + timedelta(days=days))
    clock.is_confirmed = False
    outbox = make(clock)
    for _ in range(48):  # hours without a source of time
        outbox.append(fault(), PLACE)
        clock.advance(3600)
    assert sequences(outbox) == list(range(1, 69))
    clock.set_utc(START + timedelta(days=2))
    clock.is_confirmed = True
    clock.advance(7200)
    outbox.append(fault(), PLACE)
    assert sequences(outbox) == list(range(1, 70))


def test_an_event_that_is_really_too_old_goes_after_delivery_had_its_chance(
    make: Callable[..., Outbox],
) -> None:
    make().append(fault(1), PLACE)
    clock = ManualClock(START + timedelta(days=95))
    outbox = make(clock)
    outbox.append(fault(2), PLACE)
    clock.advance(3500)
    outbox.append(fault(3), PLACE)
    assert sequences(outbox) == [1, 2, 3]
    clock.advance(3700)
    outbox.append(fault(4), PLACE)
    assert sequences(outbox) == [2, 3, 4]


@pytest.mark.parametrize("days", [95, -95, 400])
def test_a_clock_that_jumps_while_it_runs_drops_nothing(make: Callable[..., Outbox], days: int) -> None:
    clock = ManualClock()
    outbox = make(clock)
    outbox.append(fault(), PLACE)
    clock.advance(7200)
    outbox.append(fault(), PLACE)
    clock.set_utc(clock.utc() + timedelta(days=days))
    for _ in range(5):
        clock.advance(3700)
        outbox.append(fault(), PLACE)
    assert sequences(outbox) == list(range(1, 8))


def test_a_clock_far_in_the_future_is_not_trusted() -> None:
    assert trusted(ManualClock(START))
    assert not trusted(ManualClock(datetime(2106, 2, 7, tzinfo=timezone.utc)))


def test_a_file_of_a_newer_version_is_left_alone(make: Callable[..., Outbox], path: Path) -> None:
    make().close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match=f"{path} was made by a newer maskgate"):
        make()
    assert [p.name for p in path.parent.iterdir()] == ["outbox.sqlite"]


@pytest.mark.slow
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
