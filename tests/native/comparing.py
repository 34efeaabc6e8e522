"""Values that floats go wrong on, and arrays compared bit by bit."""

import numpy as np

_NASTY = bytes.fromhex(
    """7FC00001 FFC00000 7F800001 7F800000 FF800000 00000000 80000000 00000001 80000001 007FFFFF 00800000
    7F7FFFFF FF7FFFFF 3F800000 BF800000 3F800001 1E3CE508 5F000000 20000000"""
)
NASTY = np.frombuffer(_NASTY, ">u4").astype(np.uint32).view(np.float32)


def numbers(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def nasty(rng, *shape, part=0.1):
    """Numbers of every size, some of them nasty."""
    x = numbers(rng, *shape) * np.exp2(rng.integers(-70, 60, shape)).astype(np.float32)
    return np.where(rng.random(shape) < part, rng.choice(NASTY, shape), x)


def same_bits(got, wanted):
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    one, other = (np.ascontiguousarray(x).reshape(-1, 1).view(np.uint8) for x in (got, wanted))
    different = np.flatnonzero((one != other).any(axis=1))
    assert not len(different), f"{len(different)} differ, the first is element {different[0]} in memory's order"
