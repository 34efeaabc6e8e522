"""Declares every binder: who imports this finds them all in `sites.BINDERS`."""

from native import (
    bind_products,
    broadcasting,
    elements,
    forests,
    integers,
    moves,
    normalisations,
    pools,
    reductions,
)

__all__ = [
    "bind_products",
    "broadcasting",
    "elements",
    "forests",
    "integers",
    "moves",
    "normalisations",
    "pools",
    "reductions",
]
