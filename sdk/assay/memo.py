"""Remembers digests that are asked for over and over, such as that of a group in each of its certificates.

What is remembered is 32 bytes by the SHA-256 of all that they were made from, so nothing that differs in a bit is
taken for something seen before, and a large structure takes no more memory than a small one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import msgspec

from assay.digest import sha256

MOST = 4096  # of each kind; then all are forgotten
S = TypeVar("S")  # of frozen structures


def remembered(compute: Callable[[S], bytes]) -> Callable[[S], bytes]:
    """`compute`, a pure function of frozen structures, carried out once for each; what it raises is not kept."""
    known: dict[bytes, bytes] = {}

    @wraps(compute)
    def recall(value: S) -> bytes:
        name = sha256(msgspec.msgpack.encode(value))
        found = known.get(name)
        if found is None:
            found = compute(value)
            if len(known) >= MOST:
                known.clear()
            known[name] = found
        return found

    return recall
