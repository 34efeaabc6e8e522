"""Operators that give the same values another shape or order, or repeat them (section 8). Every bit is kept.

Shapes are known before anything runs: inputs that decide them must be constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import ANYTHING, alike, allow, axes_of, axis_of, integers, same, together

Shape = tuple[int, ...]


def _shaped(x: TensorType, shape: Shape) -> TensorType:
    allow(ANYTHING, X=x)
    return TensorType(x.dtype, shape)


@operator("Identity", 1, 13, 14, 16, 19, 21, 23, 24, 25, infer=same(ANYTHING))
def identity(x: Array) -> Array:
    return x


# --- Reshape, Flatten, Squeeze, Unsqueeze -----------------------------------------------------------------------


def _reshape_type(x: TensorType, shape: TensorType, *, allowzero: int = 0) -> TensorType:
    return _shaped(x, _reshaped(x.shape, integers(shape, "shape"), allowzero))


@operator("Reshape", 5, 13, infer=_reshape_type)
def reshape_copying_zeros(x: Array, shape: Array) -> Array:
    """A 0 is the length that `x` has there, a −1 whatever is left."""
    return reshape(x, shape)


@operator("Reshape", 14, 19, 21, 23, 24, 25, infer=_reshape_type)
def reshape(x: Array, shape: Array, *, allowzero: int = 0) -> Array:
    """As before; with `allowzero` a 0 is a length like any other."""
    return x.reshape(_reshaped(x.shape, tuple(shape.tolist()), allowzero))


def _reshaped(shape: Shape, wanted: Shape, allowzero: int) -> Shape:
    if not allowzero:
        if any(length == 0 and i >= len(shape) for i, length in enumerate(wanted)):
            raise unfit("a length to be copied from an axis that is not there", got=f"{shape} to {wanted}")
        wanted = tuple(shape[i] if length == 0 else length for i, length in enumerate(wanted))
    given = prod(length for length in wanted if length != -1)
    if -1 in wanted and given > 0:
        wanted = tuple(prod(shape) // given if length == -1 else length for length in wanted)
    if any(length < 0 for length in wanted) or prod(wanted) != prod(shape):
        raise unfit("the new shape", expected=f"one of {prod(shape)} elements", got=str(list(wanted)))
    return wanted


def _flatten_type(x: TensorType, *, axis: int) -> TensorType:
    return _shaped(x, _flattened(x.shape, axis))


@operator("Flatten", 1, 9, 11, 13, 21, 23, 24, 25, infer=_flatten_type)
def flatten(x: Array, *, axis: int = 1) -> Array:
    """A matrix: the axes before `axis`, and the others."""
    return x.reshape(_flattened(x.shape, axis))


def _flattened(shape: Shape, axis: int) -> Shape:
    if not -len(shape) <= axis <= len(shape):
        raise unfit("the axis", expected=f"{-len(shape)} … {len(shape)}", got=str(axis))
    axis = axis + len(shape) if axis < 0 else axis
    return prod(shape[:axis]), prod(shape[axis:])


@operator("Squeeze", 1, 11, infer=lambda x, *, axes: _shaped(x, _squeezed(x.shape, axes)))
def squeeze_axes(x: Array, *, axes: tuple[int, ...] | None = None) -> Array:
    return x.reshape(_squeezed(x.shape, axes))


def _squeeze_type(x: TensorType, axes: TensorType | None = None) -> TensorType:
    return _shaped(x, _squeezed(x.shape, None if axes is None else integers(axes, "axes")))


@operator("Squeeze", 13, 21, 23, 24, 25, infer=_squeeze_type)
def squeeze(x: Array, axes: Array | None = None) -> Array:
    return x.reshape(_squeezed(x.shape, None if axes is None else axes.tolist()))


def _squeezed(shape: Shape, axes: Sequence[int] | None) -> Shape:
    """Without these axes, all of length 1; without all such if none are named."""
    if axes is None:
        return tuple(length for length in shape if length != 1)
    gone = axes_of(axes, len(shape))
    if any(shape[axis] != 1 for axis in gone):
        raise unfit("the axes to be left out", expected="axes of length 1", got=f"{sorted(gone)} of {list(shape)}")
    return tuple(length for i, length in enumerate(shape) if i not in gone)


@operator("Unsqueeze", 1, 11, infer=lambda x, *, axes: _shaped(x, _unsqueezed(x.shape, axes)))
def unsqueeze_axes(x: Array, *, axes: tuple[int, ...]) -> Array:
    return x.reshape(_unsqueezed(x.shape, axes))


def _unsqueeze_type(x: TensorType, axes: TensorType) -> TensorType:
    return _shaped(x, _unsqueezed(x.shape, integers(axes, "axes")))


@operator("Unsqueeze", 13, 21, 23, 24, 25, infer=_unsqueeze_type)
def unsqueeze(x: Array, axes: Array) -> Array:
    return x.reshape(_unsqueezed(x.shape, axes.tolist()))


def _unsqueezed(shape: Shape, axes: Sequence[int]) -> Shape:
    """With these axes of the result, each of length 1."""
    rank = len(shape) + len(axes)
    new = axes_of(axes, rank)
    left = iter(shape)
    return tuple(1 if i in new else next(left) for i in range(rank))


# --- Transpose, Concat ------------------------------------------------------------------------------------------


def _transpose_type(x: TensorType, *, perm: tuple[int, ...] | None) -> TensorType:
    order = tuple(reversed(range(x.rank))) if perm is None else perm
    if sorted(order) != list(range(x.rank)):
        raise unfit("the order of axes", expected=f"a permutation of 0 … {x.rank - 1}", got=str(order))
    return _shaped(x, tuple(x.shape[axis] for axis in order))


@operator("Transpose", 1, 13, 21, 23, 24, 25, infer=_transpose_type)
def transpose(x: Array, *, perm: tuple[int, ...] | None = None) -> Array:
    """Axis i of the result is axis perm[i] of `x`; without `perm` they are reversed."""
    return x.transpose(perm)


def _concat_type(x: TensorType, *others: TensorType, axis: int) -> TensorType:
    axis = axis_of(axis, x.rank)
    alike(x, *others)
    rest = x.shape[:axis] + x.shape[axis + 1 :]
    for each in others:
        if each.rank != x.rank or each.shape[:axis] + each.shape[axis + 1 :] != rest:
            raise unfit(f"shapes that differ elsewhere than on axis {axis}", expected=str(x), got=str(each))
    length = sum(each.shape[axis] for each in (x, *others))
    return _shaped(x, (*x.shape[:axis], length, *x.shape[axis + 1 :]))


@operator("Concat", 4, 11, 13, infer=_concat_type)
def concat(x: Array, *others: Array, axis: int) -> Array:
    return np.concatenate([x, *others], axis)


# --- Expand, Tile -----------------------------------------------------------------------------------------------


def _expand_type(x: TensorType, shape: TensorType) -> TensorType:
    wanted = integers(shape, "shape")
    if any(length < 0 for length in wanted):
        raise unfit("a negative length", got=str(wanted))
    return _shaped(x, together(x.shape, wanted))


@operator("Expand", 8, 13, infer=_expand_type)
def expand(x: Array, shape: Array) -> Array:
    """Brought together with `shape` as NumPy does; either may have the longer axis."""
    return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape.tolist())))


def _tile_type(x: TensorType, repeats: TensorType) -> TensorType:
    times = integers(repeats, "repeats")
    if len(times) != x.rank or any(each < 0 for each in times):
        raise unfit("repeats", expected=f"{x.rank} numbers, not negative", got=str(times))
    return _shaped(x, tuple(length * each for length, each in zip(x.shape, times, strict=True)))


@operator("Tile", 6, 13, infer=_tile_type)
def tile(x: Array, repeats: Array) -> Array:
    """Each axis is preceded by one of repetitions, and the two become one."""
    times = repeats.tolist()
    made = [a * b for a, b in zip(times, x.shape, strict=True)]
    if 0 in made:  # though the other factor may be beyond all bounds
        return np.zeros(made, x.dtype)
    pairs = [each for pair in zip(times, x.shape, strict=True) for each in pair]
    one_each = x.reshape([each for length in x.shape for each in (1, length)])
    return np.broadcast_to(one_each, pairs).reshape(made)


# --- depth and space --------------------------------------------------------------------------------------------


def _blocks(x: TensorType, blocksize: int, mode: str) -> None:
    if x.rank != 4 or blocksize < 1 or mode not in ("DCR", "CRD"):
        expected = "rank 4, a positive blocksize, DCR or CRD"
        raise unfit("what it is asked", expected=expected, got=f"{x} {blocksize} {mode}")


def _depth_to_space_type(x: TensorType, *, blocksize: int, mode: str = "DCR") -> TensorType:
    _blocks(x, blocksize, mode)
    batch, depth, height, width = x.shape
    if depth % blocksize**2:
        raise unfit("the depth", expected=f"a multiple of {blocksize**2}", got=str(x))
    return _shaped(x, (batch, depth // blocksize**2, height * blocksize, width * blocksize))


@operator("DepthToSpace", 1, infer=_depth_to_space_type)
def depth_to_space_by_columns(x: Array, *, blocksize: int) -> Array:
    return depth_to_space(x, blocksize=blocksize)


@operator("DepthToSpace", 11, 13, 28, infer=_depth_to_space_type)
def depth_to_space(x: Array, *, blocksize: int, mode: str = "DCR") -> Array:
    """The old depth is (row in block, column in block, depth) with DCR, (depth, row, column) with CRD."""
    b, (batch, depth, height, width) = blocksize, x.shape
    depth //= b * b
    if mode == "DCR":
        blocks = x.reshape(batch, b, b, depth, height, width).transpose(0, 3, 4, 1, 5, 2)
    else:
        blocks = x.reshape(batch, depth, b, b, height, width).transpose(0, 1, 4, 2, 5, 3)
    return blocks.reshape(batch, depth, height * b, width * b)


def _space_to_depth_type(x: TensorType, *, blocksize: int, mode: str = "DCR") -> TensorType:
    _blocks(x, blocksize, mode)
    batch, depth, height, width = x.shape
    if height % blocksize or width % blocksize:
        raise unfit("height and width", expected=f"multiples of {blocksize}", got=str(x))
    return _shaped(x, (batch, depth * blocksize**2, height // blocksize, width // blocksize))


@operator("SpaceToDepth", 1, 13, infer=_space_to_depth_type)
def space_to_depth_by_columns(x: Array, *, blocksize: int) -> Array:
    return space_to_depth(x, blocksize=blocksize)


@operator("SpaceToDepth", 28, infer=_space_to_depth_type)
def space_to_depth(x: Array, *, blocksize: int, mode: str = "DCR") -> Array:
    """The other way round."""
    b, (batch, depth, height, width) = blocksize, x.shape
    blocks = x.reshape(batch, depth, height // b, b, width // b, b)
    blocks = blocks.transpose((0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4))
    return blocks.reshape(batch, depth * b * b, height // b, width // b)
