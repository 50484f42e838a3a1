"""Decides whether a command is carried out, and has it carried out. One thread; nothing here waits."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue

from edge.clock import Clock, trusted
from edge.config import Commands
from edge.events import Command, CommandHandled, Response
from edge.service.commands.message import command_of, read, transaction_of
from edge.service.commands.parameters import (
    MuteArguments,
    NoArguments,
    RefusedError,
    SetThresholdArguments,
    UpdateArguments,
    take,
)

REMEMBERED = 100
"""Transactions whose answers are kept."""
BURST, REFILL_S = 10, 5.0
"""Commands at once, and the seconds until one more is taken: each is an event in the outbox."""
_ONCE = frozenset({"reload", "restart", "update", "rollback"})
"""Commands that may end the run that carries them out."""
AHEAD_S = 60.0
"""A command that was issued later than this from now shows that one of the clocks is wrong."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command led to."""

    message: str
    """A full sentence for people."""
    data: dict[str, JsonValue] = field(default_factory=dict)


class CommandActions(Protocol):
    """What a device can do, at once; each raises ``RefusedError`` if it can't."""

    def status(self) -> CommandResult:
        """Report the device's health."""
        ...

    def snapshot(self) -> CommandResult:
        """Describe in numbers what the camera sees."""
        ...

    def reload(self) -> CommandResult:
        """Read the configuration again."""
        ...

    def announce(self) -> CommandResult:
        """Let the speaker sound once."""
        ...

    def mute(self, for_s: float) -> CommandResult:
        """Announce nothing for ``for_s`` seconds; 0 ends that."""
        ...

    def set_threshold(self, value: float) -> CommandResult:
        """Judge by another threshold until the next start."""
        ...

    def restart(self) -> CommandResult:
        """End in an orderly way, and be started again."""
        ...

    def update(self, url: str, version: str) -> CommandResult:
        """Have a release downloaded and tried."""
        ...

    def rollback(self) -> CommandResult:
        """Go back to what was there before the last update."""
        ...


@dataclass(frozen=True, slots=True)
class Handled:
    """What follows from a message."""

    response: Response | None = None
    event: CommandHandled | None = None


class CommandDispatcher:
    """Admits, carries out and answers the commands of one device.

    Args:
        settings: which commands are allowed, and within which limits.
        device: carries them out.
        clock: tells their age.
    """

    def __init__(self, settings: Commands, device: CommandActions, clock: Clock) -> None:
        self._settings, self._device, self._clock = settings, device, clock
        self._started = clock.utc()
        self._answered: OrderedDict[str, Response] = OrderedDict()
        self._tokens, self._counted_s = float(BURST), clock.monotonic()

    def handle(self, payload: bytes, *, retained: bool) -> Handled:
        """Answer one message; never raises, whatever the bytes are.

        Without a valid transaction there is nobody to answer. Over the rate limit there is no event either: a
        flood of commands must not fill the outbox.
        """
        if not payload:  # how a retained message is removed
            return Handled()
        transaction = transaction_of(payload)
        if not retained and transaction in self._answered:
            return Handled(self._answered[transaction])
        if not self._take_token():
            text = f"More than {BURST} commands, and then one in {REFILL_S:.0f} s, are not taken: try later."
            refused = Response(transaction=transaction, status="error", error="busy", message=text)
            return Handled(refused if transaction else None)
        response = self._answer(payload, transaction, retained=retained)
        if transaction and not retained:
            self._remember(response)
        event = CommandHandled(command=command_of(payload), **response.model_dump(exclude={"data"}))
        return Handled(response if transaction else None, event)

    def turn_away(self, payload: bytes) -> Response | None:
        """Answer a message that came too late for this run; None where there is nobody to answer."""
        transaction = transaction_of(payload)
        if not transaction:
            return None
        if transaction in self._answered:
            return self._answered[transaction]
        text = "This run of the device has ended: ask again when its status says online."
        return Response(transaction=transaction, status="error", error="not possible", message=text)

    def _answer(self, payload: bytes, transaction: str, *, retained: bool) -> Response:
        try:
            result = self._do(self._admit(payload, retained=retained))
        except RefusedError as e:
            return Response(transaction=transaction, status="error", error=e.why, message=str(e))
        return Response(transaction=transaction, status="ok", message=result.message, data=result.data)

    def _admit(self, payload: bytes, *, retained: bool) -> Command:
        if retained:
            raise RefusedError(
                "retained", "A retained command would be carried out at every connect: remove it."
            )
        command = read(payload)
        if command.command not in self._settings.allowed:
            raise RefusedError("not possible", f"[commands] allowed here leaves out {command.command}.")
        if trusted(self._clock):
            _require_fresh(command, self._clock.utc())
            # whoever asked may not have got the answer of the run before: that is no reason to restart twice
            if command.command in _ONCE and command.issued < self._started:
                start = f"{self._started:%Y-%m-%d %H:%M:%S} UTC"
                raise RefusedError("stale", f"Issued before this run of the device started, at {start}.")
        return command

    def _do(self, command: Command) -> CommandResult:
        name, given, device = command.command, command.arguments, self._device
        if name == "mute":
            return device.mute(take(MuteArguments, given).for_s)
        if name == "set-threshold":
            return self._set_threshold(take(SetThresholdArguments, given).value)
        if name == "update":
            wanted = take(UpdateArguments, given)
            return device.update(wanted.url, wanted.version)
        take(NoArguments, given)
        plain = {
            "status": device.status,
            "snapshot-test": device.snapshot,
            "reload": device.reload,
            "announce": device.announce,
            "restart": device.restart,
            "rollback": device.rollback,
        }
        return plain[name]()

    def _set_threshold(self, value: float) -> CommandResult:
        low, high = self._settings.threshold_min, self._settings.threshold_max
        if not low <= value <= high:
            raise RefusedError("out of limits", f"[commands] allows thresholds from {low} to {high}.")
        return self._device.set_threshold(value)

    def _take_token(self) -> bool:
        now_s = self._clock.monotonic()
        self._tokens = min(float(BURST), self._tokens + (now_s - self._counted_s) / REFILL_S)
        self._counted_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def _remember(self, response: Response) -> None:
        self._answered[response.transaction] = response
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)


def _require_fresh(command: Command, now: datetime) -> None:
    age_s = (now - command.issued).total_seconds()
    if age_s > command.deadline_s:
        raise RefusedError("stale", f"Issued {age_s:.1f} s ago, with a deadline of {command.deadline_s:g} s.")
    if age_s < -AHEAD_S:
        raise RefusedError(
            "stale", f"Issued {-age_s:.0f} s from now: this device's clock says {now:%Y-%m-%d %H:%M:%S} UTC."
        )
