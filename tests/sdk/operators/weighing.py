"""Weighted sums of support vector machines in Python's own doubles: an independent reference."""

import numpy as np


def weighted(near, weights, rho):
    value = 0.0
    for each, weight in zip(near, weights, strict=True):
        value += float(each) * float(weight)
    return np.float32(value + float(rho))
