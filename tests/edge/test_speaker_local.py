"""The local path: real sockets, speakers that come and go, and whoever else might talk to them."""

import json
import os
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from edge.clock import SystemClock
from edge.errors import ConfigError
from edge.speaker import local as local_module
from edge.speaker.local import LocalReceiver, LocalSender
from edge.speaker.received_event import SIZE_MAX

WAIT_S = 20.0
Eventually = Callable[[Callable[[], object]], None]


def played(violation: str) -> bytes:
    data = {"violation": violation, "clock_trusted": True}
    return json.dumps({"type": "announcement.played", "time": "2026-06-01T12:00:00Z", "data": data}).encode()


class Ear:
    """A speaker's ear, and what it heard."""

    def __init__(self, path: Path) -> None:
        self.heard: SimpleQueue[bytes] = SimpleQueue()
        self.ear = LocalReceiver(path, self.heard.put)
        self.ear.start()

    def next(self) -> bytes:
        return self.heard.get(timeout=WAIT_S)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "local.sock"


@pytest.fixture
def listen(path: Path) -> Iterator[Callable[[], Ear]]:
    made: list[Ear] = []

    def begin() -> Ear:
        made.append(Ear(path))
        return made[-1]

    yield begin
    for one in made:
        one.ear.close()


@pytest.fixture
def sender(path: Path) -> Iterator[LocalSender]:
    made = LocalSender(path, SystemClock())
    yield made
    made.close()


def test_the_speaker_gets_the_bytes_and_the_device_hears_that_they_were_announced(
    listen: Callable[[], Ear], sender: LocalSender, eventually: Eventually
) -> None:
    speaker = listen()
    assert sender.announced() == []
    assert sender.send(b"a violation")
    assert speaker.next() == b"a violation"
    assert sender.announced() == []
    speaker.ear.answer(played("v1"))
    speaker.ear.answer(b"nonsense")
    speaker.ear.answer(played("v2"))
    assert sender.announced() == ["v1", "v2"]
    assert sender.announced() == []


def test_a_speaker_that_is_away_is_not_an_error_and_is_logged_once(
    listen: Callable[[], Ear], sender: LocalSender, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert [sender.send(b"x"), sender.send(b"y")] == [False, False]
    assert sender.announced() == []
    (record,) = caplog.records
    assert f"does not listen on {path}" in record.getMessage()
    speaker = listen()
    assert sender.send(b"z")
    assert speaker.next() == b"z"
    speaker.ear.close()
    assert not sender.send(b"x")
    assert len(caplog.records) == 2


def test_a_speaker_that_was_started_again_is_found_at_once(
    listen: Callable[[], Ear], sender: LocalSender
) -> None:
    first = listen()
    assert sender.send(b"x")
    first.ear.close()
    second = listen()
    assert sender.send(b"y")
    assert second.next() == b"y"
    second.ear.answer(played("v1"))
    assert sender.announced() == ["v1"]


def test_a_socket_that_a_killed_speaker_left_is_replaced(
    listen: Callable[[], Ear], sender: LocalSender, path: Path
) -> None:
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    dead.bind(str(path))
    dead.close()
    assert path.is_socket()
    assert not sender.send(b"x")
    speaker = listen()
    assert sender.send(b"y")
    assert speaker.next() == b"y"


def test_a_speaker_that_does_not_keep_up_never_blocks_the_device(path: Path, sender: LocalSender) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(path))
        taken = [sender.send(b"x" * 1000) for _ in range(2000)]
        assert taken[0]
        assert not taken[-1]
        deaf.setblocking(False)
        for _ in range(taken.count(True)):
            deaf.recv(2000)
        assert sender.send(b"it keeps up again")


def test_only_the_speakers_user_and_group_may_talk_to_it(listen: Callable[[], Ear], path: Path) -> None:
    before = os.umask(0)
    try:
        listen()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


def test_the_socket_goes_with_the_speaker(listen: Callable[[], Ear], path: Path) -> None:
    speaker = listen()
    speaker.ear.close()
    assert not path.exists()
    assert not speaker.ear.healthy


def test_hostile_datagrams_reach_the_judge_in_bounds_and_end_nothing(
    listen: Callable[[], Ear], path: Path
) -> None:
    speaker = listen()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:  # without an address of its own
        stranger.connect(str(path))
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        for payload in (b"", b"\xff" * 100, b"x" * (SIZE_MAX + 1000)):
            stranger.send(payload)
            assert len(speaker.next()) == min(len(payload), SIZE_MAX + 1)
    speaker.ear.answer(played("v1"))
    assert speaker.ear.healthy


def test_nobody_but_the_speaker_can_answer(listen: Callable[[], Ear], sender: LocalSender) -> None:
    listen()
    assert sender.send(b"x")
    assert sender._socket
    address = sender._socket.getsockname()
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger,
        pytest.raises(PermissionError),
    ):
        stranger.sendto(played("v1"), address)
    assert sender.announced() == []


def test_the_speaker_answers_those_that_spoke_last(
    listen: Callable[[], Ear], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_module, "_SENDERS_MAX", 2)
    speaker, senders = listen(), [LocalSender(path, SystemClock()) for _ in range(3)]
    for i in (0, 1, 0, 2):  # so 1 spoke least recently
        assert senders[i].send(b"x")
        speaker.next()
    speaker.ear.answer(played("v1"))
    assert [s.announced() for s in senders] == [["v1"], [], ["v1"]]
    senders[0].close()  # one that has gone does not keep the others from their answer
    speaker.ear.answer(played("v2"))
    assert senders[2].announced() == ["v2"]
    for one in senders:
        one.close()


@pytest.mark.parametrize("name", ["missing/local.sock", "x" * 200])
def test_a_place_for_no_socket_is_a_mistake_in_the_configuration(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"speaker\.socket .*no socket can be made there"):
        LocalReceiver(tmp_path / name, lambda _: None)


def test_a_file_that_is_not_a_socket_is_not_removed(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(ConfigError, match="in use"):
        LocalReceiver(path, lambda _: None)
    assert path.read_text() == "precious"
