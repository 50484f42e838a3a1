"""``maskgate update make``: a bundle of a release, and its signature."""

import argparse
import sys
from collections.abc import Callable

from edge.cli.arguments import path
from edge.errors import UsageError

_MAKE = """examples:
  maskgate update make --deb dist/maskgate_0.2.0+deb12_arm64.deb --out dist --key ~/ops.key
  maskgate update make --models models --version 1.2.0 --out dist
Make the keys once: minisign -G -p ops.pub -s ops.key. Put ops.pub into /etc/maskgate/update-keys on each
device; give ops.key to nobody."""


def add_parser(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add ``make`` to the commands of ``maskgate update``; ``command`` makes one of them."""
    makes = command("make", make, "make a bundle of a package's application, or of models", _MAKE)
    what = makes.add_mutually_exclusive_group(required=True)
    what.add_argument("--deb", type=path, metavar="FILE", help="the application in this package")
    what.add_argument("--models", type=path, metavar="DIR", help="the models in this folder")
    makes.add_argument(
        "--version", metavar="V", help="version of the models (default: that of the mask model)"
    )
    makes.add_argument(
        "--out", type=path, required=True, metavar="DIR", help="where to write it; made if it is missing"
    )
    makes.add_argument("--key", type=path, metavar="FILE", help="sign it with this secret key of minisign")


def make(args: argparse.Namespace) -> int:
    """Make a bundle, and sign it if a key is given."""
    from edge.update.make_bundle import from_deb, from_models, sign

    if args.deb is not None and args.version is not None:
        raise UsageError("--version: a package has its own")
    if args.deb is not None:
        print("compressing takes a minute or two", file=sys.stderr)
        bundle = from_deb(args.deb, args.out)
    else:
        bundle = from_models(args.models, args.out, args.version)
    print(f"{bundle}: {bundle.stat().st_size / 1e6:.1f} MB")
    if args.key is None:
        print(f"now sign it: minisign -S -s KEY -m {bundle} -t file:{bundle.name}")
    else:
        print(sign(bundle, args.key))
    return 0
