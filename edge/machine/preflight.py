"""Check whether the service could start with a card: its own parts decide (``service.config_check``)."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge.config import CameraConfig, Config, Models, parse_config, secret_files, with_secret_files
from edge.config.toml_file import tables_of
from edge.errors import ConfigError
from edge.machine.card_files import CREDENTIALS
from edge.machine.wanted import WantedMachine
from edge.service.config_check import check_config


def check_on_device(wanted: WantedMachine) -> None:
    """Check for what the service would refuse at its start.

    Raises:
        ConfigError: lists every mistake.
    """
    if wanted.service_text is not None:
        _check(parse_config(tables_of(wanted.service_text, wanted.name), wanted.name), wanted)


def check_elsewhere(wanted: WantedMachine) -> None:
    """The same on another machine, as far as possible: files that only the device has are not looked for.

    Raises:
        ConfigError: lists every mistake.
    """
    config = wanted.config
    update: dict[str, object] = {"models": Models()}
    if config.camera.source.startswith("/"):
        update["camera"] = CameraConfig()
    if not config.speaker.sounds.is_dir():
        update["speaker"] = config.speaker.model_copy(update={"output": "none"})
    _check(config.model_copy(update=update), wanted, here=False)


def _check(config: Config, wanted: WantedMachine, *, here: bool = True) -> None:
    files = secret_files(config)
    unknown = [key for key, path in files.items() if str(path) not in wanted.credentials]
    if here:
        unknown = [key for key in unknown if not files[key].is_absolute()]
    sections = {key.rpartition(".")[0] for key in unknown}  # a certificate can't be checked without its key
    with _staged(wanted.credentials) as folder:
        there = {
            key: None if key.rpartition(".")[0] in sections else folder / path for key, path in files.items()
        }
        try:
            check_config(with_secret_files(config, there), wanted.name)
        except ConfigError as e:
            raise ConfigError(str(e).replace(f"{folder}/", f"{CREDENTIALS}/")) from e


@contextmanager
def _staged(credentials: Mapping[str, bytes]) -> Iterator[Path]:
    """Credentials as files that only this user can read, as systemd would give them to the service."""
    with tempfile.TemporaryDirectory(prefix="maskgate-") as name:
        for file, data in credentials.items():
            (Path(name) / file).write_bytes(data)
        yield Path(name)
