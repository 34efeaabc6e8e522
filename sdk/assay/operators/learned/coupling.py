"""From the scores of pairs of classes to a probability for each class.

libsvm's way: a sigmoid for each pair (Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support
vector machines", 2007), then coupling (Wu, Lin and Weng, "Probability estimates for multi-class classification by
pairwise coupling", 2004, algorithm 2). In float64, each operation rounded, sums in ascending order from +0.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from assay.operators.arithmetic import Array, canonical, quiet
from assay.operators.functions import exp_in_double

LEAST = 1e-7  # of a pair's probability; 1 − LEAST is the greatest
ROUNDS = 100  # or as many as there are classes, if they are more
NEAR = 0.005  # ÷ classes: an error below it ends the rounds


@quiet
def probabilities(scores: Array, slopes: Array, offsets: Array, classes: int) -> Array:
    """scores: float32 (rows, pairs), pairs in the order 01, 02 … 12, 13 …; float32 (rows, classes)."""
    against = np.zeros((classes, classes, len(scores)))
    for pair, (i, j) in enumerate(combinations(range(classes), 2)):
        first = _platt(scores[:, pair].astype(np.float64) * float(slopes[pair]) + float(offsets[pair]))
        first = np.where(first > LEAST, first, LEAST)  # NaN becomes LEAST
        first = np.where(first < 1 - LEAST, first, 1 - LEAST)
        against[i, j], against[j, i] = first, 1 - first
    return canonical(_coupled(against).T.astype(np.float32))


def _platt(x: Array) -> Array:
    """1 ÷ (1 + exp x), without overflow."""
    small = exp_in_double(-np.abs(x))
    return np.where(x >= 0, small, 1.0) / (1.0 + small)


def _coupled(against: Array) -> Array:
    """against[i, j]: of each row, the probability of class i rather than j. (classes, rows).

    Each row has rounds of its own: those that are near enough stay as they are.
    """
    classes, _, rows = against.shape
    q = _quadratic(against)
    p = np.full((classes, rows), 1 / classes)
    for _ in range(max(ROUNDS, classes)):
        product = np.stack([_ascending(q[i] * p) for i in range(classes)])
        energy = _ascending(p * product)
        far = ~(np.max(np.abs(product - energy), axis=0) < NEAR / classes)
        if not far.any():
            break
        p = np.where(far, _round(q, p, product, energy), p)
    return p


def _quadratic(against: Array) -> Array:
    """The matrix whose form the probabilities make least, of each row."""
    q = -(against.transpose(1, 0, 2) * against)
    for i in range(len(against)):
        squares = against[:, i] * against[:, i]
        q[i, i] = _ascending(np.delete(squares, i, axis=0))
    return q


def _round(q: Array, p: Array, product: Array, energy: Array) -> Array:
    """Class by class: the best probability if the others stay, then all are brought to the sum 1."""
    for i in range(len(p)):
        step = (energy - product[i]) / q[i, i]
        grown = 1 + step
        energy = (energy + step * (step * q[i, i] + 2 * product[i])) / grown / grown
        product = (product + step * q[i]) / grown
        p = np.where((np.arange(len(p)) == i)[:, None], p + step, p) / grown
    return p


def _ascending(x: Array) -> Array:
    """The sum over the first axis."""
    value = np.zeros(x.shape[1:])
    for each in x:
        value = value + each
    return value
