"""The table ``[machine]``: what an installer wants of the machine itself."""

import base64
import binascii
import ipaddress
import re
import zoneinfo
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, IPvAnyAddress, field_validator, model_validator
from pydantic.networks import IPvAnyInterface

from edge.config import Config, Section
from edge.config.section import HOST_NAME, SERVER, USER_NAME
from edge.machine.sshkeys import public_key

_SSID_MAX_BYTES = 32
_UPDATE_KEY_BYTES = 42
_COUNTRY = re.compile(r"[A-Z]{2}")
_SYSTEM_USERS = frozenset(
    {"root", "daemon", "bin", "sys", "www-data", "nobody", "maskgate", "sshd", "mosquitto"}
)


def _ssid(text: str) -> str:
    size = len(text.encode("utf-8", "surrogatepass"))
    if not 1 <= size <= _SSID_MAX_BYTES:
        raise ValueError(f"found a name of {size} bytes; a network's name has 1 to {_SSID_MAX_BYTES}")
    return text


def _passphrase(text: str) -> str:
    """Check a passphrase; a wrong one is never shown."""
    fine = text == "" or re.fullmatch(r"[0-9A-Fa-f]{64}", text) or re.fullmatch(r"[ -~]{8,63}", text)
    if not fine:
        raise ValueError(
            f"found {len(text)} characters; allowed are 8 to 63 letters, digits, signs and spaces of plain "
            'ASCII, or the key itself as 64 hexadecimal digits, or "" for a network without encryption'
        )
    return text


def _country(text: str) -> str:
    if not _COUNTRY.fullmatch(text) or text not in (_countries() or {text}):
        hint = "; the United Kingdom is GB" if text.upper() == "UK" else ""
        raise ValueError(f"found {text!r}; write the country as two capital letters (ISO 3166){hint}")
    return text


def _countries() -> set[str]:
    """The country codes of ISO 3166; empty on a machine without that list."""
    for folder in zoneinfo.TZPATH:
        table = Path(folder) / "iso3166.tab"
        if table.is_file():
            lines = table.read_text(encoding="utf-8").splitlines()
            return {line[:2] for line in lines if _COUNTRY.match(line)}
    return set()


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as e:
        raise ValueError(
            f"found {name!r}, which is not a time zone here; list them with: timedatectl list-timezones"
        ) from e
    return name


def _update_key(text: str) -> str:
    """Check a public key of minisign: "Ed", the key's number, the key."""
    try:
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        content = b""
    if len(content) != _UPDATE_KEY_BYTES or not content.startswith(b"Ed"):
        raise ValueError(
            f"found {text!r}; write the second line of the .pub file that minisign -G made: it starts with RW"
        )
    return text


def _user(name: str) -> str:
    if name in _SYSTEM_USERS:
        raise ValueError(f"found {name!r}, a user of the system; choose a name for a person")
    return name


HostName = Annotated[str, Field(pattern=HOST_NAME)]
Server = Annotated[str, Field(pattern=SERVER)]


class Wifi(Section):
    """The wireless network; without this table the machine uses its cable."""

    ssid: Annotated[str, AfterValidator(_ssid)] = Field(examples=["Visitors"])
    """The network's name."""
    passphrase: Annotated[str, AfterValidator(_passphrase)] | None = Field(
        None, examples=["correct horse battery"]
    )
    """Left out: the one that the machine already has; empty: the network is open."""
    country: Annotated[str, AfterValidator(_country)] = Field(examples=["ID"])
    """The country whose rules for radio apply."""
    hidden: bool = Field(False, examples=[True])
    """The network does not announce its name."""


class Network(Section):
    """A fixed address for the cable, if the network does not assign one (DHCP)."""

    address: IPvAnyInterface = Field(examples=["192.0.2.10/24"])
    """The address with the length of the network's part."""
    gateway: IPvAnyAddress | None = Field(None, examples=["192.0.2.1"])
    """The router; absent: only the own network is reached."""
    dns_servers: tuple[IPvAnyAddress, ...] = Field((), examples=[["192.0.2.1"]])
    """Who resolves names."""

    @field_validator("address", mode="before")
    @classmethod
    def _has_prefix(cls, value: object) -> object:
        if isinstance(value, str) and "/" not in value:
            raise ValueError(f"found {value!r}; write also how long the network's part is, as in /24")
        return value

    @model_validator(mode="after")
    def _can_reach_the_gateway(self) -> "Network":
        if self.gateway is not None and self.gateway not in ipaddress.ip_interface(str(self.address)).network:
            raise ValueError(f"gateway {self.gateway} lies outside the address's network {self.address}")
        return self


class Machine(Section):
    """The machine around maskgate: names, network, access. What is left out stays as it is."""

    host_name: HostName | None = Field(None, examples=["north-door"])
    """The machine's own name in its network."""
    timezone: Annotated[str, AfterValidator(_time_zone)] | None = Field(None, examples=["Asia/Jakarta"])
    """The machine's clock shows this zone; it is not the one of ``[hours]``."""
    ssh_keys: tuple[Annotated[str, AfterValidator(public_key)], ...] = Field(
        (), max_length=50, examples=[["ssh-ed25519 AAAA... you@laptop"]]
    )
    """The public keys of those who may log in over ssh; without any, ssh stays off."""
    ssh_user: Annotated[str, AfterValidator(_user)] = Field(
        "installer", pattern=USER_NAME, examples=["installer"]
    )
    """The user to log in as, with these keys and never with a password; may do everything (sudo)."""
    ntp_servers: tuple[Server, ...] = Field((), max_length=8, examples=[["ntp.example.org"]])
    """Where the time comes from; absent: the system's own servers."""
    security_updates: bool | None = Field(None, examples=[True])
    """Whether the system's security updates install themselves."""
    update_keys: tuple[Annotated[str, AfterValidator(_update_key)], ...] = Field(
        (), max_length=8, examples=[["RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"]]
    )
    """minisign's public keys; the device accepts updates that one of them has signed, and no others."""
    wifi: Wifi | None = None
    """The wireless network."""
    network: Network | None = None
    """A fixed address."""


class CardConfig(Config):
    """All of ``maskgate.toml``: the service's configuration and ``[machine]``."""

    machine: Machine = Field(default_factory=Machine)
