"""What was taken over, kept on the device: for root alone, since it holds the keys of wireless networks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edge.files import atomic_write

STATE = "var/lib/maskgate-machine/state.json"


@dataclass(frozen=True, slots=True)
class AppliedState:
    """The memory of ``maskgate machine apply``.

    Attributes:
        card: the digest of the card that was taken over last and in full; empty: to be taken over again.
        when: that moment, by this machine's clock; empty: nothing is in force yet.
        files: what was written, and is to be removed when nothing wants it any more.
        units: what was switched on.
        psk: keys of wireless networks by name: their passphrases are not on the card any more.
        remarks: what there was to say about it.
    """

    card: str = ""
    when: str = ""
    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    psk: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def load_state(root: Path) -> AppliedState:
    """What is known; nothing where it is damaged or not there: then the card is taken over once more."""
    try:
        raw = json.loads((root / STATE).read_bytes())
        files, units, remarks = (tuple(map(str, raw[key])) for key in ("files", "units", "remarks"))
        psk = {str(name): str(key) for name, key in raw["psk"].items()}
        return AppliedState(str(raw["card"]), str(raw["when"]), files, units, psk, remarks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return AppliedState()


def save_state(root: Path, state: AppliedState) -> None:
    """Keep it over power cuts.

    Raises:
        StoreError: it can't be written.
    """
    atomic_write(root / STATE, json.dumps(asdict(state), indent=1).encode(), mode=0o600)
