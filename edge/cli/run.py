"""``maskgate run``: run the service."""

import argparse
import sys

from edge.cli.arguments import add_command
from edge.cli.configuration import add_config_option, config_of
from edge.cli.signals import stop_on_signals
from edge.cli.threads import end_with_any_thread
from edge.config import Config, secret_files, with_secret_files
from edge.errors import ConfigError, UsageError

_RESTART = 75
"""The exit code after ops' command ``restart``: systemd starts it again (EX_TEMPFAIL of sysexits)."""


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``run`` to the commands of ``maskgate``."""
    runs = add_command(
        subparsers, "run", run, "run the service",
        "example:\n  maskgate run --config gate.toml --source /dev/video0",
    )  # fmt: skip
    add_config_option(runs)
    runs.add_argument(
        "--source", metavar="SOURCE",
        help="instead of camera.source: /dev/video0, /dev/v4l/by-id/..., rtsp://..., rtsps://..., "
        "http://..., https://..., picamera, gst:PIPELINE, a clip, or a folder of pictures",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run the service until its source ends or a signal comes.

    Returns:
        1 if events were lost, 75 if ops commanded a restart, else 0.
    """
    from edge.camera import Camera, CameraSettings
    from edge.clock import SystemClock
    from edge.people.compose import load_models
    from edge.service.config_check import check_config
    from edge.service.device import Service
    from edge.service.previous_run import back_off, this_run

    last = this_run()  # before anything that can fail

    def reread() -> Config:
        new = _configured(args)
        # the speaker's tokens are its own service's: this one can't read them
        foreign = {key: None for key in secret_files(new) if key.startswith("speaker.")}
        check_config(with_secret_files(new, foreign), str(args.config))
        return new

    config = _configured(args)
    end_with_any_thread()
    clock, stop = SystemClock(), stop_on_signals()
    back_off(last, stop)
    settings = CameraSettings.of(config.camera)
    try:
        camera = Camera(settings, clock)
    except UsageError as e:
        if args.source is not None:
            raise
        raise ConfigError(f"{args.config}: camera.source: {e}") from e
    models = load_models(config)
    source = reread if args.config.exists() else None
    done = Service(config, models, camera, clock, stop, reread=source, cause=last.cause).run()
    print(f"{done.total}; {done.frames} frames")
    left = done.left
    if left.waiting:
        print(
            f"{left.waiting} events wait in {config.outbox.path} for the next start: {left.why}",
            file=sys.stderr,
        )
    if left.lost:
        print(f"{left.lost} events are lost: {config.outbox.path} could not be written", file=sys.stderr)
    if done.restart:
        return _RESTART
    return 1 if left.lost else 0


def _configured(args: argparse.Namespace) -> Config:
    """The configuration to run with; ``--source`` overrides the file's ``camera.source``."""
    config = config_of(args, optional=args.source is not None)
    if args.source is None:
        return config
    return config.model_copy(update={"camera": config.camera.model_copy(update={"source": args.source})})
