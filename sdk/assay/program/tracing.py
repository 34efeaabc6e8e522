"""What a run computed, as hashes: one for each output of each node, in the program's order.

A tensor's hash is the head of a tree over its little-endian bytes in leaves of 64 KiB, so that a part can be shown
to belong to it without the rest; type and shape are bound with the head. BLAKE3 throughout (O'Connor, Aumasson,
Neves, Wilcox-O'Hearn, 2020): a run's tensors are many times its model. Each use of it has a context of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from blake3 import blake3

from assay import cbor
from assay.operators.arithmetic import Array
from assay.program.graph import Node

LEAF_BYTES = 64 * 1024
_LEAF = "Assay 2026 tensor leaf v1"
_INNER = "Assay 2026 tensor inner node v1"
_TENSOR = "Assay 2026 tensor v1"


class Trace:
    """A `record` for Runner.run; afterwards it holds the hashes."""

    def __init__(self) -> None:
        self.hashes: list[tuple[bytes, ...]] = []  # by node; of its outputs that have a name

    def __call__(self, node: Node, made: Sequence[Array]) -> None:
        self.hashes.append(tuple(map(tensor_hash, made)))


def tensor_hash(value: Array) -> bytes:
    """32 bytes, over type, shape and every bit of every element."""
    bound = cbor.encode({"dtype": value.dtype.name, "shape": list(value.shape), "root": root(leaf_hashes(value))})
    return _hash(_TENSOR, bound)


def leaf_hashes(value: Array) -> list[bytes]:
    """Of its row-major little-endian bytes, the last leaf as long as is left; one empty leaf if there are none."""
    data = value.astype(value.dtype.newbyteorder("<"), order="C", copy=False).reshape(-1).view(np.uint8).data
    return [_hash(_LEAF, data[start : start + LEAF_BYTES]) for start in range(0, max(len(data), 1), LEAF_BYTES)]


def root(row: list[bytes]) -> bytes:
    """The head of the tree over these leaves; its form is RFC 6962's: one without a sibling moves up unchanged."""
    while len(row) > 1:
        paired = [_hash(_INNER, left + right) for left, right in zip(row[::2], row[1::2], strict=False)]
        row = paired + row[len(paired) * 2 :]
    return row[0]


def _hash(context: str, data: bytes | memoryview) -> bytes:
    digest: bytes = blake3(data, derive_key_context=context).digest()
    return digest
