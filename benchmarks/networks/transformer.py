"""A transformer encoder of MiniLM's size, written as exporters write one: shapes computed, GELU spelled out.

After Vaswani et al., "Attention Is All You Need" (2017), section 3, with the sizes of Wang et al., "MiniLM"
(2020): six layers of 384 with twelve heads. Embeddings of a small vocabulary, so that the file stays small.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from benchmarks.networks.builder import Builder

VOCABULARY = 1000
WORDS = 128
LAYERS, WIDTH, HEADS = 6, 384, 12


def encoder(layers: int = LAYERS, width: int = WIDTH, heads: int = HEADS, words: int = WORDS) -> bytes:
    """The ONNX file: `tokens` INT64 [rows, words], 0 … 999, → `states` FP32 [rows, words, width]."""
    net = Builder()
    table = net.weight("embedding", net.rng.normal(0, 1, (VOCABULARY, width)).astype(np.float32))
    places = net.weight("places", net.rng.normal(0, 1, (words, width)).astype(np.float32))
    x = _normalised(net, net.op("Add", net.op("Gather", table, "tokens"), places), width)
    for _ in range(layers):
        x = _normalised(net, net.op("Add", x, _attention(net, x, width, heads)), width)
        x = _normalised(net, net.op("Add", x, _feed_forward(net, x, width)), width)
    net.op("Identity", x, output="states")
    return net.model(
        "encoder",
        [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["rows", words])],
        [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["rows", words, width])],
    )


def _attention(net: Builder, x: str, width: int, heads: int) -> str:
    query, key, value = (_split(net, _linear(net, x, width, width), heads, width // heads) for _ in range(3))
    scores = net.op("MatMul", query, net.op("Transpose", key, perm=[0, 1, 3, 2]))
    weights = net.op("Softmax", net.op("Div", scores, net.float(float(np.sqrt(width // heads)))), axis=-1)
    mixed = net.op("Transpose", net.op("MatMul", weights, value), perm=[0, 2, 1, 3])
    return _linear(net, _reshaped(net, mixed, net.ints(width)), width, width)


def _split(net: Builder, x: str, heads: int, size: int) -> str:
    """[rows, words, width] into [rows, heads, words, size]."""
    return net.op("Transpose", _reshaped(net, x, net.ints(heads, size)), perm=[0, 2, 1, 3])


def _reshaped(net: Builder, x: str, last: str) -> str:
    """With the first two axes as they are, whatever they are, and these last ones."""
    first = net.op("Slice", net.op("Shape", x), net.ints(0), net.ints(2))
    return net.op("Reshape", x, net.op("Concat", first, last, axis=0))


def _feed_forward(net: Builder, x: str, width: int) -> str:
    y = _linear(net, x, width, 4 * width)
    erf = net.op("Erf", net.op("Div", y, net.float(float(np.sqrt(2)))))
    gelu = net.op("Mul", net.op("Mul", y, net.op("Add", erf, net.float(1))), net.float(0.5))
    return _linear(net, gelu, 4 * width, width)


def _linear(net: Builder, x: str, inner: int, outer: int) -> str:
    name = f"linear{len(net.nodes)}"
    weight = net.normal(f"{name}.weight", inner, outer, fan=2 * inner)
    bias = net.weight(f"{name}.bias", net.rng.normal(0, 0.02, outer).astype(np.float32))
    return net.op("Add", net.op("MatMul", x, weight), bias)


def _normalised(net: Builder, x: str, width: int) -> str:
    name = f"norm{len(net.nodes)}"
    scale = net.weight(f"{name}.scale", net.rng.uniform(0.5, 1.5, width).astype(np.float32))
    bias = net.weight(f"{name}.bias", net.rng.normal(0, 0.1, width).astype(np.float32))
    return net.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=1e-5)
