"""Which type and shape every tensor of a program has, for inputs of given shapes, before anything runs.

What follows from shapes and constants alone (the arguments of Reshape, Slice, Expand…) is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod

import numpy as np

from assay.errors import Refused
from assay.operators.arithmetic import Array
from assay.operators.registry import TensorType
from assay.program.graph import Input, Node, Program, Unsupported

FOLDED = 2**16  # elements that a node reads and writes, at most, if it is to be computed here
FOLDED_IN_ALL = 2**22
MAX_ELEMENTS = 2**31  # of one tensor
MAX_RANK = 16

Types = Mapping[str, TensorType]


def shapes_of(inputs: Iterable[Input], arrays: Mapping[str, Array]) -> dict[str, tuple[int, ...]]:
    """The inputs' shapes, once they are known to be what the program takes. Raises Refused."""
    inputs = tuple(inputs)
    for name in arrays.keys() - {each.name for each in inputs}:
        raise Refused("there is no such input", pointer=f"/inputs/{name[:100]}", got=name[:100])
    lengths: dict[str, int] = {}
    for each in inputs:
        array = arrays.get(each.name)
        if array is None or array.dtype != each.dtype or array.ndim != len(each.axes):
            raise _wrong(each, array)
        for axis, length in zip(each.axes, array.shape, strict=True):
            if length != (axis if isinstance(axis, int) else lengths.setdefault(axis, length) if axis else length):
                raise _wrong(each, array)
    return {name: array.shape for name, array in arrays.items()}


def _wrong(expected: Input, got: Array | None) -> Refused:
    return Refused(
        f"the input {expected.name[:100]!r}",
        pointer=f"/inputs/{expected.name[:100]}",
        expected=str(expected),
        got="nothing" if got is None else f"{got.dtype}{list(got.shape)}",
    )


def infer(program: Program, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, TensorType]:
    """The type of every tensor by name, with its value where it is known. Raises Unsupported with every node that
    cannot be carried out; nodes that read what such a node would have written are not looked at.
    """
    types = {each.name: TensorType(each.dtype, shapes[each.name]) for each in program.inputs}
    types |= {name: TensorType.of(value) for name, value in program.constants.items()}
    fold = _Folding()
    problems = tuple(_too_large(types)) or tuple(
        error for node in program.nodes for error in _infer_one(node, types, fold)
    )
    if problems:
        raise Unsupported(problems)
    return types


def _too_large(given: Types) -> Iterator[Refused]:
    """Inputs and constants without elements, which may claim any length."""
    for name, each in given.items():
        try:
            _bound([each])
        except Refused as error:
            error.detail = f"{error.detail}: {name[:100]!r}"
            yield error


def _infer_one(node: Node, types: dict[str, TensorType], fold: _Folding) -> Iterator[Refused]:
    """Adds the types of the node's outputs; or the reason why there are none."""
    if any(name and name not in types for name in node.inputs):
        return
    read = [types[name] if name else None for name in node.inputs]
    try:
        made = node.operator.types(read, node.attributes, len(node.outputs))
        _bound(made)
        types |= {name: each for name, each in zip(node.outputs, fold(node, read, made), strict=True) if name}
    except Refused as error:
        yield node.under(error)


def _bound(made: Iterable[TensorType]) -> None:
    """Not even a tensor without elements may have the longest of axes: NumPy multiplies the others."""
    for each in made:
        if each.rank > MAX_RANK or prod(max(axis, 1) for axis in each.shape) > MAX_ELEMENTS:
            raise Refused(
                "a tensor is too large",
                code="too-large",
                expected=f"at most {MAX_ELEMENTS} elements, {MAX_RANK} axes",
                got=str(each),
            )


class _Folding:
    """Gives the outputs' types values, if they follow from what is known and are few; all in all no more than a
    program of shapes needs, so that a file cannot make us compute or keep much here.
    """

    def __init__(self) -> None:
        self.left = FOLDED_IN_ALL

    def __call__(
        self, node: Node, read: Sequence[TensorType | None], made: tuple[TensorType, ...]
    ) -> tuple[TensorType, ...]:
        present = [each for each in read if each is not None]
        if any(each.value is None for each in present) or all(each.value is not None for each in made):
            return made
        elements = sum(each.elements for each in (*present, *made))
        if elements > min(FOLDED, self.left):
            return made
        self.left -= elements
        if is_empty(made):
            return tuple(TensorType.of(np.empty(each.shape, each.dtype)) for each in made)
        values = [None if each is None else each.value for each in read]
        return tuple(map(TensorType.of, node.operator.run(values, node.attributes, len(made))))


def is_empty(made: Iterable[TensorType]) -> bool:
    """Whether there is nothing to compute: axes of what has no elements may be as long as no work could be."""
    return all(each.elements == 0 for each in made)
