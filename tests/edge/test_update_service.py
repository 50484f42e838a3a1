"""Updates that ops requests: the download, and the service's part."""

import dataclasses
import errno
import json
import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from releases import Device, Key, application, make_key, names, put_on_trial

from edge.config import Config
from edge.errors import UpdateError
from edge.events import Place
from edge.machine.apply_result import ApplyResult, ApplyVerdict
from edge.machine.report import compose
from edge.releases.exchange import RESULTS_MAX, Exchange
from edge.releases.release import in_use
from edge.releases.update_disk import UpdateDisk
from edge.releases.update_messages import UpdateRequest, UpdateResult
from edge.service.messenger import Messenger
from edge.service.updates import Updates
from edge.sim.manual_clock import ManualClock
from edge.update.fetch import fetch
from edge.update.update_url import allowed_url


@pytest.fixture(scope="session")
def ops(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("ops"), "ops")


@pytest.fixture
def device(tmp_path: Path, ops: Key) -> Device:
    return Device(tmp_path / "device", ops)


class Server:
    """Serves a folder over HTTP, and misbehaves for some paths."""

    def __init__(self, folder: Path) -> None:
        self.go_on, self.waited_out = threading.Event(), False
        outer = self

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *args: Any) -> None:
                super().__init__(*args, directory=str(folder))

            def do_GET(self) -> None:
                if self.path.startswith("/away"):
                    self.send_response(302)
                    self.send_header("Location", "http://example.org/x.bundle")
                    self.end_headers()
                elif self.path.startswith(("/slow", "/stop")):
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b"x")
                    if self.path.startswith("/stop"):
                        os.kill(os.getpid(), signal.SIGTERM)  # as systemd does
                    outer.waited_out = not outer.go_on.wait(5)
                elif self.path.startswith("/short"):
                    self.send_response(200)
                    self.send_header("Content-Length", "1000")
                    self.end_headers()
                    self.wfile.write(b"x")
                else:
                    super().do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()


@pytest.fixture
def server(device: Device) -> Iterator[Server]:
    (device.root / "server").mkdir()
    server = Server(device.root / "server")
    yield server
    server.go_on.set()
    server.http.shutdown()
    server.thread.join()
    server.http.server_close()


def asked_for(device: Device, url: str, disk: UpdateDisk | None = None) -> None:
    device.exchange().ask(UpdateRequest(url=url, version="2.0.0"))
    with pytest.raises(UpdateError, match="Another update is under way"):
        device.exchange().ask(UpdateRequest(url=url, version="2.0.0"))
    fetch(device.exchange(), disk or UpdateDisk())


def test_a_requested_update_is_downloaded_and_goes_put_on_trial(device: Device, server: Server) -> None:
    bundle = device.bundle(application("2.0.0"), device.root / "server")
    asked_for(device, f"{server.url}/{bundle.name}")
    assert names(device.exchange_folder) == [
        "incoming.bundle",
        "incoming.json",
        "incoming.minisig",
    ]
    assert device.updater().attend()
    assert device.in_use() == ("application-2.0.0", "shipped")


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/none.bundle", "the signature (.minisig): the server answers 404 Not Found"),
        ("/away.bundle", "http://example.org: give https://"),
        ("/short.bundle", "the connection broke off: 999 bytes are missing"),
        ("/big.bundle", "the signature (.minisig) is larger than the limit of 0.004096 MB"),
    ],
)
def test_a_failed_download_is_reported_and_leaves_nothing(
    path: str, says: str, device: Device, server: Server
) -> None:
    (device.root / "server/big.bundle.minisig").write_bytes(b"x" * 5000)
    with pytest.raises(UpdateError, match=re.escape(says)):
        asked_for(device, f"{server.url}{path}")
    (text,) = device.reported_texts()
    assert text.startswith("update to version 2.0.0 failed: ")
    assert says in text
    assert names(device.exchange_folder) == []


def test_a_download_without_room_is_reported_and_leaves_nothing(
    device: Device, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = device.bundle(application("2.0.0"), device.root / "server")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 63_999_999))
    with pytest.raises(UpdateError, match=r"exchange: less than 64 MB are free: there is no room for it"):
        asked_for(device, f"{server.url}/{bundle.name}")
    (text,) = device.reported_texts()
    assert "less than 64 MB are free" in text
    assert names(device.exchange_folder) == []


