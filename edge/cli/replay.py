"""``maskgate replay``: print the events that a clip leads to."""

import argparse
import json

from edge.cli.arguments import add_command, path
from edge.cli.configuration import add_config_option, config_of
from edge.errors import UsageError


def add_parsers(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``replay`` to the commands of ``maskgate``."""
    replays = add_command(
        subparsers, "replay", replay, "print the events that a clip leads to",
        "example:\n  maskgate replay --jsonl clip.mp4",
    )  # fmt: skip
    add_config_option(replays)
    replays.add_argument("clip", type=path, metavar="CLIP", help="a video file")
    replays.add_argument(
        "--jsonl", action="store_true", help="print each event as the CloudEvent that would be published"
    )


def replay(args: argparse.Namespace) -> int:
    """Print the events that a clip leads to."""
    from edge.camera import Found, Turn, read_clip, what_lies_at
    from edge.events import Place, cloud_event
    from edge.people.clip_events import EPOCH, Replayed, events_of_clip
    from edge.people.compose import load_models, make_pipeline
    from edge.progress import progress

    found = what_lies_at(args.clip)
    if found is Found.FOLDER:
        raise UsageError(
            f"{args.clip}: is a folder; give one clip, or judge pictures: maskgate detect FOLDER"
        )
    if found is not Found.FILE:
        raise UsageError(
            f"{args.clip}: no such clip" if found is Found.NOTHING else f"{args.clip}: {found.value}"
        )
    config = config_of(args, optional=True)
    turn = Turn(config.camera.rotate, flip=config.camera.flip)
    place = Place(config.site.id, config.site.device, config.mqtt.prefix)
    pipeline, done = make_pipeline(config, load_models(config)), Replayed()
    frames = progress(read_clip(args.clip, EPOCH, turn), "frames")
    for sequence, event in enumerate(events_of_clip(frames, pipeline, done), start=1):
        if args.jsonl:
            print(json.dumps(cloud_event(event, place, sequence=sequence, recorded=event.time)), flush=True)
        else:
            data = event.data.model_dump(mode="json", exclude={"violation", "model", "zone"})
            words = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in data.items())
            print(f"{(event.time - EPOCH).total_seconds():8.2f} s  {event.type:17} {words}")
    return 0
