"""Contract 3: the configuration."""

from edge.config.base import DEFAULT_PATH, SHIPPED_MODELS, SHIPPED_SOUNDS, Section, state_dir
from edge.config.device import CameraConfig, Decision, Faces, Models, OutboxConfig, Reporting, Site
from edge.config.example import example_config
from edge.config.loading import Config, load_config, mistakes, parse_as, parse_config
from edge.config.mqtt import Mqtt
from edge.config.ops import Commands, HomeAssistantDiscovery, Update
from edge.config.secret_files import secret_files, with_secret_files
from edge.config.speaker import HomeAssistant, Speaker, Webhook
from edge.config.surroundings import Crowding, Hours, Indicators, Line, Tampering, Zone

__all__ = [
    "DEFAULT_PATH",
    "SHIPPED_MODELS",
    "SHIPPED_SOUNDS",
    "CameraConfig",
    "Commands",
    "Config",
    "Crowding",
    "Decision",
    "Faces",
    "HomeAssistant",
    "HomeAssistantDiscovery",
    "Hours",
    "Indicators",
    "Line",
    "Models",
    "Mqtt",
    "OutboxConfig",
    "Reporting",
    "Section",
    "Site",
    "Speaker",
    "Tampering",
    "Update",
    "Webhook",
    "Zone",
    "example_config",
    "load_config",
    "mistakes",
    "parse_as",
    "parse_config",
    "secret_files",
    "state_dir",
    "with_secret_files",
]
