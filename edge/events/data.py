"""What all payload types share."""

from pydantic import BaseModel, ConfigDict


class Data(BaseModel):
    """Base of all payload types: unknown keys are mistakes, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
