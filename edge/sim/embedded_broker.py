"""An MQTT broker inside the process, for the demo and for tests: MQTT 3.1.1, on the loopback interface."""

import asyncio
import logging
import socket
import threading
from concurrent.futures import Future

from edge.errors import MaskgateError

_log = logging.getLogger(__name__)
_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


class EmbeddedBroker:
    """amqtt with an event loop in a thread of its own. Runs once; a context manager that runs it.

    Args:
        port: TCP port; 0 takes a free one.

    Raises:
        MaskgateError: amqtt is not installed.
    """

    def __init__(self, port: int = 0) -> None:
        try:
            import amqtt.broker  # noqa: F401, PLC0415 - a device lives without it
        except ImportError as e:
            raise MaskgateError("the embedded broker needs amqtt: pip install 'maskgate[demo]'") from e
        self.host = "127.0.0.1"
        self.port = port or _free_port(self.host)
        # It logs each connection, and each client that leaves without a DISCONNECT.
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="broker", daemon=True)

    def start(self) -> None:
        """Return when clients can connect.

        Raises:
            MaskgateError: the port is taken.
        """
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        """End all connections and join."""
        if self._thread.is_alive():
            if self._ready.exception() is None:
                loop, end = self._ready.result()
                loop.call_soon_threadsafe(end.set)
            self._thread.join()

    def __enter__(self) -> "EmbeddedBroker":  # noqa: PYI034 - typing.Self needs Python 3.11
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def _serve(self) -> None:
        from amqtt.broker import Broker  # noqa: PLC0415 - see above
        from amqtt.errors import BrokerError  # noqa: PLC0415

        class TidyBroker(Broker):  # type: ignore[misc]
            """amqtt forgets to close the sockets of clients that leave without a DISCONNECT."""

            async def stream_connected(
                self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener_name: str
            ) -> None:
                try:
                    await super().stream_connected(reader, writer, listener_name)
                finally:
                    writer.close()

        loop, end = asyncio.get_running_loop(), asyncio.Event()
        # A client that is half connected when the broker stops is not worth a traceback.
        loop.set_exception_handler(lambda _loop, context: _log.debug("broker: %s", context["message"]))
        listeners = {"default": {"type": "tcp", "bind": f"{self.host}:{self.port}"}}
        broker = TidyBroker({"listeners": listeners, "plugins": _PLUGINS}, loop)
        try:
            await broker.start()
        except BrokerError as e:
            error = MaskgateError(f"no broker on {self.host}:{self.port}: {e}. Give it another port")
            error.__cause__ = e
            self._ready.set_exception(error)
            return
        self._ready.set_result((loop, end))
        await end.wait()
        await broker.shutdown()


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as taken:
        return int(taken.getsockname()[1])
