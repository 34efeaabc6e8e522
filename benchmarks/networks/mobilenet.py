"""A network of MobileNetV2's size and shape (1.0, 224 px), with seeded weights: what it says means nothing.

After Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), table 2, with batch
normalisation folded into the convolutions: 3.5 million weights, 300 million multiply-adds a picture.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from assay.model import ImagePreprocessing, Interface, Port
from benchmarks.networks.builder import Builder

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


def mobilenet(side: int = SIDE) -> bytes:
    """The ONNX file: `image` UINT8 [rows, 3, side, side], → `scores` FP32 [rows, 1000]."""
    net = Builder()
    pixels = net.op("Mul", net.op("Cast", "image", to=TensorProto.FLOAT), net.float(1 / 127.5))
    x = net.relu6(net.conv(pixels, 3, 32, kernel=3, stride=2))
    channels = 32
    for expansion, outer, repeats, stride in BLOCKS:
        for i in range(repeats):
            x = _block(net, x, channels, outer, expansion=expansion, stride=stride if i == 0 else 1)
            channels = outer
    x = net.relu6(net.conv(x, channels, 1280))
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    classifier = net.weight("classifier", net.rng.normal(0, 0.01, (1280, CLASSES)).astype(np.float32))
    net.op("MatMul", x, classifier, output="scores")
    return net.model(
        "mobilenet-sized",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["rows", 3, side, side])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", CLASSES])],
    )


def _block(net: Builder, x: str, inner: int, outer: int, *, expansion: int, stride: int) -> str:
    wide = inner * expansion
    y = net.relu6(net.conv(x, inner, wide)) if expansion > 1 else x
    y = net.relu6(net.conv(y, wide, wide, kernel=3, stride=stride, groups=wide))
    y = net.conv(y, wide, outer)
    return net.op("Add", x, y) if stride == 1 and inner == outer else y
