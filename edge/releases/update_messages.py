"""What the service asks for, and what it is answered: the content of the files in ``Exchange``."""

import uuid
from datetime import datetime, timezone
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge.releases.release import Kind, Version


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True)


class UpdateRequest(_Said):
    """What ops asked for."""

    url: str = Field(max_length=2000)
    """Of the bundle; its signature lies beside it, under the same name and ``.minisig``."""
    version: Version
    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    """Its failure is told under this id, also if it is told once more after a power cut."""

    def failed(self, reason: str) -> "UpdateResult":
        """What is told of it then."""
        return UpdateResult(id=str(self.id), result="failed", version=self.version, reason=reason)


class UpdateResult(_Said):
    """What came of an update."""

    id: str = Field(default_factory=lambda: str(uuid.uuid4()), pattern="^[0-9a-f-]{36}$")
    """The event's."""
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    result: Literal["finished", "failed", "returned"]
    kind: Kind | None = None
    """None: it did not come so far that this is known."""
    version: str = ""
    """Which was tried."""
    in_use: str = ""
    """Of the same kind, now."""
    reason: str = ""

    def __str__(self) -> str:
        what = f"update to {self.kind or 'version'} {self.version}" if self.version else "update"
        if self.result == "finished":
            return f"{what} is final"
        if self.result == "failed":
            return f"{what} failed: {self.reason}"
        return f"{what} was taken back, {self.in_use} is in use: {self.reason}"
