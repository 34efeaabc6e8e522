"""Models that cost as much as wanted and whose answers can be told: a row's label is its first number, shifted.

`layers` convolutions of 64 channels on 8 × 8 (4.7 million multiply-adds each) are computed and count for nothing.
"""

from __future__ import annotations

import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from assay.model import Interface, NoPreprocessing, Port

WIDTH = 64
CHANNELS = 64
SIDE = 8
LABELS = tuple(str(i) for i in range(10))
INTERFACE = Interface(
    task="classification",
    inputs=(Port("x", "FP32", (-1, WIDTH)),),
    outputs=(Port("label", "INT64", (-1,)),),
    labels=LABELS,
    preprocessing=NoPreprocessing(),
)
MOST_LAYERS = 400


def model(layers: int, shift: int = 0) -> bytes:
    """The ONNX file: `x` FP32 [rows, 64] → `label` INT64 [rows], (x[0] + shift) mod 10."""
    nodes = [
        helper.make_node("Gather", ["x", "first"], ["number"], axis=1),
        helper.make_node("Cast", ["number"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Add", ["whole", "shift"], ["shifted"]),
    ]
    weights = [
        numpy_helper.from_array(np.array(0, np.int64), "first"),
        numpy_helper.from_array(np.array(shift, np.int64), "shift"),
        numpy_helper.from_array(np.array(len(LABELS), np.int64), "ten"),
    ]
    last = "shifted"
    if layers:
        last = _work(nodes, weights, layers)
    nodes.append(helper.make_node("Mod", [last, "ten"], ["label"]))
    graph = helper.make_graph(
        nodes,
        "cost",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", WIDTH])],
        [helper.make_tensor_value_info("label", TensorProto.INT64, ["rows"])],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def row() -> np.ndarray:
    """One row of its input."""
    return np.zeros(WIDTH, np.float32)


def _work(nodes: list[onnx.NodeProto], weights: list[onnx.TensorProto], layers: int) -> str:
    rng = np.random.default_rng(1)
    weights.append(numpy_helper.from_array(np.array([-1, 1, SIDE, SIDE], np.int64), "picture"))
    nodes.append(helper.make_node("Reshape", ["x", "picture"], ["layer0"]))
    for i in range(layers):
        inner = CHANNELS if i else 1
        kernel = rng.normal(0, np.sqrt(1 / (9 * inner)), (CHANNELS, inner, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"kernel{i}"))
        nodes.append(helper.make_node("Conv", [f"layer{i}", f"kernel{i}"], [f"layer{i + 1}"], pads=[1] * 4))
    weights.append(numpy_helper.from_array(np.array(0, np.float32), "nothing"))
    nodes += [
        helper.make_node("ReduceMax", [f"layer{layers}"], ["largest"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["largest", "nothing"], ["zeros"]),
        helper.make_node("Cast", ["zeros"], ["noughts"], to=TensorProto.INT64),
        helper.make_node("Add", ["shifted", "noughts"], ["worked"]),
    ]
    return "worked"


def layers_for(milliseconds: float) -> int:
    """How many layers make a row cost so much on one core of this machine, in a batch of 32."""
    ones = 8
    each = (_seconds(model(ones)) - _seconds(model(0))) / ones
    return min(MOST_LAYERS, max(1, round(milliseconds / 1000 / each)))


def _seconds(content: bytes, rows: int = 32) -> float:
    """Of one row; the quickest of several tries."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    given = {"x": np.ones((rows, WIDTH), np.float32)}
    session.run(None, given)
    tries = []
    for _ in range(9):
        begun = time.perf_counter()
        session.run(None, given)
        tries.append(time.perf_counter() - begun)
    return min(tries) / rows
