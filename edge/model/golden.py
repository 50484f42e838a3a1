"""Golden vectors: whether a model computes on this machine what it computed when it was released."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from edge.errors import ModelError
from edge.model.runtime import Model, Runtime

_STEPS = {"litert": 0, "tflite": 64}
"""Of 256, at most, in int8. LiteRT's int8 kernels are exact everywhere; tflite-runtime's round in other
places."""
_FLOAT_TOLERANCE = 0.02
"""For models in floating point, whose vectors are stored with half the digits."""


def check_golden(path: Path, runtime: Runtime) -> int:
    """Run a model on its golden inputs; returns how many there are.

    Args:
        path: the ``.tflite``, contract and golden vectors beside it.
        runtime: runs it.

    Raises:
        ModelError: it can't be loaded, has no golden vectors, or gives other outputs than it did.
    """
    model = Model(path, runtime)
    if model.contract.golden is None:
        raise ModelError(f"{path}: its contract names no golden vectors")
    golden = path.with_name(model.contract.golden)
    try:
        with np.load(golden) as arrays:
            vectors = {name: arrays[name] for name in arrays.files}
        inputs, count = vectors["input"], len(vectors) - 1
        wanted = [vectors[f"output_{k}"] for k in range(count)]
    except (OSError, ValueError, KeyError, BadZipFile) as e:
        raise ModelError(f"{golden}: no golden vectors in it: {e}. Copy {path.stem}.* together again") from e
    for i, x in enumerate(inputs):
        found = model.run(x)
        if len(found) != count:
            raise ModelError(f"{path}: has {len(found)} outputs, {golden.name} {count}")
        for y, w in zip(found, wanted, strict=True):
            exact = np.issubdtype(y.dtype, np.integer)
            allowed, unit = (_STEPS[runtime.name], "steps") if exact else (_FLOAT_TOLERANCE, "units")
            worst = float(np.abs(y.astype(np.float64) - w[i].astype(np.float64)).max())
            if worst <= allowed:
                continue
            raise ModelError(
                f"{path}: golden vector {i} comes out {worst:.3g} {unit} wrong on {runtime.name} "
                f"{runtime.version}: this machine computes something else than the one that released it"
            )
    return len(inputs)
