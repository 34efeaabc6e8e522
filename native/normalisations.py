"""Normalisations of float32: the bits of `assay.operators.normalising`, from normalise.c."""

from __future__ import annotations

from math import prod

import numpy as np

from assay.operators.arithmetic import Array, quiet
from native.checks import result, tensor, thread_count
from native.sites import Call, Site, binds


def _epsilon(site: Site) -> Array:
    return np.array(site.attributes["epsilon"], np.float32)


def _vector(site: Site, i: int) -> Array | None:
    each = site.read(i)
    return None if each is None else tensor(each, f"input {i}")


def _spread(site: Site, i: int, shape: tuple[int, ...]) -> Array | None:
    """Input i as a tensor of this shape, that of a row; None if it is another for each row, or may change."""
    each = site.read(i)
    assert each is not None
    while each.ndim > len(shape) and each.shape[0] == 1:
        each = each.reshape(each.shape[1:])
    if each.ndim > len(shape) or (each.shape != shape and not site.is_constant(i)):
        return None
    return tensor(np.ascontiguousarray(np.broadcast_to(each, shape)), f"input {i}")


@binds("LayerNormalization")
def bind_layer(site: Site) -> Call | None:
    """Y, Mean, InvStdDev."""
    x, y = site.floats()
    if x is None or y is None:
        return None
    axis = site.attributes["axis"] % x.ndim
    row = x.shape[axis:]
    scale, biased = _spread(site, 1, row), site.read(2) is not None
    bias = _spread(site, 2, row) if biased else None
    if scale is None or (biased and bias is None):
        return None
    rows = prod(x.shape[:axis])
    further = [
        each if each is None else tensor(each, "out", (*x.shape[:axis], *(1,) * len(row)))
        for each in site.writes[1:]
    ]
    means, inverses = (*further, None, None)[:2]
    tensor(x, "x")
    result(y, x.shape, x, scale, bias)
    where = (x, scale, bias, _epsilon(site), y, means, inverses)
    return site.kernels.bind("standardise", thread_count(site.threads), rows, prod(row), 0, 1, *where)


@binds("InstanceNormalization", "GroupNormalization")
def bind_group(site: Site) -> Call | None:
    """(N, C, …): each group of channels brought to a common mean; an instance is each channel by itself."""
    x, y = site.floats()
    if x is None or y is None:
        return None
    channels, segment = x.shape[1], prod(x.shape[2:])
    groups = site.attributes.get("num_groups", channels)
    scale, bias = (_vector(site, i) for i in (1, 2))
    if scale is None or bias is None or not segment or not channels:
        return None
    if scale.size != channels:  # one number for each group, as of version 18
        segment, channels = segment * (channels // groups), groups
    tensor(x, "x")
    result(y, x.shape, x, scale, bias)
    rows = x.shape[0] * groups
    sizes = (rows, x.size // rows, segment, channels) if rows else (0, 0, 1, 1)
    where = (x, scale, bias, _epsilon(site), y, None, None)
    return site.kernels.bind("standardise", thread_count(site.threads), *sizes, *where)


@binds("RMSNormalization")
def bind_root_mean_square(site: Site) -> Call | None:
    x, y = site.floats()
    if x is None or y is None:
        return None
    axis = site.attributes["axis"] % x.ndim
    scale = _spread(site, 1, x.shape[axis:])
    if scale is None:
        return None
    tensor(x, "x")
    result(y, x.shape, x, scale)
    sizes = prod(x.shape[:axis]), prod(x.shape[axis:])
    return site.kernels.bind("root_mean_square", thread_count(site.threads), *sizes, x, scale, _epsilon(site), y)


@binds("BatchNormalization")
def bind_batch(site: Site) -> Call | None:
    """With a scale and a variance that do not change, which become one."""
    x, y = site.floats()
    if x is None or y is None or not (site.is_constant(1) and site.is_constant(4)):
        return None
    scale, bias, mean, variance = (_vector(site, i) for i in range(1, 5))
    assert scale is not None
    assert variance is not None
    scale = _scale(scale, variance, _epsilon(site))
    tensor(x, "x")
    result(y, x.shape, x, scale, bias, mean)
    batch, channels = x.shape[:2]
    segment = prod(x.shape[2:])
    sizes = (batch, channels, 0, 1) if segment == 1 else (batch * channels, segment, segment, channels)
    return site.kernels.bind("shift", thread_count(site.threads), *sizes, x, mean, scale, bias, y)


@quiet
def _scale(scale: Array, variance: Array, epsilon: Array) -> Array:
    return np.asarray(scale / np.sqrt(variance + epsilon))
