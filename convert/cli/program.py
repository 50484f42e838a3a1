"""``mask-convert``: the workshop's commands. Each imports what it needs only when it runs."""

import argparse
import sys
from collections.abc import Sequence

from convert.cli import data as data_commands
from convert.cli import face as face_commands
from convert.cli import models as model_commands
from edge.errors import MaskgateError

_COMMANDS = (
    data_commands.add_prepare,
    model_commands.add_train,
    data_commands.add_cross_validate,
    model_commands.add_quantize,
    data_commands.add_evaluate,
    model_commands.add_release,
    face_commands.add_face,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 fine; 1 a gate is shut, a picture was unreadable, a package is missing; 2 usage; 78 a damaged model
        or gates file.
    """
    args = build_parser().parse_args(argv)
    try:
        return int(args.run(args))
    except MaskgateError as e:
        print(f"mask-convert {args.command}: {e}", file=sys.stderr)
        return e.exit_code
    except ImportError as e:
        if (e.name or "").partition(".")[0] in {"convert", "edge"}:
            raise
        print(
            f"mask-convert {args.command}: {e}. The workshop's packages are not all here; in Python 3.11: "
            "pip install 'maskgate[convert]'",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(f"mask-convert {args.command}: stopped", file=sys.stderr)
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The parser of ``mask-convert`` with all its commands; the documents are generated from it."""
    parser = argparse.ArgumentParser(
        prog="mask-convert",
        description="From photos to released int8 models: prepare, train, quantize, evaluate, release; face.",
        epilog="example: mask-convert evaluate --model models/mask.tflite --data ../shared/data/faces --json",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in _COMMANDS:
        add(commands)
    return parser
