"""From the card's files to what they ask for, or to a list of all their mistakes."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from edge.config import mistakes, parse_as, secret_files
from edge.config.toml_file import tables_of
from edge.errors import ConfigError
from edge.machine.card_files import CREDENTIALS, NAME, TOML, CardFiles
from edge.machine.settings import CardConfig, Wifi
from edge.machine.toml_text import without_passphrase, without_table
from edge.speaker.sinks import remote_speakers

OWN = "speaker-"
"""Starts the name of a file that only the speaker gets: ``speaker-client.pem`` instead of ``client.pem``."""
_WHOLE_LINE = 'passphrase must stand on a line of its own below [machine.wifi], as in: passphrase = "..."'


@dataclass(frozen=True, slots=True)
class KnownSecrets:
    """Secrets that the device has from earlier cards."""

    credentials: Mapping[str, bytes]
    psk: Mapping[str, str]
    """The key of each wireless network."""


@dataclass(frozen=True, slots=True)
class WantedMachine:
    """What a card without mistakes asks for."""

    config: CardConfig
    name: str
    """The file's name."""
    service_text: str | None
    """The service's configuration as its author wrote it; None if the file has only ``[machine]``."""
    credentials: Mapping[str, bytes]
    """The credentials that the configuration names, from the card or else from the device."""
    psk: str | None
    """The wireless network's key, as 64 hexadecimal digits; None if it is unknown or not needed."""
    missing: tuple[str, ...]
    """The secrets that are neither on the card nor on the device, each as a sentence."""
    remarks: tuple[str, ...]
    """What is allowed, but the installer should know, as sentences."""
    about_machine: bool
    """Whether the file has a table ``[machine]``, even an empty one."""
    speaker_credentials: Mapping[str, bytes] = field(default_factory=dict)
    """What the speaker gets instead of the credential of the same name: certificates name one party each."""


def read(card: CardFiles, known: KnownSecrets) -> WantedMachine:
    """Check everything that can be checked without the device.

    Raises:
        ConfigError: lists every mistake.
    """
    raw, text = _raw(card), card.text
    in_text = [*_mistakes_of_text(raw, text)]
    try:
        config = parse_as(CardConfig, raw, card.name)
    except ConfigError as e:
        raise mistakes(card.name, [*lines_of(e), *in_text]) from e
    if in_text:
        raise mistakes(card.name, in_text)
    service_text = without_table(text, "machine") if raw.keys() - {"machine"} else None
    named = {key: str(path) for key, path in secret_files(config).items() if not path.is_absolute()}
    if wrong := [_wrong_name(key, name) for key, name in named.items() if not NAME.fullmatch(name)]:
        raise mistakes(card.name, wrong)
    credentials = {**known.credentials, **card.credentials}
    missing = [_missing_file(key, name, card) for key, name in named.items() if name not in credentials]
    wifi = config.machine.wifi
    psk = _psk(wifi, known) if wifi else None
    if wifi and wifi.passphrase is None and psk is None:
        missing.append(
            f"machine.wifi.passphrase: not given, and this device does not know the one of {wifi.ssid!r} "
            "(any more): write it into the file"
        )
    return WantedMachine(
        config,
        card.name,
        service_text,
        {name: credentials[name] for name in named.values() if name in credentials},
        psk,
        tuple(missing),
        tuple(_remarks(config, card, {*named.values(), *(OWN + n for n in named.values())}, service_text)),
        "machine" in raw,
        {name: credentials[own] for name in named.values() if (own := f"{OWN}{name}") in credentials},
    )


def lines_of(error: ConfigError) -> list[str]:
    """The single mistakes of an error that lists them."""
    first, *rest = str(error).splitlines()
    return [line.strip() for line in rest] or [first]


def _raw(card: CardFiles) -> dict[str, Any]:
    if raw := tables_of(card.text, card.name):
        return raw
    # refused: obeying it would remove Wi-Fi and keys from a device whose card is damaged
    raise ConfigError(
        f"{card.name}: is empty, or holds only comments, and so is not applied: fill it in, or remove it"
    )


def _mistakes_of_text(raw: dict[str, Any], text: str) -> Iterator[str]:
    """Mistakes that only the text shows: how it is written, and what is missing in it."""
    if raw.keys() - {"machine"}:
        site = raw.get("site", {})
        for key, sample in (("id", "headquarters"), ("device", "north-door")):
            if isinstance(site, dict) and key not in site:
                yield (
                    f"site.{key}: missing; no two devices may share both names of [site]. "
                    f'Example: {key} = "{sample}"'
                )
        if without_table(text, "machine") is None:
            yield "machine: write it as tables with headers, as in [machine] and [machine.wifi]"
    machine = raw.get("machine")
    wifi = machine.get("wifi") if isinstance(machine, dict) else None
    if isinstance(wifi, dict) and wifi.get("passphrase") and without_passphrase(text) is None:
        yield f"machine.wifi.passphrase: {_WHOLE_LINE}"


def _psk(wifi: Wifi, known: KnownSecrets) -> str | None:
    """The key that WPA derives from name and passphrase, so that the passphrase is kept nowhere."""
    if wifi.passphrase is None:
        return known.psk.get(wifi.ssid)
    if re.fullmatch(r"[0-9A-Fa-f]{64}|", wifi.passphrase):
        return wifi.passphrase.lower() or None
    return hashlib.pbkdf2_hmac("sha1", wifi.passphrase.encode(), wifi.ssid.encode(), 4096, 32).hex()


def _wrong_name(key: str, name: str) -> str:
    return f"{key}: found {name!r}; write the bare name of a file in {CREDENTIALS}: letters, digits, . _ -"


def _missing_file(key: str, name: str, card: CardFiles) -> str:
    alike = next((n for n in card.credentials if n.lower() in {f"{name}.txt".lower(), name.lower()}), None)
    hint = (
        f"; {alike} is there: rename it" if alike else f": put it into the folder {CREDENTIALS} beside {TOML}"
    )
    return f"{CREDENTIALS}/{name}: named by {key}, and neither here nor on the device{hint}"


def _remarks(config: CardConfig, card: CardFiles, named: set[str], service_text: str | None) -> Iterator[str]:
    if service_text is None:
        yield f"{TOML} has only the table [machine]: maskgate's own configuration stays as it is"
    for name in sorted(card.credentials.keys() - named):
        yield f"{CREDENTIALS}/{name}: {TOML} does not name it; it was not used, and is still on the card"
    urls = {f"speaker.{kind.key}.url": section.url for kind, section in remote_speakers(config.speaker)}
    for key, url in {"camera.source": config.camera.source, **urls}.items():
        if "://" in url and "@" in urlsplit(url).netloc:
            yield f"{key} holds a password, which whoever takes the card out can read in {TOML}"
