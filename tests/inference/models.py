"""ONNX models for tests, each made for one behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from assay.digest import sha256
from assay.model import Interface, ModelReference, NoPreprocessing
from assay.modelfile.examining import read
from inference.validation import LIMITS, Ports
from tests.inference.server import Server

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
OPSET = 21


def value(name, elem=FLOAT, shape=("rows", 4)):
    return helper.make_tensor_value_info(name, elem, shape)


def graph(nodes, inputs, outputs, weights=None, **fields):
    """A model; `weights` maps names to arrays."""
    initialisers = [numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()]
    made = helper.make_graph(nodes, "g", inputs, outputs, initialisers)
    fields.setdefault("opset_imports", [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", 3)])
    fields.setdefault("ir_version", 10)
    return helper.make_model(made, **fields)


def affine(columns=4, **fields):
    """y = 2x + 1, float32, row by row."""
    nodes = [helper.make_node("Mul", ["x", "two"], ["d"], "double"), helper.make_node("Add", ["d", "one"], ["y"])]
    shape = ("rows", columns)
    weights = {"two": np.float32(2), "one": np.float32(1)}
    return graph(nodes, [value("x", shape=shape)], [value("y", shape=shape)], weights, **fields)


def vector():
    """Rows alone: x and y have one axis; y = -x."""
    return graph([helper.make_node("Neg", ["x"], ["y"])], [value("x", shape=("n",))], [value("y", shape=("n",))])


def echo():
    """y = x, int64, and `twice` = x + x, beside it."""
    nodes = [helper.make_node("Identity", ["x"], ["y"]), helper.make_node("Add", ["x", "x"], ["twice"])]
    return graph(nodes, [value("x", INT64)], [value("y", INT64), value("twice", INT64)])


def lookup():
    """y = table[x]; an index of 10 or more makes the run fail."""
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"], "pick", axis=0)]
    weights = {"table": np.arange(10, dtype=np.float32)}
    return graph(nodes, [value("x", INT64, ("rows", 1))], [value("y", shape=("rows", 1))], weights)


def slow(repeats=40, width=512):
    """y = x, after `repeats` products of width × width that take tens of milliseconds."""
    nodes = [
        helper.make_node("MatMul", [f"h{i}" if i else "square", "square"], [f"h{i + 1}"]) for i in range(repeats)
    ]
    nodes += [
        helper.make_node("ReduceSum", [f"h{repeats}"], ["s"], keepdims=0),
        helper.make_node("ReduceMean", ["x"], ["m"], keepdims=0),
        helper.make_node("Mul", ["s", "m"], ["depends"]),
        helper.make_node("Mul", ["depends", "zero"], ["nothing"]),
        helper.make_node("Add", ["x", "nothing"], ["y"]),
    ]
    weights = {"square": np.zeros((width, width), np.float32), "zero": np.float32(0)}
    return graph(nodes, [value("x")], [value("y")], weights)


@dataclass(frozen=True)
class Served:
    """A model in a server's repository."""

    name: str
    ports: Ports
    reference: ModelReference
    file: Path


def reference_of(data: bytes, task="other") -> tuple[ModelReference, Ports]:
    ports = read(data, LIMITS)[1].ports
    interface = Interface(task, ports.inputs, ports.outputs, (), NoPreprocessing())
    return ModelReference(sha256(data), interface), ports


def written(server: Server, model: onnx.ModelProto, folder: Path, runtime="onnx") -> Served:
    """`model` in the server's repository, not loaded yet."""
    data = model.SerializeToString()
    file = folder / f"{sha256(data).hex()}.onnx"
    file.write_bytes(data)
    reference, ports = reference_of(data)
    return Served(server.repository.write(reference, ports, file, runtime), ports, reference, file)
