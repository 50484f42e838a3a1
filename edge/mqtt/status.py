"""The state of a link, and the listener that hears of its changes."""

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["connecting", "online", "refused", "unreachable", "closed"]


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """The state of the connection. While the link tries again, this is why the last attempt failed."""

    state: State
    message: str
    """A full sentence that names the broker. If something is wrong, it says what to do."""
    complaint: bool = False
    """The link is on line, but something is wrong: the broker refuses a subscription."""

    @property
    def problem(self) -> str | None:
        """The message, if something is wrong."""
        return self.message if self.complaint or self.state in ("refused", "unreachable") else None


class LinkListener(Protocol):
    """What a link calls, on its own thread. The methods must not block."""

    def up(self, connection: int) -> None:
        """The link is connected. Each connection has a number of its own."""
        ...

    def down(self) -> None:
        """The connection has ended."""
        ...

    def acknowledged(self, token: int, refusal: str | None) -> None:
        """The broker took a message, or refused it for a reason."""
        ...
