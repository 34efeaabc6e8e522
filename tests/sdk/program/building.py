"""Small ONNX files."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 21


def node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def tensor(name, *axes, of=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, of, list(axes))


def model(nodes, inputs, outputs, opset=OPSET, **constants):
    weights = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


def anything(name):
    """An output whose type is not stated."""
    return helper.make_empty_tensor_value_info(name)
