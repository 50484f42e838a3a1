"""What a link says of itself, and to whom."""

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["connecting", "online", "refused", "unreachable", "closed"]


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """How the connection is; while it is tried again, why the last attempt failed."""

    state: State
    message: str
    """A full sentence that names the broker and, where something is wrong, the way out."""
    complaint: bool = False
    """Something is wrong although it is on line: the broker refuses a subscription."""

    @property
    def problem(self) -> str | None:
        """The message where something is wrong."""
        return self.message if self.complaint or self.state in ("refused", "unreachable") else None


class LinkListener(Protocol):
    """Whom a link tells, on its own thread; must not block."""

    def up(self, connection: int) -> None:
        """Connected; each connection has a number of its own."""
        ...

    def down(self) -> None:
        """The connection ended."""
        ...

    def acknowledged(self, token: int, refusal: str | None) -> None:
        """The broker took a message, or refused it for a reason."""
        ...
