"""``maskgate image verify``: check a card's image."""

import argparse
import json
from dataclasses import asdict

from edge.cli.arguments import add_command, path

_VERIFY = """examples:
  maskgate image verify dist/maskgate-0.1.0-arm64.img.xz
  maskgate image verify --json card.img | jq 'select(.ok | not)'
exit code: 0 the image is fine; 1 something is wrong, or a tool is missing; 2 usage
It needs no root rights and no mounts, and 1.4 GB in the folder TMPDIR for the unpacked image."""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``image`` to the commands of ``maskgate``."""
    images = add_command(
        subparsers, "image", None, "check a card's image before it is written onto cards", _VERIFY
    )
    checks = add_command(
        images.add_subparsers(required=True, metavar="WHAT"),
        "verify",
        verify,
        "check each part of an image",
        _VERIFY,
    )
    checks.add_argument("image", type=path, metavar="IMAGE", help=".img, .img.xz or .img.zst")
    checks.add_argument("--json", action="store_true", help="print a JSON object for each check")


def verify(args: argparse.Namespace) -> int:
    """Print a line for each check; returns 1 if one failed."""
    from edge.image.verify import verify as findings

    wrong = 0
    for finding in findings(args.image):
        wrong += not finding.ok
        print(json.dumps(asdict(finding)) if args.json else finding, flush=True)
    return 1 if wrong else 0