class FullDisk(UpdateDisk):
    """A disk with room for the signature, but not for the bundle."""

    def step(self, what: str) -> None:
        if what == "create incoming.bundle.part":
            raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_in_the_middle_of_a_download_is_named(device: Device, server: Server) -> None:
    bundle = device.bundle(application("2.0.0"), device.root / "server")
    with pytest.raises(UpdateError, match=r"exchange: can't be written: No space left on device"):
        asked_for(device, f"{server.url}/{bundle.name}", FullDisk())
    assert len(device.reported_texts()) == 1
    assert names(device.exchange_folder) == []


def test_root_may_remove_a_request_while_the_download_does(device: Device) -> None:
    request = device.exchange().request_path
    request.write_text("no request")

    class Meanwhile(UpdateDisk):
        def step(self, what: str) -> None:
            request.unlink()

    fetch(device.exchange(), Meanwhile())
    assert names(device.exchange_folder) == []


def test_a_server_that_sends_byte_by_byte_is_given_up_when_the_time_is_over(
    device: Device, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.update.fetch._LIMIT_S", 0.0)
    with pytest.raises(UpdateError, match="not complete after"):
        asked_for(device, f"{server.url}/slow.bundle")
    assert not server.waited_out
    assert names(device.exchange_folder) == [f"outcome-{device.exchange().results()[0].id}.json"]


def test_a_download_that_systemd_stops_is_reported_and_leaves_nothing(device: Device, server: Server) -> None:
    with pytest.raises(UpdateError, match="was stopped before it was complete"):
        asked_for(device, f"{server.url}/stop.bundle")
    assert device.reported_texts() == [
        "update to version 2.0.0 failed: the download was stopped before it was complete"
    ]
    assert names(device.exchange_folder) == []


def test_a_server_that_is_not_there_is_named(device: Device) -> None:
    with pytest.raises(
        UpdateError, match=r"http://127.0.0.1:1: the signature \(.minisig\) can't be downloaded: .*refused"
    ):
        asked_for(device, "http://127.0.0.1:1/x")


@pytest.mark.parametrize("url", ["https://example.org/x", "http://192.168.1.7:8000/x", "http://nas.local/x"])
def test_addresses_that_updates_may_come_from(url: str) -> None:
    assert allowed_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/x", "file:///etc/passwd", "ftp://192.168.1.7/x", "x", "", "https://",
        "http://8.8.8.8/x", "http://[/",
    ],
)  # fmt: skip
def test_addresses_that_updates_may_not_come_from(url: str) -> None:
    with pytest.raises(UpdateError, match=r"give https://|is not a URL"):
        allowed_url(url)


def test_without_the_package_there_are_no_results(tmp_path: Path) -> None:
    assert Exchange(tmp_path).results() == []


def test_a_request_without_a_key_or_a_package_is_refused_at_once(tmp_path: Path) -> None:
    exchange, request = Exchange(tmp_path, keys=tmp_path), UpdateRequest(url="https://x/y", version="2.0.0")
    with pytest.raises(UpdateError, match="only the Debian package can be updated over the air"):
        exchange.ask(request)
    exchange.folder.mkdir()
    with pytest.raises(UpdateError, match="no key"):
        exchange.ask(request)


def test_the_number_of_results_that_nobody_reports_is_bounded(device: Device) -> None:
    for n in range(RESULTS_MAX + 5):
        device.exchange().publish(UpdateResult(result="failed", kind=None, version="", reason=str(n)))
    (device.exchange_folder / "outcome-1.json").write_text(
        '{"id": "../../x", "result": "finished", "kind": null}'
    )
    results = device.exchange().results()
    assert len(results) == RESULTS_MAX
    assert results[-1].reason == str(RESULTS_MAX + 4)
    assert not (device.exchange_folder / "outcome-1.json").exists()


def test_the_report_on_the_boot_partition_names_the_last_update(tmp_path: Path) -> None:
    kept = tmp_path / "var/lib/maskgate-update"
    kept.mkdir(parents=True)
    Exchange(kept).remember(UpdateResult(result="failed", kind=None, version="2.0.0", reason="no key"))
    text = compose(ApplyResult(ApplyVerdict.NONE), tmp_path, tmp_path, services=False)
    assert "The last one: update to version 2.0.0 failed: no key (" in text


