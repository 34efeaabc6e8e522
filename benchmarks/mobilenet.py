"""A network of MobileNetV2's size and shape (1.0, 224 px), with seeded weights: what it says means nothing.

After Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), table 2, with batch
normalisation folded into the convolutions: 3.5 million weights, 300 million multiply-adds a picture.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from assay.model import ImagePreprocessing, Interface, Port

SEED = 1
CLASSES = 1000
SIDE = 224
BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
MOBILENET = Interface(
    task="classification",
    inputs=(Port(name="image", datatype="UINT8", shape=(-1, 3, SIDE, SIDE)),),
    outputs=(Port(name="scores", datatype="FP32", shape=(-1, CLASSES)),),
    labels=(),
    preprocessing=ImagePreprocessing(input="image", height=SIDE, width=SIDE, channels="rgb", layout="chw"),
)


class Builder:
    """Appends layers; each takes the name of a tensor and gives the name of the next."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(SEED)
        self.nodes: list[onnx.NodeProto] = []
        self.weights = [
            numpy_helper.from_array(np.float32(0), "zero"),
            numpy_helper.from_array(np.float32(6), "six"),
        ]

    def conv(self, x: str, inner: int, outer: int, *, kernel: int = 1, stride: int = 1, groups: int = 1) -> str:
        name = f"conv{len(self.nodes)}"
        shape = (outer, inner // groups, kernel, kernel)
        scale = np.sqrt(2 / (inner // groups * kernel * kernel))
        self.weights += [
            numpy_helper.from_array(self.rng.normal(0, scale, shape).astype(np.float32), f"{name}.weight"),
            numpy_helper.from_array(np.zeros(outer, np.float32), f"{name}.bias"),
        ]
        pad = kernel // 2
        self.nodes.append(
            helper.make_node(
                "Conv",
                [x, f"{name}.weight", f"{name}.bias"],
                [name],
                name=name,
                kernel_shape=[kernel, kernel],
                strides=[stride, stride],
                pads=[pad] * 4,
                group=groups,
            )
        )
        return name

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def relu6(self, x: str) -> str:
        return self.op("Clip", x, "zero", "six")


def mobilenet() -> bytes:
    """The ONNX file: `image` UINT8 [rows, 3, 224, 224], → `scores` FP32 [rows, 1000]."""
    net = Builder()
    net.weights.append(numpy_helper.from_array(np.float32(1 / 127.5), "scale"))
    x = net.relu6(
        net.conv(net.op("Mul", net.op("Cast", "image", to=TensorProto.FLOAT), "scale"), 3, 32, kernel=3, stride=2)
    )
    channels = 32
    for expansion, outer, repeats, stride in BLOCKS:
        for i in range(repeats):
            x = _block(net, x, channels, outer, expansion=expansion, stride=stride if i == 0 else 1)
            channels = outer
    x = net.relu6(net.conv(x, channels, 1280))
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    net.weights.append(
        numpy_helper.from_array(net.rng.normal(0, 0.01, (1280, CLASSES)).astype(np.float32), "classifier")
    )
    net.nodes.append(helper.make_node("MatMul", [x, "classifier"], ["scores"], name="classify"))
    graph = helper.make_graph(
        net.nodes,
        "mobilenet-sized",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["rows", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", CLASSES])],
        net.weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def _block(net: Builder, x: str, inner: int, outer: int, *, expansion: int, stride: int) -> str:
    wide = inner * expansion
    y = net.relu6(net.conv(x, inner, wide)) if expansion > 1 else x
    y = net.relu6(net.conv(y, wide, wide, kernel=3, stride=stride, groups=wide))
    y = net.conv(y, wide, outer)
    return net.op("Add", x, y) if stride == 1 and inner == outer else y
