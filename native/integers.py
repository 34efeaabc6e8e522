"""Products, convolutions and scales of bytes: the bits of the plain operators, from integers.c and quantise.c.

Zeros and scales are read when a call is made; weights that are constant, with their zeros, are packed once.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.convolutions import window_of
from native.checks import result, tensor, thread_count
from native.loader import Kernels
from native.pools import described, placing
from native.sites import Call, Site, binds

BYTES = {np.dtype(np.uint8): 0, np.dtype(np.int8): 1}  # whether they are signed
CONTRIBUTED = "com.microsoft"

# --- scales -----------------------------------------------------------------------------------------------------


class Scale(NamedTuple):
    """A scale and a zero, which may be left out; `sizes`: those of x as (outer, n, inner), of each n a scale."""

    scale: Array
    zero: Array | None
    sizes: tuple[int, int, int]


def _scale(site: Site, x: Array) -> Scale | None:
    """Of all elements, or of each index along an axis; not of blocks."""
    scale, zero = site.reads[1], site.read(2)
    how = site.attributes
    if scale is None or how.get("block_size"):
        return None
    if scale.size == 1:
        return Scale(scale, zero, (1, 1, x.size))
    axis = (how.get("axis") or 0) % x.ndim
    return Scale(scale, zero, (prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])))


def _bind_scaled(site: Site, kernel: str, is_signed: int, of: type, to: Array) -> Call | None:
    x = site.reads[0]
    assert x is not None
    given = _scale(site, x)
    if given is None:
        return None
    tensor(x, "x", dtype=of)
    result(to, x.shape, x, given.scale, given.zero, dtype=to.dtype)
    zero = None if given.zero is None else tensor(given.zero, "zero", dtype=given.zero.dtype)
    where = (x, tensor(given.scale, "scale"), zero, to)
    return site.kernels.bind(kernel, thread_count(site.threads), *given.sizes, is_signed, *where)


@binds("QuantizeLinear")
@binds("QuantizeLinear", domain=CONTRIBUTED)
def bind_quantise(site: Site) -> Call | None:
    """To bytes."""
    x, y = site.reads[0], site.writes[0]
    if x is None or y is None or x.dtype != np.float32 or y.dtype not in BYTES:
        return None
    return _bind_scaled(site, "quantise", BYTES[y.dtype], np.float32, y)


@binds("DequantizeLinear")
@binds("DequantizeLinear", domain=CONTRIBUTED)
def bind_dequantise(site: Site) -> Call | None:
    """Of bytes."""
    x, y = site.reads[0], site.writes[0]
    if x is None or y is None or x.dtype not in BYTES:
        return None
    return _bind_scaled(site, "dequantise", BYTES[x.dtype], x.dtype.type, y)


@binds("DynamicQuantizeLinear")
def bind_dynamically(site: Site) -> Call | None:
    x, writes = site.reads[0], site.writes
    if x is None or len(writes) < 3 or any(each is None for each in writes):
        return None
    tensor(x, "x")
    y, scale, zero = (
        result(each, (), x, dtype=each.dtype) if i else each for i, each in enumerate(writes) if each is not None
    )
    result(y, x.shape, x, dtype=np.uint8)
    return site.kernels.bind("quantise_dynamically", thread_count(site.threads), x.size, x, y, scale, zero)


@binds("QLinearAdd", "QLinearMul", domain=CONTRIBUTED)
def bind_pair(site: Site) -> Call | None:
    """Operands of one shape."""
    a, b, y = site.reads[0], site.reads[3], site.writes[0]
    if a is None or b is None or y is None or a.shape != b.shape:
        return None
    given = [None if each is None else tensor(each, "an input", dtype=each.dtype) for each in site.reads]
    result(y, a.shape, *given, dtype=a.dtype)
    is_product = int(site.node.operator.name == "QLinearMul")
    where = (*given, None)[:8]
    return site.kernels.bind(
        "quantised_pair", thread_count(site.threads), a.size, BYTES[a.dtype], is_product, *where, y
    )


# --- products ---------------------------------------------------------------------------------------------------


class Operand(NamedTuple):
    """Bytes, and their zeros: none, one, or as many as rows or columns."""

    x: Array
    zero: Array | None

    @property
    def is_signed(self) -> int:
        return BYTES[self.x.dtype]

    def zero_stride(self, count: int) -> int | None:
        """From one zero to the next of `count`; None if there are others."""
        return _stride(self.zero, count)


def _stride(given: Array | None, count: int) -> int | None:
    if given is None or given.size == 1:
        return 0
    return 1 if given.size == count else None


def _operand(site: Site, at: int, zero: int) -> Operand:
    x, given = site.reads[at], site.read(zero)
    assert x is not None
    tensor(x, "bytes", dtype=x.dtype)
    return Operand(x, None if given is None else tensor(given, "zero", dtype=x.dtype))


class Rescaling(NamedTuple):
    """To bytes: scales of rows and of columns, the scale and the zero of the result; what is added to each row
    before. To int32: nothing.
    """

    rows: Array | None = None
    columns: Array | None = None
    scale: Array | None = None
    zero: Array | None = None
    bias: Array | None = None

    def given(self) -> list[Array | None]:
        scales = (self.rows, self.columns, self.scale, self.zero)
        return [None if each is None else tensor(each, "a scale", dtype=each.dtype) for each in scales]


@binds("MatMulInteger")
def bind_product(site: Site) -> Call | None:
    return _product(site, _operand(site, 0, 2), _operand(site, 1, 3), 1, Rescaling())


@binds("QLinearMatMul")
def bind_scaled_product(site: Site) -> Call | None:
    scales = Rescaling(*(site.read(i) for i in (1, 4, 6, 7)))
    return _product(site, _operand(site, 0, 2), _operand(site, 3, 5), 3, scales)


def _product(site: Site, a: Operand, b: Operand, b_at: int, to: Rescaling) -> Call | None:
    """Of matrices: one on the right, or as many as on the left."""
    y, right = site.writes[0], b.x.shape
    if y is None or a.x.ndim < 2 or b.x.ndim < 2 or not b.x.size:
        return None
    alone = prod(right[:-2]) == 1
    if not alone and right[:-2] != a.x.shape[:-2]:
        return None
    links, columns = right[-2:]
    batch, rows = (1, a.x.size // links) if alone else (prod(right[:-2]), a.x.shape[-2])
    strides = (a.zero_stride(rows), b.zero_stride(columns), _stride(to.rows, rows), _stride(to.columns, columns))
    if any(each is None or (each and not alone) for each in strides):
        return None
    a_stride, b_stride, row_stride, column_stride = strides
    shape = (*np.broadcast_shapes(a.x.shape[:-2], right[:-2]), a.x.shape[-2], columns)
    result(y, shape, a.x, b.x, dtype=y.dtype)
    form = (int(y.dtype in BYTES), BYTES.get(y.dtype, 0))
    sizes = (
        batch,
        rows,
        columns,
        links,
        a.is_signed,
        a_stride,
        b.is_signed,
        b_stride,
        *form,
        row_stride,
        column_stride,
    )
    strips = None
    if site.is_constant(b_at) and (b.zero is None or site.is_constant(b_at + 2)):
        strips = _strips(site.kernels, b, batch, b_stride or 0)
    where = (a.x, a.zero, b.x, b.zero, strips, *to.given())
    return site.kernels.bind("integer_product", thread_count(site.threads), np.array(sizes, np.int64), *where, y)


def _strips(kernels: Kernels, b: Operand, batch: int, zero_stride: int) -> Array:
    links, columns = b.x.shape[-2:]
    strip = kernels.call("strip")
    strips = np.empty((batch, -(-columns // strip), -(-links // 2), strip), np.int32)
    kernels.call("pack_strips", batch, links, columns, b.is_signed, b.x, b.zero, zero_stride, strips)
    return strips


# --- convolutions -----------------------------------------------------------------------------------------------


@binds("ConvInteger")
def bind_convolution(site: Site) -> Call | None:
    return _convolution(site, _operand(site, 0, 2), _operand(site, 1, 3), 1, Rescaling())


@binds("QLinearConv")
def bind_scaled_convolution(site: Site) -> Call | None:
    scales = Rescaling(*(site.read(i) for i in (4, 1, 6, 7, 8)))
    return _convolution(site, _operand(site, 0, 2), _operand(site, 3, 5), 3, scales)


def _convolution(site: Site, x: Operand, w: Operand, w_at: int, to: Rescaling) -> Call | None:
    """With weights that do not change, nor their zeros."""
    y = site.writes[0]
    known = site.is_constant(w_at) and (w.zero is None or site.is_constant(w_at + 2))
    made, links = w.x.shape[0], prod(w.x.shape[1:])
    if y is None or not known or not made or not links:
        return None
    how = site.attributes
    window = window_of(x.x.shape[2:], w.x.shape[2:], **placing(how))
    sweep = described(window, x.x.shape[2:])
    if sweep is None:
        return None
    result(y, (x.x.shape[0], made, *window.places(x.x.shape[2:])), x.x, w.x, to.bias, dtype=y.dtype)
    packed = np.empty((made, -(-links // 2)), np.int32)
    site.kernels.call("pack_rows", made, links, w.is_signed, w.x, w.zero, w.zero_stride(made) or 0, packed)
    groups, form = how["group"], (int(y.dtype in BYTES), BYTES.get(y.dtype, 0))
    sizes = (
        x.x.shape[0],
        groups,
        x.x.shape[1] // groups,
        made // groups,
        x.is_signed,
        *form,
        _stride(to.rows, made) or 0,
    )
    given = np.concatenate([np.array(sizes, np.int64), sweep.ravel()])
    bias = None if to.bias is None else tensor(to.bias, "bias", (made,), np.int32)
    where = (x.x, x.zero, packed, bias, *to.given())
    return site.kernels.bind("integer_convolution", thread_count(site.threads), given, *where, y)
