"""``maskgate install-units``: what makes systemd run this installation."""

import argparse

from edge.cli.arguments import add_command, path


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``install-units`` to the commands of ``maskgate``."""
    units = add_command(
        subparsers, "install-units", install_units,
        "let systemd run this installation: write units, user, rules and a configuration to /etc",
        "example:\n  sudo maskgate install-units --dry-run",
    )  # fmt: skip
    units.add_argument("--dry-run", action="store_true", help="only say what would be done")
    units.add_argument(
        "--root", type=path, default="/", metavar="DIR", help="of another file system; systemd is not told"
    )


def install_units(args: argparse.Namespace) -> int:
    """What makes systemd run this installation."""
    from edge.machine.install_units import install, own_program

    for step in install(args.root, own_program(), dry=args.dry_run):
        print(f"would {step}" if args.dry_run else step, flush=True)
    if not args.dry_run:
        print("now edit /etc/maskgate/config.toml, then: systemctl enable --now maskgate maskgate-speaker")
    return 0
