"""Home Assistant's REST API with its habits, for tests and for trying a configuration out.

It knows entities and their states, and answers ``/api/states/<entity>`` and ``/api/services/...``. As the
real one does, it answers 200 to a call for a player that does not exist or is not available.
"""

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from typing_extensions import Self

_SERVICES = {
    "/api/services/tts/speak": "media_player_entity_id",
    "/api/services/media_player/play_media": "entity_id",
}
"""Each with the key that names the player."""


@dataclass
class Entity:
    """One entity."""

    state: str
    content_id: str | None = None
    """What a media player plays, or played last."""
    silent: bool = False
    """A media player that plays without ever reporting so."""


class HomeAssistantServer:
    """Serves from its construction on; a context manager that stops it.

    Args:
        token: of the only user.
        entities: by name; ``media_player.*`` and ``tts.*``.
    """

    def __init__(self, token: str, entities: dict[str, Entity]) -> None:
        self.entities, self._token = entities, token
        self.calls: list[tuple[str, dict[str, object]]] = []
        """Services that were called, each with what came along, in order."""
        self.states_hidden = False
        """Something in between lets nobody look at states."""
        server, home = ThreadingHTTPServer(("127.0.0.1", 0), _Handler), self
        server.home = home  # type: ignore[attr-defined]
        self._server = server
        self.port = int(server.server_address[1])
        self._thread = threading.Thread(target=server.serve_forever, args=(0.01,), name="home assistant")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, token: str, body: bytes) -> tuple[int, object]:
        """The status and the JSON of an answer."""
        if token != f"Bearer {self._token}":
            return 401, {"message": "Unauthorized"}
        if method == "GET" and path.startswith("/api/states/"):
            return self._state_of(path.removeprefix("/api/states/"))
        if method == "POST" and path in _SERVICES:
            data = json.loads(body)
            self.calls.append((path, data))
            self._play(data[_SERVICES[path]])
            return 200, []
        return 404, {"message": "Not found"}

    def _state_of(self, name: str) -> tuple[int, object]:
        if self.states_hidden:
            return 403, {"message": "Forbidden"}
        entity = self.entities.get(name)
        if entity is None:
            return 404, {"message": "Entity not found."}
        attributes = {"media_content_id": entity.content_id} if entity.content_id else {}
        return 200, {"entity_id": name, "state": entity.state, "attributes": attributes}

    def _play(self, name: object) -> None:
        player = self.entities.get(str(name))
        if player is not None and player.state != "unavailable" and not player.silent:
            player.state, player.content_id = "playing", f"announcement {len(self.calls)}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        home: HomeAssistantServer = self.server.home  # type: ignore[attr-defined]
        token = self.headers.get("Authorization", "")
        status, content = home.answer(self.command, self.path, token, body)
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Write nothing: a fake keeps its history in ``calls``."""
