"""A network with YuNet's inputs and outputs, a few hundred weights, and no idea of faces."""

from pathlib import Path
from typing import Any

import numpy as np

STRIDES = (8, 16, 32)
WIDTHS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}


def write_small_yunet(path: Path, seed: int = 4) -> Path:
    from onnx import TensorProto, helper, numpy_helper, save  # noqa: PLC0415  warns when it is imported

    rng = np.random.default_rng(seed)
    nodes, constants = [], []

    def conv(x: str, y: str, out: int, within: int, k: int, stride: int = 1) -> None:
        kernel = rng.normal(0, 0.4 / np.sqrt(within * k * k), (out, within, k, k)).astype(np.float32)
        constants.append(numpy_helper.from_array(kernel, f"{y}.weight"))
        constants.append(numpy_helper.from_array(np.zeros(out, np.float32), f"{y}.bias"))
        names = [x, f"{y}.weight", f"{y}.bias"]
        pads = [k // 2] * 4
        nodes.append(
            helper.make_node(
                "Conv", names, [y], kernel_shape=[k, k], pads=pads, strides=[stride] * 2, group=1
            )
        )

    def plain(kind: str, x: str, y: str, **attributes: Any) -> None:
        nodes.append(helper.make_node(kind, [x], [y], **attributes))

    def pool(x: str, y: str) -> None:
        plain("MaxPool", x, y, kernel_shape=[2, 2], strides=[2, 2])

    conv("input", "stem", 8, 3, 3, stride=2)
    plain("Relu", "stem", "stem_r")
    pool("stem_r", "at4")
    conv("at4", "low", 8, 8, 1)
    plain("Relu", "low", "low_r")
    pool("low_r", "at8")
    last = "at8"
    for stride in STRIDES:
        conv(last, f"mid_{stride}", 8, 8, 3)
        plain("Relu", f"mid_{stride}", f"f_{stride}")
        if stride != STRIDES[-1]:
            pool(f"f_{stride}", f"at{2 * stride}")
            last = f"at{2 * stride}"
    for head, width in WIDTHS.items():
        shape = f"shape_{width}"
        if not any(c.name == shape for c in constants):
            constants.append(numpy_helper.from_array(np.array([1, -1, width]), shape))
        for stride in STRIDES:
            name = f"{head}_{stride}"
            conv(f"f_{stride}", f"{name}.c", width, 8, 1)
            plain("Transpose", f"{name}.c", f"{name}.t", perm=[0, 2, 3, 1])
            raw = f"{name}.r" if width == 1 else name
            nodes.append(helper.make_node("Reshape", [f"{name}.t", shape], [raw]))
            if width == 1:
                plain("Sigmoid", raw, name)
    outputs = [
        helper.make_tensor_value_info(f"{h}_{s}", TensorProto.FLOAT, [1, (640 // s) ** 2, w])
        for h, w in WIDTHS.items()
        for s in STRIDES
    ]
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 640, 640])
    graph = helper.make_graph(nodes, "small", [image], outputs, constants)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), str(path))
    return path
