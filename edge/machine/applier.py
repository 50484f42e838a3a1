"""``maskgate machine apply``: apply the card to the device; a power cut at any point loses nothing.

First everything is written to the device's own disk. Then the secrets are removed from the card. Then the
device remembers that this card is done. After an interruption it starts again, and ends in the same state.
"""

import grp
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from edge.config import mistakes
from edge.errors import ConfigError, StoreError
from edge.files import atomic_link, atomic_write, make_folder, remove
from edge.machine import boot, inspection
from edge.machine.applied_state import AppliedState, load_state, save_state
from edge.machine.apply_result import ApplyResult, ApplyVerdict
from edge.machine.card_files import CardFiles, read_card
from edge.machine.facts import facts_of
from edge.machine.plan import RETIRED, Plan, make_plan
from edge.machine.planned_files import CREDENTIALS, PERSON
from edge.machine.preflight import check_on_device
from edge.machine.programs import Run, is_enabled, run_program, steps, try_all
from edge.machine.wanted import KnownSecrets, WantedMachine, lines_of, read
from edge.systemd import systemd_is_running

_log = logging.getLogger(__name__)
_PEOPLE = 1000
"""Users with this number or a higher one are people."""
_SERVICES = (CREDENTIALS, "/etc/systemd/system/maskgate")
"""How paths start that belong to the service's configuration and not to the machine."""
_CUT_SHORT = (
    "machine: there is no [machine], and this device was set up with one: was the file cut short? Write "
    "[machine]; leave it empty if Wi-Fi, keys and all else from there should be removed"
)


def apply(boot_dir: Path, root: Path, run: Run | None = None) -> ApplyResult:
    """Apply what is new on the card.

    Args:
        boot_dir: the boot partition.
        root: of the file system to write to.
        run: runs the programs that put it in force; default: this machine's own, and none for another root.
    """
    if run is None and root == Path("/") and systemd_is_running():
        run = run_program
    state = load_state(root)
    in_force = bool(state.when)
    try:
        card = read_card(boot_dir)
        if card is None:
            return ApplyResult(ApplyVerdict.NONE, remarks=state.remarks, in_force=in_force)
        if card.digest == state.card:
            return ApplyResult(ApplyVerdict.UNCHANGED, remarks=state.remarks, in_force=in_force)
        wanted = read(card, _known(root, state))
        check_on_device(wanted)
        _check_user(root, wanted)
        if refused := _not_now(wanted, state):
            return ApplyResult(ApplyVerdict.REFUSED, refused, wanted.remarks, in_force)
    except ConfigError as e:
        return ApplyResult(ApplyVerdict.REFUSED, tuple(lines_of(e)), (), in_force)
    try:
        return _take_over(boot_dir, root, card, wanted, state, run)
    except StoreError as e:
        return ApplyResult(ApplyVerdict.REFUSED, (str(e),), wanted.remarks, in_force)


def _not_now(wanted: WantedMachine, state: AppliedState) -> tuple[str, ...]:
    """Why a working device should stay as it is; empty if the card can be applied."""
    if wanted.missing and state.when:
        return wanted.missing
    lost = not wanted.about_machine and any(not path.startswith(_SERVICES) for path in state.files)
    return (_CUT_SHORT,) if lost else ()


def _known(root: Path, state: AppliedState) -> KnownSecrets:
    folder = root / CREDENTIALS.lstrip("/")
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return KnownSecrets({p.name: p.read_bytes() for p in files if p.is_file()}, state.psk)


def _check_user(root: Path, wanted: WantedMachine) -> None:
    """Refuse a program's own user as the one to log in as, who may do everything."""
    machine = wanted.config.machine
    for line in inspection.text_of(root / "etc/passwd").splitlines() if machine.ssh_keys else []:
        name, _, uid, _, about, *_ = line.split(":") + [""] * 5
        if name == machine.ssh_user and about != PERSON and uid.isdigit() and int(uid) < _PEOPLE:
            mistake = f"machine.ssh_user: found {name!r}, a user of the system; choose a name for a person"
            raise mistakes(wanted.name, [mistake])


