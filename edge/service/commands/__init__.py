"""Commands from the ops centre: bytes in, at most one answer and one event out. Knows nothing of MQTT.

``reading`` turns bytes into a command, ``arguments`` what it takes, ``commander`` decides and has it done,
``snapshot`` says in numbers what the camera sees.
"""

from edge.service.commands.arguments import RefusedError
from edge.service.commands.commander import Commander, Device, Done, Handled
from edge.service.commands.snapshot import Sighting, in_numbers

__all__ = ["Commander", "Device", "Done", "Handled", "RefusedError", "Sighting", "in_numbers"]
