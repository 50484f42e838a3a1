"""``maskgate install-units``: let systemd run this installation."""

import argparse

from edge.cli.arguments import add_command, path


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``install-units`` to the commands of ``maskgate``."""
    units = add_command(
        subparsers, "install-units", install_units,
        "let systemd run this installation: write units, user, rules and a configuration to /etc",
        "example:\n  sudo maskgate install-units --dry-run",
    )  # fmt: skip
    units.add_argument("--dry-run", action="store_true", help="only print what would be done")
    units.add_argument(
        "--root",
        type=path,
        default="/",
        metavar="DIR",
        help="the root of another file system; no program is run for it",
    )


def install_units(args: argparse.Namespace) -> int:
    """Write the units and what belongs to them, and print each step."""
    from edge.machine.install_units import install, own_program

    for step in install(args.root, own_program(), dry=args.dry_run):
        print(f"would {step}" if args.dry_run else step, flush=True)
    if not args.dry_run:
        print("now edit /etc/maskgate/config.toml, then: systemctl enable --now maskgate maskgate-speaker")
    return 0
