"""Declares every operator: who imports this finds them all in the registry."""

from assay.operators import (
    activations,
    casting,
    comparing,
    cutting,
    elementwise,
    moving,
    padding,
)

__all__ = [
    "activations",
    "casting",
    "comparing",
    "cutting",
    "elementwise",
    "moving",
    "padding",
]
