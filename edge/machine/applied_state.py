"""What was applied, kept on the device; only root can read it, as it holds keys of wireless networks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edge.errors import StoreError
from edge.files import atomic_write, make_folder

STATE = "var/lib/maskgate-machine/state.json"


@dataclass(frozen=True, slots=True)
class AppliedState:
    """What ``maskgate machine apply`` remembers.

    Attributes:
        card: the digest of the card that was last applied in full; empty if it must be applied again.
        when: when that was, by this machine's clock; empty if no card has been applied yet.
        files: the files that were written, to be removed when no card asks for them any more.
        units: the units that were enabled.
        psk: keys of wireless networks by name; their passphrases are no longer on the card.
        remarks: what the report says about it.
    """

    card: str = ""
    when: str = ""
    files: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    psk: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def load_state(root: Path) -> AppliedState:
    """The kept state; an empty one if it is missing or damaged, so that the card is applied again."""
    try:
        raw = json.loads((root / STATE).read_bytes())
        files, units, remarks = (tuple(map(str, raw[key])) for key in ("files", "units", "remarks"))
        psk = {str(name): str(key) for name, key in raw["psk"].items()}
        return AppliedState(str(raw["card"]), str(raw["when"]), files, units, psk, remarks)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return AppliedState()


def save_state(root: Path, state: AppliedState) -> None:
    """Keep the state, safe against power cuts.

    Raises:
        StoreError: it can't be written.
    """
    path = root / STATE
    try:
        make_folder(path.parent, mode=0o700)
    except OSError as e:
        raise StoreError(f"{path.parent}: can't be made: {e.strerror}") from e
    atomic_write(path, json.dumps(asdict(state), indent=1).encode(), mode=0o600)
