"""``maskgate speaker``: announce the violations of a site."""

import argparse

from edge.cli.arguments import add_command
from edge.cli.configuration import add_config_option, config_of
from edge.cli.signals import stop_on_signals
from edge.cli.threads import end_with_any_thread


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``speaker`` to the commands of ``maskgate``."""
    speaks = add_command(
        subparsers, "speaker", speaker, "announce the violations of a site",
        "example:\n  maskgate speaker --config gate.toml",
    )  # fmt: skip
    add_config_option(speaks)


def speaker(args: argparse.Namespace) -> int:
    """Run the speaker's service until a signal comes; returns the exit code."""
    from edge.clock import SystemClock
    from edge.service.speaker import run_speaker

    end_with_any_thread()
    return run_speaker(config_of(args), clock=SystemClock(), stop=stop_on_signals())
