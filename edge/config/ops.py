"""What the ops centre may do to a device, and who else is told of it."""

from typing import Literal, get_args

from pydantic import Field, model_validator

from edge.config.section import Name, Section, Share

CommandName = Literal[
    "status", "snapshot-test", "reload", "announce", "mute", "set-threshold", "restart", "update", "rollback"
]


class Commands(Section):
    """Commands over MQTT. Who may publish on cmd may give them: the broker's access list decides who does."""

    enabled: bool = Field(True, examples=[True])
    """Off: every command is refused."""
    allowed: tuple[CommandName, ...] = Field(get_args(CommandName), examples=[["status", "snapshot-test"]])
    """All others are refused."""
    threshold_min: Share = Field(0.2, examples=[0.3])
    """``set-threshold`` goes from here..."""
    threshold_max: Share = Field(0.9, examples=[0.8])
    """...to here; both are probabilities of a properly worn mask."""

    @model_validator(mode="after")
    def _a_range(self) -> "Commands":
        if not 0 < self.threshold_min <= self.threshold_max < 1:
            raise ValueError(
                f"threshold_min {self.threshold_min} and threshold_max {self.threshold_max} are no range "
                "between 0 and 1, ends left out"
            )
        return self


class UpdateConfig(Section):
    """Updates over the air: never without a signature of a key in /etc/maskgate/update-keys."""

    health_s: float = Field(300.0, gt=0, le=900, examples=[300.0])
    """So long a new version must judge frames, the camera well, to be kept; after 30 min without, it goes."""


class HomeAssistantDiscovery(Section):
    """Home Assistant, on the same broker, finds this device by itself."""

    enabled: bool = Field(False, examples=[True])
    """Switched off again, the device removes itself there."""
    prefix: Name = Field("homeassistant", examples=["homeassistant"])
    """Home Assistant's own discovery prefix."""
