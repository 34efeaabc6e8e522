"""One node carried out by its kernel and by the plain operator, which have to agree bit by bit."""

import numpy as np

import native.binders  # noqa: F401 - declares them
from assay.operators import everything  # noqa: F401 - declares operators
from assay.operators.registry import TensorType, find, operators
from assay.program.graph import Node
from native.sites import BINDERS, Machine, Site
from tests.native.comparing import same_bits

THREADS = (1, 2, 3, 8)


def agree(kernels, name, *inputs, outputs=1, version=None, domain="", variable=(), **attributes):
    """`inputs` are constants but for the first and those numbered in `variable`. Gives what the kernel wrote."""
    inputs = [None if each is None else np.asarray(each) for each in inputs]
    node, types = _node(name, inputs, outputs, version, domain, variable, attributes)
    wanted = node.operator.run(inputs, attributes, outputs)
    for threads in THREADS:
        got = [np.full(each.shape, _LEFT_OVER).astype(each.dtype) for each in types]
        call = bound(kernels, node, inputs, got, variable, threads)
        assert call is not None, f"nothing binds {name}"
        for _ in range(2):  # a call can be made again
            call()
            for array, each in zip(got, wanted, strict=True):
                same_bits(array, each)
    return got


_LEFT_OVER = 77  # in memory that results are written to


def declined(kernels, name, *inputs, outputs=1, version=None, domain="", variable=(), **attributes):
    """Whether the kernels leave such a node to the plain operator."""
    inputs = [None if each is None else np.asarray(each) for each in inputs]
    node, types = _node(name, inputs, outputs, version, domain, variable, attributes)
    return bound(kernels, node, inputs, [np.empty(each.shape, each.dtype) for each in types], variable, 1) is None


def bound(kernels, node, inputs, outputs, variable=(), threads=1):
    constants = frozenset(node.inputs[i] for i in range(1, len(inputs)) if i not in variable)
    site = Site(Machine(kernels, threads), node, tuple(inputs), tuple(outputs), constants)
    return BINDERS[node.operator.domain, node.operator.name](site)


def _node(name, inputs, outputs, version, domain, variable, attributes):
    operator = find(domain, name, version or max(operators()[domain, name]))
    given = [
        None if each is None else TensorType(each.dtype, each.shape, None if i in {0, *variable} else each)
        for i, each in enumerate(inputs)
    ]
    types = operator.types(given, attributes, outputs)
    names = tuple("" if each is None else f"input {i}" for i, each in enumerate(inputs))
    return Node(0, "", operator, names, tuple(f"output {i}" for i in range(outputs)), attributes), types
