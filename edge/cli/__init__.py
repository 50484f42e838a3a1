"""What a person types: ``program`` finds the command; each has one file here, parser and function together.

``from edge.cli import main`` is a contract with devices in the field: the launcher and the updater that came
with their package start every later release by it (systemd/package/launcher, ``edge.update.prove``).
"""

from edge.cli.program import main

__all__ = ["main"]
