"""What arrives at the socket on which systemd listens."""

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.systemd import SystemdNotifier, systemctl, systemd_is_running


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A listening socket, as systemd makes it, and the NOTIFY_SOCKET that names it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@maskgate-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1))
        listening.setblocking(False)
        yield listening, name


def test_systemd_hears_each_message_once_and_in_order(
    systemd: tuple[socket.socket, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    listening, name = systemd
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    notifier = SystemdNotifier()
    notifier.ready()
    notifier.status("14.8 fps,\nbroker away")
    notifier.alive()
    notifier.stopping()
    heard = [listening.recv(4096) for _ in range(4)]
    assert heard == [b"READY=1", b"STATUS=14.8 fps, broker away", b"WATCHDOG=1", b"STOPPING=1"]
    with pytest.raises(BlockingIOError):
        listening.recv(4096)


@pytest.mark.parametrize("value", [None, ""])
def test_without_systemd_nothing_happens(
    value: str | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if value is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", value)
    SystemdNotifier().ready()
    assert caplog.records == []


def test_a_socket_that_went_away_never_stops_the_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        SystemdNotifier(str(tmp_path / "gone")).alive()
    assert "gone': WATCHDOG=1 was not delivered: [Errno 2] No such file or directory" in caplog.text


def test_a_systemd_that_does_not_listen_never_blocks_the_service(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        notifier = SystemdNotifier(str(tmp_path / "deaf"))
        for _ in range(10_000):  # far more than a socket's queue holds
            notifier.alive()
            if caplog.records:
                break
    assert "Resource temporarily unavailable" in caplog.text


def test_without_systemd_it_is_asked_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.systemd._RUNNING", tmp_path / "none")
    assert not systemd_is_running()
    systemctl("no-such-verb")
    assert caplog.records == []


def test_what_systemctl_refuses_is_logged_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "systemctl"
    program.write_text(
        '#!/bin/sh\necho "$@" >>"${0%/*}/asked"\n[ "$1" != fail ] || { echo "no unit x" >&2; exit 5; }\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("edge.systemd._RUNNING", tmp_path)
    assert systemd_is_running()
    systemctl("restart", "--no-block", "maskgate")
    assert caplog.records == []
    systemctl("fail", "x")
    assert caplog.messages == ["systemctl fail x: no unit x"]
    assert (tmp_path / "asked").read_text() == "restart --no-block maskgate\nfail x\n"
