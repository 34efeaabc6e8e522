"""ONNX's own node tests: a model of one operator, or of what it expands to; inputs, and what it should give."""

import warnings
from collections import defaultdict
from functools import cache

import numpy as np
from onnx import TensorProto, numpy_helper
from onnx.backend.test.loader import load_model_tests

from assay.operators.registry import operators
from assay.program.graph import Unsupported
from assay.program.reading import program_of
from assay.program.running import Runner


@cache
def cases():
    """By the operator that a case is named for: those whose nodes are all operators that the registry has."""
    found = defaultdict(list)
    known = operators()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, while ONNX makes the values
        every = load_model_tests(kind="node")
    for case in every:
        names = [("" if node.domain == "ai.onnx" else node.domain, node.op_type) for node in case.model.graph.node]
        if all(name in known for name in names):
            found[names[0] if len(names) == 1 else "expanded"].append(case)
    return found


def runs(case, implementation=None):
    """For each set of values: the runner, its inputs, and what should come out. Raises Unsupported.

    The cases hand in as inputs what models hold as constants (axes, shapes), so inputs become constants, all but
    the first and then all, until the model's shapes are known beforehand.
    """
    names = [each.name for each in case.model.graph.input]
    for given, wanted in case.data_sets:
        arrays = dict(zip(names, map(_array, given), strict=False))
        for moved in (names[:0], names[1:], names):
            try:
                runner = Runner(program_of(_holding(case.model, arrays, moved)), implementation)
                inputs = {each.name: arrays[each.name] for each in runner.program.inputs}
                runner.run(inputs)
            except Unsupported as error:
                if moved == names or "not known before" not in str(error):
                    raise
            else:
                yield runner, inputs, [_array(each) for each in wanted]
                break


def _array(value):
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def _holding(model, arrays, moved):
    held = type(model)()
    held.CopyFrom(model)
    for name in moved:
        if name in arrays:
            held.graph.initializer.append(numpy_helper.from_array(arrays[name], name))
    return held
