"""Amounts as people read and write them. Inside, an amount is an integer of micro-units; this is the only way out.

>>> words(1_234_567, "USD")
'USD 1.234567'
>>> words(-2_500_000, "USD")
'USD -2.50'
"""

from __future__ import annotations

from assay.money import MOST, UNIT, micros, number

__all__ = ["MOST", "UNIT", "micros", "number", "words"]


def words(amount: int, currency: str) -> str:
    return f"{currency} {number(amount)}"
