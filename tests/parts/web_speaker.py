"""A speaker with an HTTP interface, as a webhook or Home Assistant is one."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_HANG_S = 20.0


class WebSpeaker:
    """Answers as it is told, and notes what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.statuses: list[int] = []
        """For the next requests, before ``status``."""
        self.hang = threading.Event()  # while clear, nobody hangs
        self.free = threading.Event()
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.asked.append((self.path, dict(self.headers), body))
                if owner.hang.is_set():
                    owner.free.wait(_HANG_S)
                    return
                self.send_response(owner.statuses.pop(0) if owner.statuses else owner.status)
                if owner.status in (301, 302, 307):
                    self.send_header("Location", f"http://127.0.0.1:{owner.port}/elsewhere")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"[]")

            def log_message(self, *_: Any) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.free.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
