"""Matrix products and convolutions in their places: constants packed once, what follows them fused."""

from __future__ import annotations

import numpy as np

from assay.operators.arithmetic import Array
from assay.operators.convolutions import window_of
from native.epilogue import Add, Step
from native.products import MOST_PIXELS, Packed, bound_convolution, bound_matmul, pack, padded
from native.sites import Call, Site, binds

FLOAT32 = np.dtype(np.float32)


@binds("MatMul")
def bind_matmul(site: Site) -> Call | None:
    a, b, out = _operands(site)
    if a is None or b is None or out is None or a.ndim < 2 or b.ndim < 2:
        return None
    right: Array | Packed = b
    if b.ndim == 2 and site.is_constant(1):
        right = site.prepare("panels", 1, lambda: pack(site.kernels, b))
    return bound_matmul(site.kernels, a, right, steps=site.steps, threads=site.threads, out=out).call


@binds("Gemm")
def bind_gemm(site: Site) -> Call | None:
    """Without factors, by a constant, and with a sum that a step can do."""
    a, b, out = _operands(site)
    how = site.attributes
    plain = not how["transA"] and how["alpha"] == 1 and how["beta"] == 1 and site.is_constant(1)
    bias = None if out is None else _bias(site.read(2), out)
    if a is None or b is None or bias is None or not plain:
        return None
    right = b.T if how["transB"] else b
    panels = site.prepare(f"panels{how['transB']}", 1, lambda: pack(site.kernels, right))
    steps = (*bias, *site.steps)
    return bound_matmul(site.kernels, a, panels, steps=steps, threads=site.threads, out=out).call


@binds("Conv")
def bind_convolution(site: Site) -> Call | None:
    x, weights, out = _operands(site)
    if x is None or weights is None or out is None or x.ndim not in {3, 4}:
        return None
    how = site.attributes
    groups, _ = how.pop("group"), how.pop("kernel_shape")
    window = window_of(x.shape[2:], weights.shape[2:], **how)
    if padded(x.shape[2:], window) >= MOST_PIXELS:
        return None
    bias = site.read(2)
    steps = site.steps if bias is None else (Add(bias), *site.steps)
    bound = bound_convolution(site.kernels, x, weights, window, groups, steps=steps, threads=site.threads, out=out)
    return bound.call


def _operands(site: Site) -> tuple[Array | None, Array | None, Array | None]:
    a, b, out = site.read(0), site.read(1), site.writes[0]
    fit = all(each is not None and each.dtype == FLOAT32 for each in (a, b, out))
    return (a, b, out) if fit else (None, None, None)


def _bias(c: Array | None, out: Array) -> tuple[Step, ...] | None:
    """None if its shape is no step's."""
    if c is None:
        return ()
    if c.size == 1:
        return (Add(c.reshape(())),)
    if c.shape == out.shape:
        return (Add(c),)
    return (Add(c.reshape(-1)),) if c.shape in ((out.shape[1],), (1, out.shape[1])) else None
