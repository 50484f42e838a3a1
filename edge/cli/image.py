"""``maskgate image ...``: the arguments, and one function for each command."""

import argparse
import json
from dataclasses import asdict

from edge.cli.arguments import add_command, path

_VERIFY = """examples:
  maskgate image verify dist/maskgate-0.1.0-arm64.img.xz
  maskgate image verify --json card.img | jq 'select(.ok | not)'
exit code: 0 all is well; 1 something is wrong, or a tool is missing; 2 usage
It needs neither root nor mounts, and room for the unpacked image in the folder TMPDIR: 1.4 GB."""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``image`` to the commands of ``maskgate``."""
    images = add_command(
        subparsers, "image", None, "check a card's image before it is written onto cards", _VERIFY
    )
    checks = add_command(
        images.add_subparsers(required=True, metavar="WHAT"),
        "verify",
        verify,
        "say of each part of an image whether it is as it should be",
        _VERIFY,
    )
    checks.add_argument("image", type=path, metavar="IMAGE", help=".img, .img.xz or .img.zst")
    checks.add_argument("--json", action="store_true", help="a JSON object for each check")


def verify(args: argparse.Namespace) -> int:
    """One line for each check."""
    from edge.image.verify import verify as findings

    wrong = 0
    for finding in findings(args.image):
        wrong += not finding.ok
        print(json.dumps(asdict(finding)) if args.json else finding, flush=True)
    return 1 if wrong else 0
