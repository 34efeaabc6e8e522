"""One operator as a model would call it: types first, then values, and the one must have foretold the other."""

import numpy as np

import assay.operators.everything  # noqa: F401 - declares them
from assay.operators.registry import TensorType, find


def operate(name, *inputs, version, domain="", outputs=1, constant=(), **attributes):
    """Its outputs, or the one. `constant`: the positions of inputs whose values are known beforehand."""
    arrays = [None if each is None else np.asarray(each) for each in inputs]
    types = [
        None if each is None else TensorType.of(each) if i in constant else TensorType(each.dtype, each.shape)
        for i, each in enumerate(arrays)
    ]
    operator = find(domain, name, version)
    foretold = operator.types(types, attributes, outputs)
    made = operator.run(arrays, attributes, outputs)
    assert [(each.dtype, each.shape) for each in made] == [(each.dtype, each.shape) for each in foretold]
    return made if outputs > 1 else made[0]


def bits(x):
    """Element by element, so that NaNs and zeros are told apart."""
    x = np.ascontiguousarray(x)
    return x.view({4: np.uint32, 8: np.uint64, 2: np.uint16, 1: np.uint8}[x.dtype.itemsize]).tolist()
