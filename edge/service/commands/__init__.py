"""Commands from the ops centre: a message in, at most one answer and one event out.

``message`` turns bytes into a command and ``parameters`` checks its arguments. The ``dispatcher`` decides
whether a command is done; the ``executor`` does it, and ``snapshot`` puts a picture into numbers for it. The
``handler`` connects them to the messenger; the rest knows nothing of MQTT.
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
