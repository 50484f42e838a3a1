"""Contract 3: the configuration."""

from edge.config.core import CameraConfig, Decision, Faces, Models, OutboxConfig, Reporting, SiteConfig
from edge.config.example import example_config
from edge.config.loading import Config, load_config, mistakes, parse_as, parse_config
from edge.config.mqtt import Mqtt
from edge.config.ops import Commands, HomeAssistantDiscovery, UpdateConfig
from edge.config.secret_files import secret_files, with_secret_files
from edge.config.section import DEFAULT_PATH, SHIPPED_MODELS, SHIPPED_SOUNDS, Section, state_dir
from edge.config.speaker import HomeAssistant, RemoteSpeaker, Speaker, Webhook
from edge.config.surroundings import (
    CountingLine,
    CrowdingConfig,
    HoursConfig,
    IndicatorsConfig,
    TamperingConfig,
    Zone,
)

__all__ = [
    "DEFAULT_PATH",
    "SHIPPED_MODELS",
    "SHIPPED_SOUNDS",
    "CameraConfig",
    "Commands",
    "Config",
    "CountingLine",
    "CrowdingConfig",
    "Decision",
    "Faces",
    "HomeAssistant",
    "HomeAssistantDiscovery",
    "HoursConfig",
    "IndicatorsConfig",
    "Models",
    "Mqtt",
    "OutboxConfig",
    "RemoteSpeaker",
    "Reporting",
    "Section",
    "SiteConfig",
    "Speaker",
    "TamperingConfig",
    "UpdateConfig",
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
