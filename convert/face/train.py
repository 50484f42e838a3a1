"""``mask-convert face train``: whole photos and the published YuNet to weights that see masked faces."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from convert.atomic import whole
from convert.face.batches import make_batch
from convert.face.crops import CropSource
from convert.face.empty import empty_pictures
from convert.face.history import add_row, draw_curves
from convert.face.network import FaceNetwork, mean_weights, original, save_weights
from convert.face.original import Original
from convert.face.recipe import FaceRecipe
from convert.face.run import FaceRun
from convert.face.scenes import LabelledScene, deal, read_scenes, ready_for_training
from convert.progress_log import Tell
from convert.training.run_record import require_same
from edge.errors import UsageError
from edge.model.contract import sha256_of

RECORD = "train.json"
WEIGHTS = "face.npz"
SAVED_EVERY = 20
"""Steps; so much is lost by a run that dies."""


def train_face(
    photos: Path,
    onnx: Path,
    out: Path,
    recipe: FaceRecipe,
    *,
    seed: int = 2026,
    runs: int = 2,
    resume: bool = False,
    everything: bool = False,
    tell: Tell,
) -> Path:
    """Train several runs and take the mean of their weights.

    ``out`` gets ``face.npz``, ``train.json``, and for each run ``run-N`` with its weights, ``history.csv``
    and ``curves.png``. A run that was killed goes on with ``resume``, to the same end.

    Args:
        photos: annotated whole photos; see ``read_annotations``.
        onnx: the published YuNet.
        out: a folder.
        recipe: how.
        seed: of the split and of the first run; the next ones count up.
        runs: how many.
        resume: go on in ``out``.
        everything: train on validation and test photos too, for a model whose twin was measured before.
        tell: gets progress.

    Returns:
        The path of ``face.npz``.

    Raises:
        UsageError: the photos or the network are not usable, or ``out`` holds an earlier run.
        ModelError: the ONNX file is not YuNet.
    """
    network = original(onnx)
    scenes = read_scenes(photos, tell)
    used = scenes if everything else [scenes[i] for i in deal(len(scenes), seed)["train"]]
    record = _record(photos, used, onnx, recipe, seed, runs)
    _check(out, record, resume=resume)
    ready, offsets = ready_for_training(used, Original(onnx), tell)
    out.mkdir(parents=True, exist_ok=True)
    with whole(out / RECORD) as part:
        part.write_text(json.dumps(record | {"offsets": offsets}, indent=1) + "\n", encoding="utf-8")
    source = CropSource(ready, empty_pictures(), recipe.mix)
    finished = [
        _train_run(network, source, recipe, seed + n, out / f"run-{n + 1}", f"run {n + 1}/{runs}", tell)
        for n in range(runs)
    ]
    save_weights(out / WEIGHTS, mean_weights(finished))
    return out / WEIGHTS


def _train_run(
    network: FaceNetwork,
    source: CropSource,
    recipe: FaceRecipe,
    seed: int,
    folder: Path,
    name: str,
    tell: Tell,
) -> Path:
    weights = folder / WEIGHTS
    if weights.is_file():
        return weights
    folder.mkdir(parents=True, exist_ok=True)
    run = FaceRun(network, recipe)
    run.restore(folder / "checkpoints")
    rows: list[dict[str, float]] = []
    while int(run.step) < recipe.steps:
        rows.append(run.train_step(make_batch(source, recipe.batch, seed, int(run.step))))
        step = int(run.step)
        if step % SAVED_EVERY == 0 or step == recipe.steps:
            mean = {k: sum(r[k] for r in rows) / len(rows) for k in rows[0]}
            add_row(folder / "history.csv", step, mean)
            run.save(folder / "checkpoints")
            tell(f"{name} step {step}/{recipe.steps} " + " ".join(f"{k} {v:.3f}" for k, v in mean.items()))
            rows = []
    draw_curves(folder / "history.csv", folder / "curves.png")
    save_weights(weights, run.weights())
    return weights


def _record(
    photos: Path, scenes: Sequence[LabelledScene], onnx: Path, recipe: FaceRecipe, seed: int, runs: int
) -> dict[str, Any]:
    """Everything that the result depends on, ready for JSON."""
    return {
        "photos": photos.resolve().name,
        "number_of_photos": len(scenes),
        "faces": sum(len(s.labels) for s in scenes),
        "dataset_sha256": _fingerprint(scenes),
        "recipe": recipe.settings(),
        "runs": runs,
        "seed": seed,
        "weights": onnx.name,
        "weights_sha256": sha256_of(onnx),
    }


def _fingerprint(scenes: Sequence[LabelledScene]) -> str:
    digest = hashlib.sha256()
    for scene in scenes:
        digest.update(f"{scene.path.name} {scene.labels}".encode())
        for array in (scene.image, scene.boxes, scene.unlabelled, scene.not_faces):
            digest.update(array.tobytes())
    return digest.hexdigest()


def _check(out: Path, record: dict[str, Any], *, resume: bool) -> None:
    if not (out / RECORD).exists():
        return
    if not resume:
        raise UsageError(f"{out}: holds an earlier run; go on with --resume, or give another --out")
    require_same(out / RECORD, record)
