"""The brokers: how they are reached, and how both sides prove who they are."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from edge.config.addresses import checked_host, split_address
from edge.config.secret_files import Secret
from edge.config.section import Name, Section
from edge.urls import HIDDEN

_WEBSOCKET_PATH = "/mqtt"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _address(text: str) -> str:
    split_address(text)
    return text


Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(checked_host)]


class Mqtt(Section):
    """The broker. Files: a relative name is a systemd credential (LoadCredential=)."""

    host: Host = Field("localhost", min_length=1, examples=["broker.example.org"])
    """The broker's name or address, without scheme, port or path."""
    port: int = Field(1883, ge=1, le=65535, examples=[8883])
    """1883 is usual without TLS, 8883 with it."""
    fallbacks: tuple[Address, ...] = Field((), max_length=4, examples=[["mqtt2.example.org:8883"]])
    """Tried in this order if ``host`` can't be used; after a lost connection ``host`` is tried first."""
    prefix: Name = Field("maskgate", examples=["maskgate"])
    """The first level of every topic."""
    protocol: Literal["5", "3.1.1"] = Field("5", examples=["5"])
    """5 falls back to 3.1.1 if the broker does not speak it."""
    transport: Literal["tcp", "websockets"] = Field("tcp", examples=["websockets"])
    """``websockets`` if a firewall lets only web traffic through."""
    websocket_path: str = Field(_WEBSOCKET_PATH, pattern=r"^/[!-~]*$", examples=["/mqtt"])
    """The path of the broker's WebSocket."""
    encryption: Literal["tls", "none"] | None = Field(None, examples=["tls"])
    """If not given: ``tls`` if there is a ``ca_file``, and ``none`` only to a broker on this machine."""
    username: str | None = Field(None, examples=["north-door"])
    """The name to log in with; the password comes from ``password_file``."""
    password_file: Secret | None = Field(None, examples=["/etc/maskgate/mqtt-password"])
    """A file with the password on its only line."""
    ca_file: Secret | None = Field(None, examples=["/etc/maskgate/ca.pem"])
    """The authority that signed the broker's certificate; if not given, the system's authorities."""
    cert_file: Secret | None = Field(None, examples=["/etc/maskgate/client.pem"])
    """The client's certificate, PEM; needs ``key_file``."""
    key_file: Secret | None = Field(None, examples=["/etc/maskgate/client.key"])
    """The private key of ``cert_file``, PEM, without a passphrase."""
    keepalive_s: int = Field(10, ge=2, le=600, examples=[10])
    """How often a silent connection is tested; a dead one is noticed after about twice as long."""

    @model_validator(mode="after")
    def _plain_text_is_a_decision(self) -> "Mqtt":
        if self.encryption == "none" and self.ca_file is not None:
            raise ValueError('ca_file is given, and encryption = "none": remove one of them')
        far = [broker.host for broker in self.brokers() if broker.host not in _LOOPBACK]
        if far and not self.encrypted and self.encryption is None:
            raise ValueError(
                f"{far[0]} is another machine, and the connection to it is not encrypted: give ca_file, or "
                'encryption = "tls" if a public authority has signed its certificate, or accept that anybody '
                'on the way can read and forge everything: encryption = "none"'
            )
        return self

    @property
    def shown_websocket_path(self) -> str:
        """The path as others may see it: as in any URL, one that somebody chose may be the secret itself."""
        return self.websocket_path if self.websocket_path == _WEBSOCKET_PATH else HIDDEN

    @property
    def encrypted(self) -> bool:
        """Whether the connection is encrypted with TLS."""
        return self.encryption == "tls" or self.ca_file is not None

    @property
    def local(self) -> bool:
        """Whether the broker is on this machine."""
        return self.host in _LOOPBACK

    def brokers(self) -> "list[Mqtt]":
        """These settings once for each broker, in the order in which they are tried."""
        out = [self.model_copy(update={"fallbacks": ()})]
        for address in self.fallbacks:
            host, port = split_address(address)
            out.append(out[0].model_copy(update={"host": host, "port": port or self.port}))
        return out
