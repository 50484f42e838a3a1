"""``python -m docs.generate``: write every generated file; ``--check`` only says which are stale."""

import argparse
import sys
from collections.abc import Callable

from docs.generate.commands import commands
from docs.generate.configuration import configuration
from docs.generate.contract import ROOT
from docs.generate.decision_list import decision_list
from docs.generate.events import events
from docs.generate.flow_drawings import frame_drawing, violation_drawing
from docs.generate.layers_drawing import layers_drawing
from docs.generate.make_targets import make_targets
from docs.generate.messages import messages
from docs.generate.rooms import rooms

FILES: dict[str, Callable[[], str]] = {
    "docs/reference/configuration.md": configuration,
    "docs/reference/commands.md": commands,
    "docs/reference/events.md": events,
    "docs/reference/messages.md": messages,
    "docs/reference/make.md": make_targets,
    "docs/decisions/README.md": decision_list,
    "docs/rooms.md": rooms,
    "docs/pictures/layers.svg": layers_drawing,
    "docs/pictures/frame.svg": frame_drawing,
    "docs/pictures/violation.svg": violation_drawing,
}
"""Each generated file, and what makes its text."""


def stale() -> list[str]:
    """The generated files that are missing, or differ from what their source says now."""
    out = []
    for name, make in FILES.items():
        path = ROOT / name
        if not path.is_file() or path.read_text(encoding="utf-8") != make():
            out.append(name)
    return out


def main() -> int:
    """Write what is stale, or with ``--check`` name it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 where a file is stale")
    args = parser.parse_args()
    names = stale()
    for name in names:
        if not args.check:
            (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / name).write_text(FILES[name](), encoding="utf-8")
        print(f"{name}: {'is stale; run make docs' if args.check else 'written'}", file=sys.stderr)  # noqa: T201
    return 1 if args.check and names else 0


if __name__ == "__main__":
    sys.exit(main())
