"""What the service requests, and what root answers: the content of the files in ``Exchange``."""

import uuid
from datetime import datetime, timezone
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from edge.releases.release import Kind, Version


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class UpdateRequest(_Message):
    """An update that ops requested."""

    url: str = Field(max_length=2000)
    """The bundle's address. Its signature lies beside it, under the same name with ``.minisig`` appended."""
    version: Version
    id: uuid.UUID = Field(default_factory=uuid.uuid4)
    """The id under which a failure is reported, also if it is reported again after a power cut."""

    def failed(self, reason: str) -> "UpdateResult":
        """The result if this request fails."""
        return UpdateResult(id=str(self.id), result="failed", version=self.version, reason=reason)


class UpdateResult(_Message):
    """How an update ended."""

    id: str = Field(default_factory=lambda: str(uuid.uuid4()), pattern="^[0-9a-f-]{36}$")
    """The id of the event that reports it."""
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(timezone.utc))
    result: Literal["finished", "failed", "returned"]
    kind: Kind | None = None
    """None if it failed before this was known."""
    version: str = ""
    """The version that was tried."""
    in_use: str = ""
    """The version of the same kind that is in use now."""
    reason: str = ""

    def __str__(self) -> str:
        what = f"update to {self.kind or 'version'} {self.version}" if self.version else "update"
        if self.result == "finished":
            return f"{what} is final"
        if self.result == "failed":
            return f"{what} failed: {self.reason}"
        return f"{what} was taken back, {self.in_use} is in use: {self.reason}"
