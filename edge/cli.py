"""The command ``maskgate``. Each command's imports are its own, so that help and mistakes come at once."""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from edge import __version__
from edge.config import DEFAULT_PATH, Config, example_config, load_config
from edge.errors import ConfigError, MaskgateError, UsageError

_log = logging.getLogger(__name__)
_HELP = argparse.RawDescriptionHelpFormatter


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 fine, 1 unexpected, 2 usage, 78 configuration."""
    args = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.INFO,
        format="%(levelname)s %(message)s",
        stream=sys.stderr,
    )
    try:
        return int(args.command(args))
    except MaskgateError as e:
        print(f"maskgate: {e}", file=sys.stderr)
        return e.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, as `| head` does: nothing to complain about
        return 0
    except KeyboardInterrupt:
        return 130


def _run(args: argparse.Namespace) -> int:
    from edge.camera import Camera, CameraSettings
    from edge.clock import SystemClock
    from edge.compose import load_judges
    from edge.service import Service

    config = _config(args, optional=args.source is not None)
    if args.source is not None:
        config = config.model_copy(
            update={"camera": config.camera.model_copy(update={"source": args.source})}
        )
    _end_with_any_thread()
    clock, stop = SystemClock(), _stop_on_signals()
    settings = CameraSettings(**config.camera.model_dump(exclude={"fault_after_s"}))
    try:
        camera = Camera(settings, clock)
    except UsageError as e:
        if args.source is not None:
            raise
        raise ConfigError(f"{args.config}: camera.source: {e}") from e
    done = Service(config, load_judges(config), camera, clock, stop).run()
    print(f"{done.total}; {done.frames} frames")
    if done.waiting:
        print(
            f"{done.waiting} events wait in {config.outbox.path} for the next start: {done.link}",
            file=sys.stderr,
        )
    return 0


def _detect(args: argparse.Namespace) -> int:
    from edge.compose import load_judges
    from edge.detect import Unreadable, detect, find_pictures
    from edge.progress import progress

    paths = find_pictures(args.paths)
    judges = load_judges(_config(args, optional=True))
    unreadable = 0
    for picture in progress(detect(paths, judges), "pictures", len(paths)):
        if isinstance(picture, Unreadable):
            unreadable += 1
            print(f"maskgate: {picture.message}", file=sys.stderr)
        elif args.jsonl:
            print(json.dumps(picture.json()), flush=True)
        else:
            print(f"{picture.file}: {picture.width}x{picture.height}, {len(picture.faces)} faces")
            for face in picture.faces:
                x1, y1, x2, y2 = face.look.face.box.corners
                why = f"  ({face.look.flaw})" if face.look.flaw else ""
                print(
                    f"  {face.verdict.value:12}  mask {face.score.probability:4.0%}  "
                    f"at {x1:.0f},{y1:.0f} to {x2:.0f},{y2:.0f}{why}"
                )
    if unreadable:
        print(f"maskgate: {unreadable} of {len(paths)} pictures could not be read", file=sys.stderr)
    return 1 if unreadable else 0


def _replay(args: argparse.Namespace) -> int:
    from edge.camera import read_clip
    from edge.compose import load_judges, make_pipeline
    from edge.events import Place, cloud_event
    from edge.progress import progress
    from edge.replay import EPOCH, Replayed, replay

    if not args.clip.is_file():
        raise UsageError(f"{args.clip}: no such clip")
    config = _config(args, optional=True)
    place = Place(config.site.id, config.site.device, config.mqtt.prefix)
    pipeline, done = make_pipeline(config, load_judges(config)), Replayed()
    frames = progress(read_clip(args.clip, EPOCH), "frames")
    for sequence, event in enumerate(replay(frames, pipeline, done), start=1):
        if args.jsonl:
            print(json.dumps(cloud_event(event, place, sequence=sequence, recorded=event.time)), flush=True)
        else:
            said = event.data.model_dump(mode="json", exclude={"violation", "model", "zone"})
            words = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in said.items())
            print(f"{(event.time - EPOCH).total_seconds():8.2f} s  {event.type:17} {words}")
    return 0


def _speaker(args: argparse.Namespace) -> int:
    from edge.clock import SystemClock
    from edge.speaker_service import run_speaker

    _end_with_any_thread()
    return run_speaker(_config(args), clock=SystemClock(), stop=_stop_on_signals(), announce=print)


def _demo(args: argparse.Namespace) -> int:
    from edge.demo.run import run_demo

    return run_demo(args.out, _stop_on_signals(), clip=args.clip, speed=args.speed)


def _print_config(args: argparse.Namespace) -> int:
    if args.check is None:
        print(example_config(), end="")
    else:
        load_config(args.check)
        print(f"{args.check}: fine")
    return 0


def _config(args: argparse.Namespace, *, optional: bool = False) -> Config:
    """The configuration asked for, else the installed one, else (where that makes sense) the defaults."""
    if args.config is not None:
        return load_config(args.config)
    args.config = DEFAULT_PATH
    if optional and not DEFAULT_PATH.exists():
        return Config()
    return load_config(DEFAULT_PATH)


def _end_with_any_thread() -> None:
    """An unexpected error in any thread ends the process, for half a device is worse than a restarted one."""

    def end(args: threading.ExceptHookArgs) -> None:
        name = args.thread and args.thread.name
        _log.critical("unexpected error in thread %s: ending", name, exc_info=args.exc_value)
        logging.shutdown()
        os._exit(1)

    threading.excepthook = end


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="maskgate", description="Mask detection at building entrances.")
    parser.add_argument("--version", action="version", version=f"maskgate {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log details")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=f"example:\n  {example}",
            formatter_class=_HELP,
        )  # fmt: skip
        made.set_defaults(command=run)
        return made

    def configurable(made: argparse.ArgumentParser) -> argparse.ArgumentParser:
        made.add_argument(
            "--config", type=Path, metavar="FILE", help=f"configuration (default: {DEFAULT_PATH})"
        )
        return made

    run = configurable(
        command("run", _run, "run the service", "maskgate run --config gate.toml --source /dev/video0")
    )
    run.add_argument(
        "--source", metavar="SOURCE",
        help="instead of camera.source: /dev/video0, /dev/v4l/by-id/..., rtsp://..., http://..., picamera, "
        "a clip, or a folder of pictures",
    )  # fmt: skip
    detect = configurable(
        command("detect", _detect, "judge the faces in pictures", "maskgate detect --jsonl photos/ door.jpg")
    )
    detect.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a picture, or a folder of pictures"
    )
    detect.add_argument("--jsonl", action="store_true", help="one JSON object a picture")
    replay = configurable(
        command(
            "replay", _replay, "print the events that a clip leads to", "maskgate replay --jsonl clip.mp4"
        )
    )
    replay.add_argument("clip", type=Path, metavar="CLIP")
    replay.add_argument(
        "--jsonl", action="store_true", help="one CloudEvent a line, as it would be published"
    )
    configurable(
        command(
            "speaker", _speaker, "announce the violations of a site", "maskgate speaker --config gate.toml"
        )
    )
    demo = command("demo", _demo, "show the whole job on a shipped clip", "maskgate demo --out out/demo")
    demo.add_argument(
        "--out", type=Path, default=Path("out/demo"), metavar="DIR", help="what is left to look at"
    )
    demo.add_argument("--clip", type=Path, metavar="CLIP", help="another clip than the shipped one")
    demo.add_argument("--speed", type=float, default=3.0, help="times as fast as filmed (default: 3)")
    check = command(
        "config",
        _print_config,
        "print the default configuration, or check one",
        "maskgate config > gate.toml",
    )
    check.add_argument("--check", type=Path, metavar="FILE", help="say whether this file is fine")
    return parser


if __name__ == "__main__":
    sys.exit(main())
