"""What operators make of types: the rules that several of them share. All raise Refused (`unfit`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from assay.operators.registry import TensorType, unfit

Types = frozenset[np.dtype[Any]]


def _types(*names: str) -> Types:
    return frozenset(np.dtype(name) for name in names)


FLOAT32 = _types("f4")
FLOATS = _types("f4", "f8")
BOOL = _types("?")
SIGNED = _types("i1", "i2", "i4", "i8")
UNSIGNED = _types("u1", "u2", "u4", "u8")
INTEGERS = SIGNED | UNSIGNED
NUMBERS = FLOATS | INTEGERS
ANYTHING = NUMBERS | BOOL | _types("f2")  # what may be moved, compared for identity, and kept
INDICES = _types("i4", "i8")
ELEMENT_TYPES = {  # by ONNX's number for them
    number: np.dtype(name)
    for number, name in enumerate(("f4", "u1", "i1", "u2", "i2", "i4", "i8", None, "?", "f2", "f8", "u4", "u8"), 1)
    if name
}


def allow(types: Types, **inputs: TensorType | None) -> None:
    """Each of the inputs, if it is there, is of one of these types."""
    for name, each in inputs.items():
        if each is not None and each.dtype not in types:
            raise unfit(f"the type of {name}", expected=one_of(types), got=str(each))


def alike(*inputs: TensorType | None) -> None:
    """All that are there are of one type."""
    found = {each.dtype for each in inputs if each is not None}
    if len(found) > 1:
        raise unfit("inputs of different types", expected="one type", got=", ".join(sorted(map(str, found))))


def one_of(types: Iterable[np.dtype[Any]]) -> str:
    return " | ".join(sorted(map(str, types)))


def same(types: Types) -> Callable[..., TensorType]:
    """As the first input, of one of `types`."""

    def infer(x: TensorType, **_: Any) -> TensorType:
        allow(types, X=x)
        return TensorType(x.dtype, x.shape)

    return infer


def broadcast(types: Types, to: type | None = None) -> Callable[..., TensorType]:
    """All inputs of one of `types`, one type, their shapes brought together as NumPy does; of type `to`."""

    def infer(*inputs: TensorType, **_: Any) -> TensorType:
        allow(types, **{f"input {i}": each for i, each in enumerate(inputs)})
        alike(*inputs)
        return TensorType(np.dtype(to) if to else inputs[0].dtype, together(*(each.shape for each in inputs)))

    return infer


def together(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """As NumPy brings them together, which has bounds for shapes that a file need not keep to."""
    backwards = zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1)
    lengths = [set(axes) - {1} for axes in backwards]
    if any(len(different) > 1 for different in lengths):
        raise unfit(
            "shapes that do not fit together", expected="equal axes, or 1", got=" and ".join(map(str, shapes))
        )
    return tuple(different.pop() if different else 1 for different in reversed(lengths))


def axis_of(axis: int, rank: int) -> int:
    """`axis`, counted from the end if it is negative, as 0 … rank − 1."""
    if not -rank <= axis < rank:
        raise unfit("the axis", expected=f"{-rank} … {rank - 1}", got=str(axis))
    return axis % rank


def axes_of(axes: Sequence[int], rank: int) -> tuple[int, ...]:
    found = tuple(axis_of(int(axis), rank) for axis in axes)
    if len(set(found)) != len(found):
        raise unfit("an axis is named twice", got=str(list(axes)))
    return found


def integers(x: TensorType, name: str) -> tuple[int, ...]:
    """The value of an input that is a list of integers and decides shapes."""
    allow(INDICES, **{name: x})
    if x.rank != 1:
        raise unfit(f"the rank of {name}", expected="a list", got=str(x))
    return tuple(x.known(name).tolist())


def element_type(number: int, types: Types) -> np.dtype[Any]:
    """One of `types`, by ONNX's number for it."""
    found = ELEMENT_TYPES.get(number)
    if found not in types:
        raise unfit("the element type", expected=one_of(types), got=str(found or f"ONNX's type {number}"))
    return found
