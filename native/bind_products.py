"""Matrix products and convolutions in their places: constants packed once, what follows them fused."""

from __future__ import annotations

import numpy as np

from assay.operators.arithmetic import Array
from native.epilogue import Add, Step
from native.products import Packed, matmul, pack
from native.sites import Call, Site, binds

FLOAT32 = np.dtype(np.float32)


@binds("MatMul")
def bind_matmul(site: Site) -> Call | None:
    a, b, out = _operands(site)
    if a is None or b is None or out is None or a.ndim < 2 or b.ndim < 2:
        return None
    if b.ndim == 2 and site.is_constant(1):
        panels = site.prepare("panels", 1, lambda: pack(site.kernels, b))
        return lambda: matmul(site.kernels, a, panels, steps=site.steps, threads=site.threads, out=out)
    return lambda: matmul(site.kernels, a, b, steps=site.steps, threads=site.threads, out=out)


@binds("Gemm")
def bind_gemm(site: Site) -> Call | None:
    """Without factors, and with a sum that is one number for each column, one, or one for each element."""
    a, b, out = _operands(site)
    how = site.attributes
    if a is None or b is None or out is None or how["transA"] or how["alpha"] != 1 or how["beta"] != 1:
        return None
    bias = _bias(site.read(2), out)
    if bias is None:
        return None
    right = b.T if how["transB"] else b
    steps = (*bias, *site.steps)

    def packed() -> Packed:
        return pack(site.kernels, right)

    if site.is_constant(1):
        panels = site.prepare(f"panels{how['transB']}", 1, packed)
        return lambda: matmul(site.kernels, a, panels, steps=steps, threads=site.threads, out=out)
    return lambda: matmul(site.kernels, a, packed(), steps=steps, threads=site.threads, out=out)


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
