"""What a person types: ``program`` has the parser of ``mask-convert``, others one function a command."""

from convert.cli.program import main

__all__ = ["main"]
