"""The ONNX walk: a small graph of all of YuNet's kinds of operations gives what OpenCV computes."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from convert.export.yunet import read_yunet
from edge.errors import ModelError, UsageError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SIDE = 32


def small_yunet(path: Path, *, extra: str | None = None) -> None:
    from onnx import TensorProto, helper, numpy_helper, save  # noqa: PLC0415  warns when it is imported

    rng = np.random.default_rng(4)

    def weights(name: str, *shape: int) -> object:
        return numpy_helper.from_array(rng.normal(0, 0.2, shape).astype(np.float32), name)

    def conv(x: str, y: str, w: str, k: int, stride: int = 1, group: int = 1) -> object:
        pads = [k // 2] * 4
        return helper.make_node(
            "Conv", [x, w, f"{w}_b"], [y], kernel_shape=[k, k], pads=pads, strides=[stride] * 2, group=group
        )

    nodes: list[Any] = [
        conv("input", "a", "w1", 3, stride=2),
        helper.make_node("Relu", ["a"], ["b"]),
        conv("b", "c", "w2", 3, group=8),
        helper.make_node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node(
            "Resize",
            ["d", "roi", "scales"],
            ["e"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        ),
        helper.make_node("Add", ["c", "e"], ["f"]),
        conv("f", "g", "w3", 1),
        helper.make_node("Transpose", ["g"], ["h"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["h", "shape"], ["i"]),
        helper.make_node("Sigmoid", ["i"], ["cls_8"]),
    ]
    if extra:
        nodes.append(helper.make_node(extra, ["i"], ["odd"]))
    constants: list[Any] = [
        weights("w1", 8, 3, 3, 3),
        weights("w1_b", 8),
        weights("w2", 8, 1, 3, 3),
        weights("w2_b", 8),
        weights("w3", 2, 8, 1, 1),
        weights("w3_b", 2),
        numpy_helper.from_array(np.array([], dtype=np.float32), "roi"),
        numpy_helper.from_array(np.array([1, 1, 2, 2], dtype=np.float32), "scales"),
        numpy_helper.from_array(np.array([1, -1, 2]), "shape"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("cls_8", TensorProto.FLOAT, [1, SIDE * SIDE // 4, 2])],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6), str(path))


def test_the_walk_computes_what_opencv_computes(tmp_path: Path) -> None:
    small_yunet(tmp_path / "small.onnx")
    image = np.random.default_rng(1).uniform(0, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    found = read_yunet(tmp_path / "small.onnx").run(image)
    reference = cv2.dnn.readNetFromONNX(str(tmp_path / "small.onnx"))
    reference.setInput(image.transpose(0, 3, 1, 2))
    wanted = reference.forward("cls_8")
    assert list(found) == ["cls_8"]
    assert float(np.ptp(wanted)) > 0.1
    np.testing.assert_allclose(found["cls_8"].numpy(), wanted, atol=1e-5)


def test_another_graph_is_refused_by_name(tmp_path: Path) -> None:
    small_yunet(tmp_path / "other.onnx", extra="Tanh")
    with pytest.raises(ModelError, match=r"other\.onnx: operations that YuNet does not have: Tanh"):
        read_yunet(tmp_path / "other.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(ModelError, match=r"text\.onnx: not an ONNX file"):
        read_yunet(tmp_path / "text.onnx")
    with pytest.raises(UsageError, match=r"none\.onnx: no such file"):
        read_yunet(tmp_path / "none.onnx")
