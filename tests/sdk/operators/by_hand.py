"""Sums and chains as the specification writes them, one number at a time: an independent reference."""

from fractions import Fraction

import numpy as np

from tests.sdk.exactly import float32


def summed(values, dtype=np.float32):
    """Section 3. A value of None keeps its place, and adds nothing."""
    lanes = [dtype(0)] * 16
    for i, value in enumerate(values):
        if value is not None:
            lanes[i % 16] = lanes[i % 16] + value
    for width in (8, 4, 2, 1):
        lanes = [lanes[j] + lanes[j + width] for j in range(width)]
    return lanes[0]


def chained(links):
    """Section 2, of finite float32s: fused multiply-adds by fractions."""
    value = np.float32(0)
    for a, b in links:
        value = float32(Fraction(float(a)) * Fraction(float(b)) + Fraction(float(value)))
    return value


def numbers(seed, *shape, dtype=np.float32):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def nan(dtype=np.float32):
    """The one that arithmetic yields."""
    return 0x7FC00000 if dtype == np.float32 else 0x7FF8000000000000
