"""What the ops centre may do to a device: commands, updates; and Home Assistant's discovery."""

from typing import Literal, get_args

from pydantic import Field, model_validator

from edge.config.section import Name, Section, Share

CommandName = Literal[
    "status", "snapshot-test", "reload", "announce", "mute", "set-threshold", "restart", "update", "rollback"
]


class Commands(Section):
    """Commands over MQTT. Whoever may publish on cmd may give them: the broker's access list decides that."""

    enabled: bool = Field(True, examples=[True])
    """If false, every command is refused."""
    allowed: tuple[CommandName, ...] = Field(get_args(CommandName), examples=[["status", "snapshot-test"]])
    """The commands that are obeyed; all others are refused."""
    threshold_min: Share = Field(0.2, examples=[0.3])
    """The lowest value that ``set-threshold`` accepts..."""
    threshold_max: Share = Field(0.9, examples=[0.8])
    """...and the highest; both are probabilities of a properly worn mask."""

    @model_validator(mode="after")
    def _a_range(self) -> "Commands":
        if not 0 < self.threshold_min <= self.threshold_max < 1:
            raise ValueError(
                f"threshold_min {self.threshold_min} and threshold_max {self.threshold_max}: both must lie "
                "between 0 and 1, and the first must not be larger than the second"
            )
        return self


class UpdateConfig(Section):
    """Updates over the air; each must be signed with a key in /etc/maskgate/update-keys."""

    health_s: float = Field(300.0, gt=0, le=900, examples=[300.0])
    """A new version is kept once it has judged frames for this long; if that takes 30 min, it is undone."""


class HomeAssistantDiscovery(Section):
    """Let a Home Assistant on the same broker find this device by itself."""

    enabled: bool = Field(False, examples=[True])
    """When it is switched off again, the device removes itself from Home Assistant."""
    prefix: Name = Field("homeassistant", examples=["homeassistant"])
    """The discovery prefix that Home Assistant is set to."""
