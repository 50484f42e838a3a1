"""A pipe or a device where a file is expected is refused at once, never waited for or read without an end."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.camera.credentials import tls_context
from edge.camera.state import CameraSettings
from edge.config import load_config
from edge.errors import ConfigError, MaskgateError, ModelError, SpeakerError
from edge.model.contract import load_contract
from edge.outbox.last_number import Given, LastNumber
from edge.speaker.recordings import read

READERS: dict[str, tuple[Callable[[Path], object], type[MaskgateError]]] = {
    "the configuration": (load_config, ConfigError),
    "a model": (load_contract, ModelError),
    "the camera's authority": (
        lambda path: tls_context(CameraSettings("https://h/", ca_file=path)),
        ConfigError,
    ),
    "a recording": (read, SpeakerError),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_refused_at_once(reader: str, kind: str, tmp_path: Path) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "pipe"
    if kind == "pipe":
        os.mkfifo(path)
    read_it, error = READERS[reader]
    with pytest.raises(error, match=str(path)):
        read_it(path)


@pytest.mark.timeout(20)
def test_a_pipe_in_the_place_of_the_last_number_is_no_number(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "n")
    assert LastNumber(tmp_path / "n").read() == Given()
