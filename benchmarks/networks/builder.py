"""Layers in ONNX, one after another: each call takes names of tensors and gives the name of the next."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

SEED = 1


class Builder:
    """Weights are normal, of He's variance (He et al., "Delving Deep into Rectifiers", 2015)."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(SEED)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._constants: dict[tuple[str, bytes], str] = {}

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: object) -> str:
        name = output or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def weight(self, name: str, value: NDArray[np.generic]) -> str:
        self.weights.append(numpy_helper.from_array(value, name))
        return name

    def normal(self, name: str, *shape: int, fan: int) -> str:
        return self.weight(name, self.rng.normal(0, np.sqrt(2 / fan), shape).astype(np.float32))

    def constant(self, value: NDArray[np.generic]) -> str:
        """A small one; equal ones are kept once."""
        key = (str(value.dtype) + str(value.shape), value.tobytes())
        if key not in self._constants:
            self._constants[key] = self.weight(f"constant{len(self._constants)}", value)
        return self._constants[key]

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def float(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def conv(
        self,
        x: str,
        inner: int,
        outer: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> str:
        """Padded so that a stride of one keeps the size."""
        name = f"conv{len(self.nodes)}"
        fan = inner // groups * kernel * kernel
        weight = self.normal(f"{name}.weight", outer, inner // groups, kernel, kernel, fan=fan)
        biases = [self.weight(f"{name}.bias", np.zeros(outer, np.float32))] if bias else []
        return self.op(
            "Conv",
            x,
            weight,
            *biases,
            output=name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )

    def relu6(self, x: str) -> str:
        return self.op("Clip", x, self.float(0), self.float(6))

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto], opset: int = 17
    ) -> bytes:
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model)
        return model.SerializeToString()
