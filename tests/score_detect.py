"""Score what ``maskgate detect --jsonl`` printed against annotated photos.

    maskgate detect --jsonl ../shared/data/frames/images > detect.jsonl
    python tests/score_detect.py ../shared/data/frames/annotations.json detect.jsonl

The annotations are a JSON list of ``{"file", "boxes": [{"box": [x1, y1, x2, y2], "label"}]}`` with the
labels ``mask``, ``no_mask``, ``incorrect`` and ``unlabelled`` (a face that is neither to be found nor
judged). Photos are matched by file name. Prints, as JSON: recall of the labelled faces by width at IoU 0.4,
each face and each detection matched once, best overlap first; and how often the verdicts on the matched faces
agree with ``mask`` and ``no_mask``, among the faces that were judged.
"""

import argparse
import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from edge.values import Box, Verdict

IOU = 0.4
WIDTHS_PX = (20, 40, 80)
RIGHT = {"mask": Verdict.MASKED.value, "no_mask": Verdict.NOT_MASKED.value}


def match(wanted: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[int, int]:
    """Wanted face -> found face, both by index."""
    pairs = sorted(
        (
            (Box(*w["box"]).iou(Box(*f["box"])), i, j)
            for i, w in enumerate(wanted)
            for j, f in enumerate(found)
        ),
        reverse=True,
    )
    out: dict[int, int] = {}
    for iou, i, j in pairs:
        if iou >= IOU and i not in out and j not in out.values():
            out[i] = j
    return out


def score(annotations: list[dict[str, Any]], pictures: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The figures."""
    faces: Counter[int] = Counter()
    hits: Counter[int] = Counter()
    verdicts: Counter[tuple[str, str]] = Counter()
    for photo in annotations:
        found = pictures[Path(photo["file"]).name]
        matched = match(photo["boxes"], found)
        for i, wanted in enumerate(photo["boxes"]):
            if wanted["label"] == "unlabelled":
                continue
            for width in WIDTHS_PX:
                if wanted["box"][2] - wanted["box"][0] >= width:
                    faces[width] += 1
                    hits[width] += i in matched
            if i in matched:
                verdicts[wanted["label"], found[matched[i]]["verdict"]] += 1
    judged = {k: n for k, n in verdicts.items() if k[0] in RIGHT and k[1] != Verdict.CANNOT_JUDGE.value}
    right = sum(n for (label, verdict), n in judged.items() if RIGHT[label] == verdict)
    return {
        "photos": len(annotations),
        "recall": {
            f">={w}px": {"faces": faces[w], "recall": round(hits[w] / faces[w], 4)} for w in WIDTHS_PX
        },
        "judged": sum(judged.values()),
        "agreement": round(right / sum(judged.values()), 4),
        "verdicts": {f"{label} -> {verdict}": n for (label, verdict), n in sorted(verdicts.items())},
    }


def held_out(manifest: Path) -> set[str]:
    """Names of the photos that the mask model was not trained on, by ``mask-convert prepare``'s list."""
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [
            (Path(row["path"]).name, row["split"])
            for row in csv.DictReader(file)
            if row["source"] == "frames"
        ]
    trained = {name for name, split in rows if split == "train"}
    return {name for name, _ in rows} - trained


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("annotations", type=Path)
    parser.add_argument("detected", type=Path)
    parser.add_argument("--manifest", type=Path, help="only photos that the mask model was not trained on")
    args = parser.parse_args()
    lines = [json.loads(line) for line in args.detected.read_text().splitlines()]
    by_name = {Path(line["file"]).name: line["faces"] for line in lines}
    photos = json.loads(args.annotations.read_text())
    if args.manifest is not None:
        names = held_out(args.manifest)
        photos = [photo for photo in photos if Path(photo["file"]).name in names]
    print(json.dumps(score(photos, by_name), indent=1))  # noqa: T201