class Desk:
    """The service's part in updates, with its outbox, while application 2.0.0 is on trial."""

    def __init__(self, device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put_on_trial(device, "2.0.0")
        monkeypatch.setattr("edge.service.updates.in_use", lambda: ("2.0.0", "1.0.0"))
        config = Config.model_validate(
            {"outbox": {"path": tmp_path / "outbox.sqlite"}, "mqtt": {"port": 1}, "update": {"health_s": 60}}
        )
        self.clock, self.exchange = ManualClock(), device.exchange()
        self.messenger = Messenger(config, Place("site-1", "gate-1"), self.clock)
        self.changes: list[str] = []
        self.updates = Updates(
            config.update.health_s,
            self.messenger,
            self.clock,
            lambda: self.changes.append("info"),
            self.exchange,
        )

    def after(self, seconds: float) -> str:
        """Judge a frame after this time; returns what is confirmed then."""
        self.clock.advance(seconds)
        self.updates.judged()
        return self.exchange.confirmed()

    def events(self) -> list[dict[str, Any]]:
        self.clock.advance(5)
        self.updates.attend()
        return [json.loads(item.body) for item in self.messenger._outbox.pending(0, 10)]


@pytest.fixture
def desk(device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    desk = Desk(device, tmp_path, monkeypatch)
    yield desk
    desk.messenger.close("stopped")


def test_a_release_on_trial_is_confirmed_by_frames_and_by_reaching_ops_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.updates.releases.on_trial
    assert [desk.after(s) for s in (0, 30, 31)] == ["", "", ""]  # the broker is not there
    online = dataclasses.replace(desk.messenger.link_status, state="online")
    monkeypatch.setattr(type(desk.messenger), "link_status", online)
    assert desk.after(0) == "application-2.0.0"


def test_a_camera_that_fails_restarts_the_health_period(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    online = dataclasses.replace(desk.messenger.link_status, state="online")
    monkeypatch.setattr(type(desk.messenger), "link_status", online)
    assert [desk.after(s) for s in (0, 59)] == ["", ""]
    desk.updates.broken()
    assert [desk.after(s) for s in (10, 59, 1)] == ["", "", "application-2.0.0"]


def test_a_confirmation_that_cannot_be_written_is_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    online = dataclasses.replace(desk.messenger.link_status, state="online")
    monkeypatch.setattr(type(desk.messenger), "link_status", online)
    desk.exchange.folder.rename(away := desk.exchange.update_folder / "away")
    assert [desk.after(s) for s in (0, 61)] == ["", ""]
    away.rename(desk.exchange.folder)
    assert [desk.after(s) for s in (1, 30)] == ["", "application-2.0.0"]


def test_a_result_goes_through_the_outbox_and_a_bad_one_is_a_problem(desk: Desk, device: Device) -> None:
    desk.after(0)
    trial = desk.exchange.trial()
    assert trial is not None
    desk.exchange.confirm(trial)
    desk.updates._confirmed = True
    device.updater().attend()
    (event,) = desk.events()
    assert (event["type"], event["data"]["kind"], event["data"]["version"]) == (
        "update.finished", "application", "2.0.0",
    )  # fmt: skip
    assert not desk.updates.releases.on_trial
    assert (desk.changes, desk.updates.problem) == (["info"], None)
    desk.exchange.publish(
        UpdateResult(result="failed", kind=None, version="3.0.0", reason="its signature is not valid")
    )
    event = desk.events()[-1]
    assert (event["type"], event["data"]["version"]) == ("update.failed", "3.0.0")
    assert desk.updates.problem == "update to version 3.0.0 failed: its signature is not valid"
    desk.updates.ask_rollback()
    device.updater().attend()
    event = desk.events()[-1]
    assert event["type"] == "update.returned"
    assert event["data"]["in_use"] == "1.0.0"
    assert event["data"]["reason"] == "this was commanded"


def test_after_a_power_cut_the_service_reports_a_result_under_the_same_id(desk: Desk) -> None:
    outcome = UpdateResult(result="failed", kind=None, version="3.0.0", reason="no")
    for _ in range(2):
        desk.exchange.publish(outcome)
        desk.events()
    assert {event["id"] for event in desk.events()} == {outcome.id}


def test_a_checkout_is_not_a_release() -> None:
    assert in_use() == (None, None)
