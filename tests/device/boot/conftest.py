"""The image that is booted, a card as an installer leaves it, and the ops centre that hears of it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from card import Card
from debian import done, program
from mosquitto import Mosquitto
from ops_room import Ops

IMAGES = Path(__file__).resolve().parents[3] / "dist"
SITE, DEVICE = "boot-test", "north-door"
TOML = """\
[site]
id = "{site}"
device = "{device}"

[mqtt]
host = "10.0.2.2"
port = {port}
ca_file = "broker-ca.pem"
username = "{device}"
password_file = "mqtt-password"

[machine]
host_name = "{device}"
timezone = "Asia/Jakarta"
"""


@pytest.fixture(scope="session")
def image() -> Path:
    """What `make image` has made, or what the environment names."""
    named = os.environ.get("MASKGATE_IMAGE")
    found = [Path(named)] if named else sorted(IMAGES.glob("maskgate-*-arm64.img.xz"))
    if not found or not found[-1].exists():
        pytest.fail(f"there is no image {named or IMAGES / 'maskgate-*-arm64.img.xz'}: make image")
    return found[-1]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of the broker for the host as it and as the guest calls it, and who signed it."""
    folder = tmp_path_factory.mktemp("keys")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl = program("openssl", "openssl")
    signer = ("-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    done(openssl, "req", "-x509", *curve, "-subj", "/CN=boot-test", *signer)
    names = ("-addext", "subjectAltName=IP:127.0.0.1,IP:10.0.2.2", "-addext", "basicConstraints=CA:FALSE")
    done(
        openssl, "req", "-x509", *curve, "-subj", "/CN=broker", *names, "-CA", folder / "ca.pem",
        "-CAkey", folder / "ca.key", "-keyout", folder / "server.key", "-out", folder / "server.pem",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def broker(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    server = [f"cafile {keys}/ca.pem", f"certfile {keys}/server.pem", f"keyfile {keys}/server.key"]
    broker = Mosquitto(tmp_path_factory.mktemp("broker"), ["allow_anonymous true", *server])
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def ops(broker: Mosquitto, keys: Path) -> Iterator[Ops]:
    ops = Ops(broker.port, keys / "ca.pem", SITE, DEVICE)
    yield ops
    ops.close()


@pytest.fixture(scope="module")
def given(
    image: Path, broker: Mosquitto, keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Card]:
    """Makes a card as an installer leaves it, with more lines for its maskgate.toml."""

    def made(more: str) -> Card:
        card = Card(image, tmp_path_factory.mktemp("card"))
        toml, credentials = card.folder / "maskgate.toml", card.folder / "credentials"
        toml.write_text(TOML.format(site=SITE, device=DEVICE, port=broker.port) + more)
        credentials.mkdir()
        (credentials / "broker-ca.pem").write_bytes((keys / "ca.pem").read_bytes())
        (credentials / "mqtt-password").write_bytes(b"the word of the north door")
        card.give(toml)
        card.give(credentials)
        return card

    return made
