"""One TFLite runtime for every model: LiteRT where it is installed, tflite-runtime elsewhere.

LiteRT first: tflite-runtime's wheels lack the fast int8 kernels (8 ms against 0.7 ms an inference).
"""

import importlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.model.contract import Contract, TensorSpec, load_contract

RUNTIMES = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite": ("tflite_runtime.interpreter", "tflite-runtime"),
}
"""Name in the configuration -> (module, distribution), in the order in which they are tried."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """An importable interpreter."""

    name: str
    version: str
    interpreter: Any


def find_runtime(wanted: str = "auto") -> Runtime:
    """The runtime to use: ``auto``, ``litert`` or ``tflite``.

    Raises:
        ModelError: none of them can be imported.
    """
    tried = []
    for name in RUNTIMES if wanted == "auto" else (wanted,):
        module, distribution = RUNTIMES[name]
        try:
            interpreter = importlib.import_module(module).Interpreter
        except (ImportError, AttributeError) as e:
            tried.append(f"{distribution}: {e}")
            continue
        return Runtime(name, version(distribution), interpreter)
    raise ModelError(f"no TFLite runtime ({'; '.join(tried)}). Install one: pip install ai-edge-litert")


class Model:
    """A loaded model that was found to match its contract. Not thread-safe: one thread uses one Model."""

    def __init__(self, path: Path, runtime: Runtime, *, threads: int = 1) -> None:
        self.contract: Contract = load_contract(path)
        self.runtime = runtime
        try:
            # tflite-runtime can't take num_threads=None; one thread is the right default on a device
            self._interpreter = runtime.interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError, SystemError) as e:
            raise ModelError(f"{path}: {runtime.name} {runtime.version} can't load it: {e}") from e
        self._inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()
        self._check(path)

    def _check(self, path: Path) -> None:
        found = [tensor_spec(d) for d in self._inputs + self._outputs]
        wanted = [self.contract.input, *self.contract.outputs]
        if len(found) != len(wanted):
            raise ModelError(f"{path}: has {len(found)} tensors, its contract says {len(wanted)}")
        for have, want in zip(found, wanted, strict=True):
            same_scale = bool(np.isclose(have.scale, want.scale, rtol=1e-6))
            if (have.shape, have.dtype, have.zero_point) != (
                want.shape,
                want.dtype,
                want.zero_point,
            ) or not same_scale:
                raise ModelError(
                    f"{path}: tensor is {have}, its contract says {want}; the two do not belong together"
                )

    def run(self, x: NDArray[Any]) -> list[NDArray[Any]]:
        """One inference.

        Args:
            x: (H, W, 3) in the input's dtype.

        Returns:
            The raw outputs in the contract's order, without the batch axis, in their own dtype.
        """
        self._interpreter.set_tensor(self._inputs[0]["index"], x[None])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(d["index"])[0] for d in self._outputs]

    def run_float(self, x: NDArray[Any]) -> list[NDArray[np.float32]]:
        """As ``run``, with the outputs dequantised to float32."""
        return [dequantise(y, s) for y, s in zip(self.run(x), self.contract.outputs, strict=True)]


def dequantise(y: NDArray[Any], spec: TensorSpec) -> NDArray[np.float32]:
    """(y - zero_point) * scale as float32; float tensors pass unchanged."""
    if spec.dtype == "float32":
        return y.astype(np.float32)
    return ((y.astype(np.float32) - spec.zero_point) * spec.scale).astype(np.float32)


def tensor_spec(detail: dict[str, Any]) -> TensorSpec:
    """What an interpreter's ``get_input_details`` or ``get_output_details`` says of a tensor."""
    scale, zero_point = detail["quantization"]
    return TensorSpec(
        shape=tuple(int(n) for n in detail["shape"][1:]),
        dtype=np.dtype(detail["dtype"]).name,
        scale=float(scale),
        zero_point=int(zero_point),
    )
