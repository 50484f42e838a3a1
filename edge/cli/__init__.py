"""The command line: one file for each command, its parser and its function together; ``program`` lists them.

``from edge.cli import main`` is a contract with devices in the field: the launcher and the updater that came
with their package start every later release through it (systemd/package/launcher, ``edge.update.prove``).
"""

from edge.cli.program import main

__all__ = ["main"]
