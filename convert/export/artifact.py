"""What a released model is on disk: the ``.tflite``, its contract ``.json`` and golden vectors ``.npz``."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.model.contract import Contract, TensorSpec, save_contract, sha256_of
from edge.model.runtime import Model, Runtime, find_runtime, tensor_spec
from edge.values import Image

GOLDEN_COUNT = 2


def interpreter_of(model: bytes, runtime: Runtime | None = None) -> Any:  # noqa: ANN401  runtimes ship no types
    """An allocated interpreter of a flat buffer that has no contract yet."""
    interpreter = (runtime or find_runtime()).interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    return interpreter


def tensor_specs(model: bytes) -> tuple[TensorSpec, tuple[TensorSpec, ...]]:
    """The input and the outputs, in the interpreter's own order."""
    interpreter = interpreter_of(model)
    (x,) = interpreter.get_input_details()
    return tensor_spec(x), tuple(tensor_spec(y) for y in interpreter.get_output_details())


def require_int8(model: bytes) -> None:
    """Refuse a model in which a tensor stayed in floating point.

    Raises:
        ModelError: naming the tensors.
    """
    details = interpreter_of(model).get_tensor_details()
    floats = [d["name"] for d in details if np.issubdtype(d["dtype"], np.floating)]
    if floats:
        raise ModelError(
            f"{len(floats)} tensors of the converted model are still floating point: "
            f"{', '.join(floats[:5])}; an operation in the graph has no int8 kernel"
        )


def write_artifact(model: bytes, draft: Contract, folder: Path, *, int8: bool = True) -> Path:
    """Write the three files of a model and check them by loading them as the device does.

    Args:
        model: the flat buffer.
        draft: the contract; file, sha256, tensors and golden are filled in here.
        folder: is made if it is not there.
        int8: refuse a model in which anything is floating point.

    Returns:
        The path of the ``.tflite``.
    """
    if int8:
        require_int8(model)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{draft.name}.tflite"
    golden = folder / f"{draft.name}.golden.npz"
    path.write_bytes(model)
    x, outputs = tensor_specs(model)
    filled = {
        "file": path.name,
        "sha256": sha256_of(path),
        "input": x,
        "outputs": outputs,
        "golden": golden.name,
    }
    save_contract(draft.model_copy(update=filled), path.with_suffix(".json"))
    inputs = drawn_faces(x.shape[0], x.shape[1], GOLDEN_COUNT if int8 else 1)
    loaded = Model(path, find_runtime())
    rows = [loaded.run(i) for i in inputs]
    columns = {f"output_{i}": _stored(np.stack(column)) for i, column in enumerate(zip(*rows, strict=True))}
    np.savez_compressed(golden, input=inputs, **columns)
    return path


def _stored(output: NDArray[Any]) -> NDArray[Any]:
    """Floating point differs in its last digits from machine to machine: half of them are enough."""
    return output.astype(np.float16) if np.issubdtype(output.dtype, np.floating) else output


def drawn_faces(height: int, width: int, count: int) -> Image:
    """Deterministic cartoon faces, every second one with a mask; nobody's portrait.

    Returns:
        (count, height, width, 3) uint8.
    """
    rng = np.random.default_rng(2026)
    pictures = []
    for i in range(count):
        ramp = np.linspace(rng.integers(30, 120), rng.integers(130, 230), width)
        picture = np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=2).astype(np.uint8)
        unit = min(height, width) / 100 * float(rng.uniform(0.8, 1.0))
        _draw_face(picture, (width // 2, height // 2), unit, masked=i % 2 == 0)
        pictures.append(cv2.GaussianBlur(picture, (0, 0), 0.6 * unit))
    return np.stack(pictures)


def _draw_face(picture: NDArray[np.uint8], center: tuple[int, int], unit: float, *, masked: bool) -> None:
    def at(dx: float, dy: float) -> tuple[int, int]:
        return int(center[0] + dx * unit), int(center[1] + dy * unit)

    def size(a: float, b: float) -> tuple[int, int]:
        return max(1, int(a * unit)), max(1, int(b * unit))

    cv2.ellipse(picture, at(0, -6), size(36, 46), 0, 0, 360, (60, 40, 30), -1)
    cv2.ellipse(picture, center, size(31, 42), 0, 0, 360, (205, 160, 130), -1)
    for side in (-1, 1):
        cv2.ellipse(picture, at(side * 13, -8), size(6, 3), 0, 0, 360, (245, 245, 245), -1)
        cv2.circle(picture, at(side * 13, -8), size(3, 3)[0], (30, 30, 30), -1)
        cv2.ellipse(picture, at(side * 13, -17), size(8, 2), 0, 180, 360, (50, 30, 20), size(2, 2)[0])
    if masked:
        outline = np.array(
            [at(-28, 2), at(0, -3), at(28, 2), at(24, 26), at(0, 40), at(-24, 26)], dtype=np.int32
        )
        cv2.fillPoly(picture, [outline], (150, 200, 225))
    else:
        cv2.line(picture, at(0, -6), at(-4, 10), (170, 120, 95), size(2, 2)[0])
        cv2.ellipse(picture, at(0, 22), size(11, 5), 0, 0, 360, (170, 60, 60), -1)
