"""Commands from the ops centre: bytes in, at most one answer and one event out. Knows nothing of MQTT.

``reading`` turns bytes into a command, ``arguments`` what it takes, ``commander`` decides and has it done,
``snapshot`` says in numbers what the camera sees.
"""

from edge.service.commands.dispatcher import CommandActions, CommandDispatcher, CommandResult, Handled
from edge.service.commands.parameters import RefusedError
from edge.service.commands.snapshot import SnapshotFace, in_numbers

__all__ = [
    "CommandActions",
    "CommandDispatcher",
    "CommandResult",
    "Handled",
    "RefusedError",
    "SnapshotFace",
    "in_numbers",
]
