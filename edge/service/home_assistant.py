"""Home Assistant finds the device by itself: one retained message describes it, an empty one removes it.

No ghost device stays behind. The ledger, a file beside the outbox, lists the topics of all descriptions. A
topic is written there before its description goes out. It is emptied at the next connect after the option was
switched off, or after the prefix, site or device got another name.
"""

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from edge import __version__
from edge.config import HomeAssistantDiscovery
from edge.errors import StoreError
from edge.events import Place
from edge.files import atomic_write, remove

_log = logging.getLogger(__name__)


class Discovery:
    """What is published at every connect. Any thread may call its methods, one thread at a time.

    Args:
        settings: whether Home Assistant is to find the device, and under which prefix.
        place: the device.
        ledger: the file that lists the topics of all descriptions.
    """

    def __init__(self, settings: HomeAssistantDiscovery, place: Place, ledger: Path) -> None:
        self._place, self._ledger = place, ledger
        self._topic = topic(settings.prefix, place) if settings.enabled else None
        announced = _read(ledger)
        self._gone = tuple(t for t in announced if t != self._topic)
        if self._topic is not None and self._topic not in announced:
            _write(ledger, [*announced, self._topic])

    def messages(self) -> list[tuple[str, bytes]]:
        """Topics with their retained payloads; an empty payload removes a description."""
        out = [(gone, b"") for gone in self._gone]
        if self._topic is not None:
            out.append((self._topic, json.dumps(describe(self._place), ensure_ascii=False).encode()))
        return out

    def settled(self) -> None:
        """The broker has all messages: what was removed need not be removed again."""
        if self._gone:
            _write(self._ledger, [] if self._topic is None else [self._topic])
            self._gone = ()


def topic(prefix: str, place: Place) -> str:
    """Where Home Assistant looks for this device's description."""
    return f"{prefix}/device/{identity(place)}/config"


def identity(place: Place) -> str:
    """The device's name for Home Assistant: only letters, digits, - and _, and different for each device."""
    return "__".join(
        re.sub(r"[^A-Za-z0-9-]", _escaped, part) for part in (place.prefix, place.site, place.device)
    )


def describe(place: Place) -> dict[str, JsonValue]:
    """The device and its entities, in Home Assistant's terms."""
    me = identity(place)
    components: dict[str, JsonValue] = {
        key: {"unique_id": f"{me}_{key}", "qos": 1, **entity} for key, entity in _entities(place).items()
    }
    return {
        "device": {
            "identifiers": [me],
            "name": f"{place.site} {place.device}",
            "manufacturer": "maskgate",
            "model": "entrance camera",
            "sw_version": __version__,
        },
        "origin": {"name": "maskgate", "sw_version": __version__},
        "components": components,
    }


def _entities(place: Place) -> dict[str, dict[str, JsonValue]]:
    status, health, summary = place.topic("status"), place.topic("health"), place.topic("summary")
    there: dict[str, JsonValue] = {
        "availability_topic": status,
        "availability_template": "{{ value_json.state }}",
    }
    diagnostic: dict[str, JsonValue] = {"entity_category": "diagnostic"}

    def sensor(name: str, source: str, value: str, **more: JsonValue) -> dict[str, JsonValue]:
        return {
            "platform": "sensor", "name": name, "state_topic": source, "state_class": "measurement",
            "value_template": f"{{{{ value_json.{value} }}}}", **there, **more,
        }  # fmt: skip

    return {
        "connectivity": {
            "platform": "binary_sensor", "name": "Connectivity", "device_class": "connectivity",
            "state_topic": status, "value_template": "{{ value_json.state }}",
            "payload_on": "online", "payload_off": "offline", **diagnostic,
        },
        "problem": {
            "platform": "binary_sensor", "name": "Problem", "device_class": "problem",
            "state_topic": health, "value_template": "{{ 'ON' if value_json.problems else 'OFF' }}",
            "json_attributes_topic": health,
            "json_attributes_template": "{{ {'problems': value_json.problems} | tojson }}",
            **there, **diagnostic,
        },
        "fps": sensor("Frame rate", health, "fps", unit_of_measurement="fps", **diagnostic),
        "temperature": sensor(
            "Temperature", health, "temperature_c", device_class="temperature", unit_of_measurement="°C",
            **diagnostic,
        ),
        "waiting": sensor("Events waiting", health, "outbox.depth", **diagnostic),
        "people": sensor("People", summary, "data.people", icon="mdi:account-group"),
        "not_masked": sensor("People without a mask", summary, "data.not_masked", icon="mdi:face-man"),
        "violations": sensor("Violations", summary, "data.violations", icon="mdi:face-mask-outline"),
        "violation": {
            "platform": "event", "name": "Violation", "state_topic": place.topic("event"),
            "event_types": ["violation.opened", "violation.closed"], "value_template": _VIOLATION,
            "icon": "mdi:face-mask-outline", **there,
        },
    }  # fmt: skip


_VIOLATION = (
    "{% if value_json.type in ('violation.opened', 'violation.closed') and not value_json.data.replayed %}"
    "{{ {'event_type': value_json.type, 'violation': value_json.data.violation, 'zone': value_json.data.zone,"
    " 'time': value_json.time} | tojson }}{% endif %}"
)
"""A violation that is delivered late triggers nothing: nobody wants a lamp to flash for yesterday's."""


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"_{byte:02x}" for byte in found[0].encode())


def _read(ledger: Path) -> list[str]:
    try:
        kept = json.loads(ledger.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as e:
        _log.warning("%s: what Home Assistant was told before is not known: %s", ledger, e)
        return []
    return [t for t in kept if isinstance(t, str)] if isinstance(kept, list) else []


def _write(ledger: Path, topics: Sequence[str]) -> None:
    try:
        if topics:
            atomic_write(ledger, json.dumps(topics).encode())
        else:
            remove(ledger)
    except StoreError as e:
        _log.warning(
            "%s. If [home_assistant_discovery] is switched off later, remove the device in Home Assistant by "
            "hand",
            e,
        )
