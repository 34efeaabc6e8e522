"""Sharing an amount out. The one place where money is rounded."""

from __future__ import annotations

from collections.abc import Sequence

WHOLE = 10_000  # hundredths of a percent


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of `amount` (≥ 0) in proportion to `weights` (≥ 0, not all 0); their sum is `amount`, always.

    By largest remainder (Hamilton's method): everybody's part is rounded down, and what is left over goes, one
    micro-unit each, to the largest remainders; among equals to who comes first.
    """
    total = sum(weights)
    if amount < 0 or total <= 0 or min(weights) < 0:
        raise ValueError(f"cannot share {amount} by {list(weights)}")
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return parts
