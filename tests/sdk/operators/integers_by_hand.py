"""Section 6 by Python's integers and exact fractions: an independent reference."""

from fractions import Fraction
from itertools import product

import numpy as np

from tests.sdk.exactly import float32


def rescaled(value, scales, y_scale, y_zero):
    """A sum, of the scales of both factors, as a byte of another scale, of the type of `y_zero`."""
    both = float32(Fraction(float(scales[0])) * Fraction(float(scales[1])))
    scale = float32(Fraction(float(both)) / Fraction(float(y_scale)))
    scaled = float32(Fraction(float(float32(Fraction(value)))) * Fraction(float(scale)))
    ends = np.iinfo(y_zero.dtype)
    return min(max(round(Fraction(float(scaled))) + int(y_zero), ends.min), ends.max)


def convolved(x, w, *, x_zero=0, w_zeros=None, group=1, pads=(0, 0, 0, 0), strides=(1, 1), dilations=(1, 1)):
    """One sum for each output, of Python's integers; taps on padding are left out."""
    batch, _, *size = x.shape
    made, depth, *kernel = w.shape
    w_zeros = [0] * made if w_zeros is None else w_zeros
    places = [
        (s + pads[i] + pads[i + 2] - d * (k - 1) - 1) // stride + 1
        for i, (s, k, d, stride) in enumerate(zip(size, kernel, dilations, strides, strict=True))
    ]
    sums = np.zeros((batch, made, *places), object)
    for n, m, *place in product(range(batch), range(made), *map(range, places)):
        first = m // (made // group) * depth
        for c, *tap in product(range(depth), *map(range, kernel)):
            at = [
                p * s + t * d - b for p, s, t, d, b in zip(place, strides, tap, dilations, pads[:2], strict=True)
            ]
            if all(0 <= a < s for a, s in zip(at, size, strict=True)):
                factor = int(w[m, c, *tap]) - int(w_zeros[m])
                sums[n, m, *place] += (int(x[n, first + c, *at]) - x_zero) * factor
    return sums


def bytes_of(dtype, *shape, seed=1):
    ends = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(ends.min, ends.max, shape, dtype, endpoint=True)
