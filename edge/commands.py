"""One function for each command of ``maskgate``. Its imports are its own: a command loads what it needs."""

import argparse
import json
import logging
import os
import sys
import threading

from edge.config import DEFAULT_PATH, Config, example_config, load_config
from edge.errors import ConfigError, MaskgateError, UsageError
from edge.signals import stop_on_signals

_log = logging.getLogger(__name__)
_RESTART = 75
"""The exit code of a service that ops wants to be started again (sysexits' EX_TEMPFAIL)."""


def run(args: argparse.Namespace) -> int:
    """The service, until its source ends or it is told to stop."""
    from edge.camera import Camera, CameraSettings
    from edge.check import check_config
    from edge.clock import SystemClock
    from edge.compose import load_judges
    from edge.lastrun import back_off, this_run
    from edge.service import Service

    last = this_run()  # before anything that may fail

    def reread() -> Config:
        new = _configured(args)
        check_config(new, str(args.config))
        return new

    config = _configured(args)
    _end_with_any_thread()
    clock, stop = SystemClock(), stop_on_signals()
    back_off(last, stop)
    settings = CameraSettings(**config.camera.model_dump(exclude={"fault_after_s"}))
    try:
        camera = Camera(settings, clock)
    except UsageError as e:
        if args.source is not None:
            raise
        raise ConfigError(f"{args.config}: camera.source: {e}") from e
    judges = load_judges(config)
    source = reread if args.config.exists() else None
    done = Service(config, judges, camera, clock, stop, reread=source, cause=last.cause).run()
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


def detect(args: argparse.Namespace) -> int:
    """Faces and verdicts of pictures."""
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
        print(
            f"maskgate: {unreadable} of {len(paths)} pictures or folders could not be read", file=sys.stderr
        )
    return 1 if unreadable else 0


def replay(args: argparse.Namespace) -> int:
    """The events that a clip leads to."""
    from edge.camera import Found, read_clip, what_lies_at
    from edge.compose import load_judges, make_pipeline
    from edge.events import Place, cloud_event
    from edge.progress import progress
    from edge.replay import EPOCH, Replayed, replay

    found = what_lies_at(args.clip)
    if found is Found.FOLDER:
        raise UsageError(
            f"{args.clip}: is a folder; give one clip, or judge pictures: maskgate detect FOLDER"
        )
    if found is not Found.FILE:
        raise UsageError(
            f"{args.clip}: no such clip" if found is Found.NOTHING else f"{args.clip}: {found.value}"
        )
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


def speaker(args: argparse.Namespace) -> int:
    """The announcements of a site."""
    from edge.clock import SystemClock
    from edge.speaker_service import run_speaker

    _end_with_any_thread()
    return run_speaker(_config(args), clock=SystemClock(), stop=stop_on_signals())


def demo(args: argparse.Namespace) -> int:
    """The whole job on a clip."""
    from edge.demo.run import run_demo

    return run_demo(args.out, stop_on_signals(), clip=args.clip, speed=args.speed)


def bench(args: argparse.Namespace) -> int:
    """What the device promises, measured."""
    if args.what == "decisions":
        from edge.bench import decisions

        config = Config.model_validate({"models": {"mask": args.model}} if args.model else {})
        result = decisions.run(args.faces, args.seed, args.visits, manifest=args.manifest, config=config)
        print(json.dumps(result) if args.json else decisions.table(result))
        return 0
    from edge.bench import announcements

    result = announcements.run(trials=args.trials, violations=args.violations)
    print(json.dumps(result) if args.json else announcements.table(result))
    return 0 if result["ok"] else 1


def indicators(args: argparse.Namespace) -> int:
    """Leave the pins as they are without power."""
    from edge.clock import SystemClock
    from edge.indicators import Indicators

    panel = Indicators(_config(args).indicators, SystemClock())
    panel.close()
    if panel.problem is not None:
        raise MaskgateError(panel.problem)
    return 0


def install_units(args: argparse.Namespace) -> int:
    """What makes systemd run this installation."""
    from edge.install_units import install, own_program

    for step in install(args.root, own_program(), dry=args.dry_run):
        print(f"would {step}" if args.dry_run else step, flush=True)
    if not args.dry_run:
        print("now edit /etc/maskgate/config.toml, then: systemctl enable --now maskgate maskgate-speaker")
    return 0


def print_config(args: argparse.Namespace) -> int:
    """The default configuration, or what is wrong with one."""
    if args.check is None:
        print(example_config(), end="")
    else:
        from edge.check import check_config

        check_config(load_config(args.check), str(args.check))
        print(f"{args.check}: fine")
    return 0


def _config(args: argparse.Namespace, *, optional: bool = False) -> Config:
    """The configuration asked for, else the installed one, else (where that makes sense) the defaults."""
    if args.config is not None:
        return load_config(args.config)
    args.config = DEFAULT_PATH
    try:
        return load_config(DEFAULT_PATH)
    except ConfigError as e:
        if optional and isinstance(e.__cause__, (FileNotFoundError, NotADirectoryError)):
            return Config()
        raise


def _configured(args: argparse.Namespace) -> Config:
    """What ``run`` runs with: ``--source`` goes before the file's."""
    config = _config(args, optional=args.source is not None)
    if args.source is None:
        return config
    return config.model_copy(update={"camera": config.camera.model_copy(update={"source": args.source})})


def _end_with_any_thread() -> None:
    """An unexpected error in any thread ends the process, for half a device is worse than a restarted one."""

    def end(args: threading.ExceptHookArgs) -> None:
        name = args.thread and args.thread.name
        _log.critical("unexpected error in thread %s: ending", name, exc_info=args.exc_value)
        logging.shutdown()
        os._exit(1)

    threading.excepthook = end
