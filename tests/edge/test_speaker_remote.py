"""Webhook and Home Assistant, against real HTTP servers that answer, refuse, hang, or talk nonsense."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_speaker import WebSpeaker

from edge.backoff import Backoff
from edge.clock import SystemClock
from edge.config import HomeAssistant, Speaker, Webhook
from edge.errors import ConfigError, SpeakerError
from edge.events import AnnouncementAsked, AnnouncementFailed, AnnouncementPlayed, Data
from edge.sim.home_assistant_server import Entity, HomeAssistantServer
from edge.speaker import home_assistant_sink as home_assistant_module
from edge.speaker import worker as voice_module
from edge.speaker.announcer import ReceivedViolation
from edge.speaker.endpoint import Endpoint, UnansweredError
from edge.speaker.home_assistant_sink import EntityState, HomeAssistantSink
from edge.speaker.memory import AnnouncementMemory
from edge.speaker.sink import GaveUpError
from edge.speaker.webhook_sink import WebhookSink
from edge.speaker.worker import SpeakerWorker

WAIT_S = 20.0
CLOCK = SystemClock()
EVENT = b'{"type":"violation.opened","id":"e1","data":{"violation":"v1"}}'
HEARD = ReceivedViolation("violation.opened", "v1", CLOCK.utc(), True, 0.0, payload=EVENT)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.x"  # noqa: S105  nobody takes it


@pytest.fixture
def server() -> Iterator[WebSpeaker]:
    made = WebSpeaker()
    yield made
    made.close()


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def webhook(port: int, token: Path | None = None, path: str = "/horn?room=2") -> WebhookSink:
    url = f"http://127.0.0.1:{port}{path}"
    return WebhookSink("s/webhook", Webhook(url=url, timeout_s=0.2, token_file=token), CLOCK)


def home(port: int, token: Path, **more: str) -> HomeAssistantSink:
    settings = HomeAssistant(
        url=f"http://127.0.0.1:{port}/", token_file=token, entity="media_player.lobby", timeout_s=0.2, **more
    )
    return HomeAssistantSink("s/home-assistant", settings, CLOCK)


STOP = threading.Event()


def test_the_webhook_gets_the_violations_cloud_event_and_the_token(server: WebSpeaker, token: Path) -> None:
    said = webhook(server.port, token).say(HEARD, STOP)
    assert said.started_s <= said.ended_s
    ((path, headers, body),) = server.asked
    assert (path, body) == ("/horn?room=2", EVENT)
    assert headers["Content-Type"] == "application/cloudevents+json"
    assert headers["Authorization"] == f"Bearer {TOKEN}"


def test_without_a_token_none_is_sent(server: WebSpeaker) -> None:
    server.status = 204
    webhook(server.port, path="").say(HEARD, STOP)
    ((path, headers, _),) = server.asked
    assert path == "/"
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (400, GaveUpError, "answered 400 Bad Request: check the url"),
        (401, GaveUpError, "answered 401 Unauthorized: check the token"),
        (307, GaveUpError, "answered 307 Temporary Redirect"),
        (429, SpeakerError, "answered 429 Too Many Requests"),
        (503, SpeakerError, "answered 503 Service Unavailable"),
        (599, SpeakerError, "answered 599"),
    ],
)
def test_a_refusal_is_told_and_it_is_known_whether_it_lasts(
    server: WebSpeaker, status: int, error: type, words: str
) -> None:
    server.status = status
    with pytest.raises(SpeakerError, match=words) as caught:
        webhook(server.port).say(HEARD, STOP)
    assert type(caught.value) is error
    assert f"http://127.0.0.1:{server.port}: " in str(caught.value)
    assert "horn" not in str(caught.value)  # a path may be secret
    assert "room=2" not in str(caught.value)  # and so may a query
    assert len(server.asked) == 1


def test_a_server_that_hangs_is_left_after_the_time_out(server: WebSpeaker, token: Path) -> None:
    server.hang.set()
    with pytest.raises(UnansweredError, match=r"no answer within 0\.2 s"):
        webhook(server.port).say(HEARD, STOP)
    # The webhook may be asked again, because the id is the same; Home Assistant may have spoken.
    with pytest.raises(GaveUpError, match="may have been heard"):
        home(server.port, token, tts_entity="tts.piper").say(HEARD, STOP)


def test_nobody_there_is_worth_another_try(token: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for sink in (webhook(port), home(port, token, tts_entity="tts.piper")):
        with pytest.raises(SpeakerError, match=r"can't be reached: .*refused") as caught:
            sink.say(HEARD, STOP)
        assert not isinstance(caught.value, GaveUpError)


@pytest.mark.parametrize("answer", [b"", b"220 smtp ready\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 500])
def test_nonsense_is_not_taken_for_an_answer(answer: bytes) -> None:
    def talk() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(65536)
            peer.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(UnansweredError, match="no proper answer"):
            webhook(listener.getsockname()[1]).say(HEARD, STOP)
        thread.join()


def test_any_path_is_sent_quoted_and_named_in_no_message(server: WebSpeaker) -> None:
    webhook(server.port, path="/lärm und mehr?key=s3cret#top").say(HEARD, STOP)
    assert server.asked[0][0] == "/l%C3%A4rm%20und%20mehr?key=s3cret"


def test_home_assistant_speaks_the_message(server: WebSpeaker, token: Path) -> None:
    home(server.port, token, tts_entity="tts.piper", message="Masker, ya.").say(HEARD, STOP)
    ((path, headers, body),) = server.asked
    assert path == "/api/services/tts/speak"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert json.loads(body) == {
        "entity_id": "tts.piper",
        "media_player_entity_id": "media_player.lobby",
        "message": "Masker, ya.",
    }


def test_home_assistant_plays_a_recording(server: WebSpeaker, token: Path) -> None:
    media = "media-source://media_source/local/mask.mp3"
    home(server.port, token, media=media).say(HEARD, STOP)
    ((path, _, body),) = server.asked
    assert path == "/api/services/media_player/play_media"
    assert json.loads(body) == {
        "entity_id": "media_player.lobby",
        "media_content_id": media,
        "media_content_type": "music",
        "announce": True,
    }


@pytest.fixture
def house() -> Iterator[HomeAssistantServer]:
    entities = {"media_player.lobby": Entity("idle"), "tts.piper": Entity("unknown")}
    with HomeAssistantServer(TOKEN, entities) as made:
        yield made


def test_what_home_assistant_was_seen_to_play_was_played(house: HomeAssistantServer, token: Path) -> None:
    sink = home(house.port, token, tts_entity="tts.piper")
    assert sink.say(HEARD, STOP).confirmed
    assert [path for path, _ in house.calls] == ["/api/services/tts/speak"]
    assert sink.say(HEARD, STOP).confirmed  # it plays already, but now something else
    house.states_hidden = True
    assert not sink.say(HEARD, STOP).confirmed
    assert len(house.calls) == 3


def test_a_player_that_never_plays_was_asked_and_no_more(
    house: HomeAssistantServer, token: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_assistant_module, "PLAYS_WITHIN_S", 0.05)
    house.entities["media_player.lobby"] = Entity("playing", "music", silent=True)
    assert not home(house.port, token, tts_entity="tts.piper").say(HEARD, STOP).confirmed
    assert len(house.calls) == 1


@pytest.mark.parametrize(
    ("gone", "words"),
    [
        ("media_player.lobby", "no entity media_player.lobby: check entity in"),
        ("tts.piper", "no entity tts.piper: check tts_entity in"),
    ],
)
def test_an_entity_that_does_not_exist_is_named_and_not_called(
    house: HomeAssistantServer, token: Path, gone: str, words: str
) -> None:
    del house.entities[gone]
    with pytest.raises(GaveUpError, match=words):
        home(house.port, token, tts_entity="tts.piper").say(HEARD, STOP)
    assert house.calls == []


def test_a_player_that_is_away_may_come_back(house: HomeAssistantServer, token: Path) -> None:
    house.entities["media_player.lobby"].state = "unavailable"
    with pytest.raises(SpeakerError, match=r"media_player\.lobby is not available") as caught:
        home(house.port, token, tts_entity="tts.piper").say(HEARD, STOP)
    assert not isinstance(caught.value, GaveUpError)
    assert house.calls == []


def test_a_wrong_token_is_said_before_anything_is_called(house: HomeAssistantServer, token: Path) -> None:
    token.write_text("another")
    with pytest.raises(GaveUpError, match="401 Unauthorized: check the token"):
        home(house.port, token, tts_entity="tts.piper").say(HEARD, STOP)


@given(
    st.binary(max_size=200) | st.sampled_from([b"[]", b"null", b'{"state": 1, "attributes": 3}', b"[" * 9999])
)
def test_whatever_stands_in_a_state_is_read_or_left(body: bytes) -> None:
    EntityState.parse(body)


def test_an_answer_that_never_ends_is_ended(token: Path) -> None:
    def drip() -> None:
        peer, _ = server.accept()
        with peer, suppress(OSError):
            peer.recv(65536)
            while True:
                peer.sendall(b"H")
                stop.wait(0.02)

    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(UnansweredError, match="no proper answer"):
            webhook(server.getsockname()[1]).say(HEARD, STOP)
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([200], AnnouncementPlayed),
        ([202], AnnouncementAsked),  # Accepted: it will be done
        ([503, 503, 200], AnnouncementPlayed),
        ([401], AnnouncementFailed),
    ],
    ids=["at once", "later", "trouble that passes", "a refusal that lasts"],
)
def test_only_what_may_change_is_asked_again(
    server: WebSpeaker, statuses: list[int], outcome: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(voice_module, "_RETRY", Backoff(0.01, 0.01))
    server.statuses = list(statuses)
    reports, memory = SimpleQueue[Data](), AnnouncementMemory(tmp_path / "memory.sqlite")
    voice = SpeakerWorker(
        webhook(server.port),
        Speaker(max_age_s=60),
        memory,
        CLOCK,
        quiet=lambda _: False,
        report=reports.put,
        tell=lambda _: None,
    )
    voice.start()
    voice.offer(replace(HEARD, time=CLOCK.utc(), received_s=CLOCK.monotonic()))
    voice.end(finish=True)
    voice.join(WAIT_S)
    memory.close()
    report = reports.get(timeout=WAIT_S)
    assert type(report) is outcome
    assert isinstance(report, AnnouncementPlayed | AnnouncementAsked | AnnouncementFailed)
    assert report.speaker == "s/webhook"
    assert reports.empty()
    assert [body for _, _, body in server.asked] == [EVENT] * len(statuses)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda token: home(1, token), "neither tts_entity nor media"),
        (lambda token: webhook(1, token.with_name("none")), r"webhook\.token_file: .*none can't be read"),
        (
            lambda _: webhook(1, Path("horn-token")),
            r"horn-token can't be read \(.* by hand: sudo CREDENTIALS_DIRECTORY=/etc/maskgate/credentials ",
        ),
        (
            lambda token: (token.write_text(""), webhook(1, token)),
            "is empty: put the secret on its first line",
        ),
        (
            lambda token: (token.write_text("a b"), webhook(1, token)),
            "holds no token: one line without spaces",
        ),
        (lambda token: (token.write_bytes(b"\xff\xfea\0"), webhook(1, token)), "is saved as UTF-16"),
        (lambda token: webhook(1, Path("/dev/zero")), r"it is a folder or a device\): name a file"),
        (lambda token: (token.write_text("a\nb"), webhook(1, token)), "has more than one line"),
        (
            lambda _: Endpoint("speaker.webhook", "http://horn:eighty/s3cret", None, 1.0),
            r"speaker\.webhook\.url: no valid host and port in http://\*\*\*\. Example",
        ),
    ],
)
def test_mistakes_in_the_configuration_are_found_at_the_start(
    make: Callable[[Path], object], words: str, token: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        make(token)
