"""``maskgate provision``: make a flashed card install maskgate at its first start."""

import argparse

from edge.cli.arguments import add_command, path

_EXAMPLE = """example:
  maskgate provision --boot /media/$USER/bootfs --config maskgate.toml \\
    --deb dist/maskgate_0.1.0+deb13_arm64.deb
Flash Raspberry Pi OS (64-bit) first. The table [machine] in maskgate.toml replaces the settings of Imager.
Put passwords and certificates into the folder credentials beside maskgate.toml. If anything is wrong,
nothing is written.
exit code: 0 fine, 1 the card can't be written, 2 card and package do not match, 78 mistakes in the file"""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``provision`` to the commands of ``maskgate``."""
    text = "make a flashed Raspberry Pi OS card install maskgate at its first start, without a network"
    made = add_command(subparsers, "provision", run, text, _EXAMPLE)
    made.add_argument(
        "--boot", type=path, required=True, metavar="DIR", help="where the card's first partition is mounted"
    )
    made.add_argument(
        "--config",
        type=path,
        required=True,
        metavar="FILE",
        help="the file that becomes maskgate.toml on the card",
    )
    made.add_argument(
        "--deb",
        type=path,
        required=True,
        metavar="FILE",
        help="the package of maskgate for the card's system",
    )
    made.add_argument(
        "--style", choices=["auto", "cloud-init", "firstrun"], default="auto",
        help="what installs it at the first start (default: auto, by the files on the card)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Check card, package and configuration; then write the card."""
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