def _take_over(
    boot_dir: Path, root: Path, card: CardFiles, wanted: WantedMachine, state: AppliedState, run: Run | None
) -> ApplyResult:
    plan = make_plan(wanted, facts_of(root))
    retired = [unit for unit in RETIRED if unit in state.units and unit not in plan.units]
    ours = _ours(plan.units, state.units, partial(is_enabled, run) if run else lambda _: False)
    state = _install(root, plan, wanted, replace(state, card="", units=(*state.units, *ours)))
    complaints = _forget(boot_dir, root, card, wanted)
    failed, hints = try_all(steps(plan, retired), run) if run else ([], [])
    remarks = (*wanted.remarks, *plan.remarks, *complaints, *hints)
    done = read_card(boot_dir) or card
    state = replace(
        state,
        card="" if wanted.missing or failed else done.digest,
        when=state.when if wanted.missing else _now(),
        units=(*ours, *retired) if failed else ours,
        remarks=remarks,
    )
    save_state(root, state)
    verdict = ApplyVerdict.INCOMPLETE if wanted.missing else ApplyVerdict.APPLIED
    return ApplyResult(verdict, wanted.missing, (*remarks, *failed), bool(state.when))


def _install(root: Path, plan: Plan, wanted: WantedMachine, state: AppliedState) -> AppliedState:
    """Write all files, and remove those that no card asks for any more; returns the new state."""
    ours = {file.path for file in plan.files if not file.kept}
    if wanted.service_text is None:  # then the service's own files stay
        ours |= {path for path in state.files if path.startswith(_SERVICES)}
    # keep the names first, so that an interrupted run leaves no unknown files
    save_state(root, replace(state, files=tuple(sorted({*state.files, *ours}))))
    _write(root, plan)
    for path in sorted({*state.files} - ours):
        remove(_below(root, path))
    wifi = wanted.config.machine.wifi
    psk = {wifi.ssid: wanted.psk} if wifi and wanted.psk else {}
    state = replace(state, files=tuple(sorted(ours)), units=tuple(dict.fromkeys(state.units)), psk=psk)
    save_state(root, state)
    return state


def _write(root: Path, plan: Plan) -> None:
    folder = _below(root, CREDENTIALS)
    for file in plan.files:
        if file.path.startswith(CREDENTIALS) and not folder.is_dir():
            make_folder(folder, mode=0o700)
        owner = (0, _group(root, file.group)) if os.geteuid() == 0 else None
        atomic_write(_below(root, file.path), file.data, mode=file.mode, owner=owner)
    for made in plan.links:
        atomic_link(_below(root, made.path), made.target)


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _group(root: Path, name: str) -> int:
    """A group's number; root's for another file system, where tmpfiles.d corrects it at the first boot."""
    try:
        return grp.getgrnam(name).gr_gid if root == Path("/") else 0
    except KeyError:
        return 0


def _ours(wanted: Iterable[str], before: Iterable[str], enabled: Callable[[str], bool]) -> tuple[str, ...]:
    """The units that we enable; one that somebody else enabled is not ours to disable again."""
    known = {*before}
    return tuple(u for u in wanted if u in known or u not in RETIRED or not enabled(u))


def _forget(boot_dir: Path, root: Path, card: CardFiles, wanted: WantedMachine) -> list[str]:
    """Remove the secrets from the card; returns what to report if that fails."""
    if inspection.forgets(root):
        return ["the card keeps its secrets: the device itself forgets everything when the power goes off"]
    try:
        boot.forget_secrets(boot_dir, card, frozenset(wanted.credentials))
    except StoreError as e:
        return [f"the card still holds secrets that are on the device by now: {e}"]
    return []


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
