"""A network of ResNet-18's size and shape, batch normalisation left apart as most exporters leave it.

After He et al., "Deep Residual Learning for Image Recognition" (2016), table 1: 11.7 million weights, 1.8 thousand
million multiply-adds for a picture of 224 px.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from benchmarks.networks.builder import Builder

SIDE = 224
CLASSES = 1000
STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # channels; stride of the first of two blocks


def resnet18(side: int = SIDE) -> bytes:
    """The ONNX file: `image` FP32 [rows, 3, side, side], → `scores` FP32 [rows, 1000]."""
    net = Builder()
    x = net.op("Relu", _convolved(net, "image", 3, 64, kernel=7, stride=2))
    x = net.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for outer, stride in STAGES:
        for step in (stride, 1):
            x = _block(net, x, channels, outer, step)
            channels = outer
    x = net.op("Flatten", net.op("GlobalAveragePool", x))
    weight, bias = net.normal("fc.weight", CLASSES, 512, fan=512), np.zeros(CLASSES, np.float32)
    net.op("Gemm", x, weight, net.weight("fc.bias", bias), output="scores", transB=1)
    return net.model(
        "resnet-18-sized",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["rows", 3, side, side])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", CLASSES])],
    )


def _block(net: Builder, x: str, inner: int, outer: int, stride: int) -> str:
    y = net.op("Relu", _convolved(net, x, inner, outer, kernel=3, stride=stride))
    y = _convolved(net, y, outer, outer, kernel=3)
    past = x if stride == 1 and inner == outer else _convolved(net, x, inner, outer, kernel=1, stride=stride)
    return net.op("Relu", net.op("Add", y, past))


def _convolved(net: Builder, x: str, inner: int, outer: int, *, kernel: int, stride: int = 1) -> str:
    """A convolution and its batch normalisation, with statistics as after some training."""
    y = net.conv(x, inner, outer, kernel=kernel, stride=stride, bias=False)
    rng = net.rng
    learned = {
        "scale": rng.uniform(0.5, 1, outer),
        "bias": rng.normal(0, 0.1, outer),
        "mean": rng.normal(0, 0.1, outer),
        "variance": rng.uniform(0.5, 1.5, outer),
    }
    names = [net.weight(f"{y}.{name}", value.astype(np.float32)) for name, value in learned.items()]
    return net.op("BatchNormalization", y, *names)
