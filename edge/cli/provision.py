"""``maskgate provision``: the arguments and the command."""

import argparse

from edge.cli.arguments import add_command, path

_EXAMPLE = """example:
  maskgate provision --boot /media/$USER/bootfs --config maskgate.toml \\
    --deb dist/maskgate_0.1.0+deb13_arm64.deb
Flash Raspberry Pi OS (64-bit) first; maskgate.toml's table [machine] replaces what Imager asks for. Passwords
and certificates lie in the folder credentials beside maskgate.toml. Nothing is written if anything is wrong.
exit code: 0 fine, 1 the card can't be written, 2 card and package do not fit, 78 mistakes in the file"""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``provision`` to the commands of ``maskgate``."""
    text = "make a flashed Raspberry Pi OS card install maskgate at its first start, without a network"
    made = add_command(subparsers, "provision", run, text, _EXAMPLE)
    made.add_argument(
        "--boot", type=path, required=True, metavar="DIR", help="where the card's first partition is mounted"
    )
    made.add_argument("--config", type=path, required=True, metavar="FILE", help="becomes maskgate.toml")
    made.add_argument("--deb", type=path, required=True, metavar="FILE", help="maskgate's package for it")
    made.add_argument(
        "--style", choices=["auto", "cloud-init", "firstrun"], default="auto",
        help="who installs it at the first start (default: auto, by what lies on the card)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Check everything, then write."""
    from edge.provision.package import read_package
    from edge.provision.partition import FirstBootStyle, read_partition
    from edge.provision.provisioning import check, provision

    partition = read_partition(args.boot, None if args.style == "auto" else FirstBootStyle(args.style))
    plan = check(partition, read_package(args.deb), args.config)
    for remark in plan.remarks:
        print(f"note: {remark}")
    provision(plan, lambda name: print(f"write {name}", flush=True))
    print(
        f"{args.boot}: ready for {partition.style.value}. Unmount it, put it into the device, switch it on. "
        "The device answers in maskgate-report.txt on this partition."
    )
    return 0
