"""Amounts as people read and write them. Inside, an amount is an integer of micro-units; this is the only way out.

>>> words(1_234_567, "USD")
'USD 1.234567'
>>> words(-2_500_000, "USD")
'USD -2.50'
>>> micros("0.0005", "/price")
500
"""

from __future__ import annotations

import re

from assay.errors import Refused
from assay.money import UNIT, number

__all__ = ["MOST", "UNIT", "micros", "number", "words"]

MOST = 10**15  # micro-units in any amount that somebody may write: a thousand million units
_DECIMAL = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,6}))?", re.ASCII)


def words(amount: int, currency: str) -> str:
    return f"{currency} {number(amount)}"


def micros(text: str, pointer: str, most: int = MOST) -> int:
    """What somebody wrote, `12`, `0.05`. Raises Refused naming the field."""
    match = _DECIMAL.fullmatch(text.strip())
    amount = -1 if match is None else int(match[1]) * UNIT + int((match[2] or "").ljust(6, "0"))
    if not 0 <= amount <= most:
        raise Refused(
            "not an amount",
            pointer=pointer,
            expected=f"0 to {number(most)}, at most six decimal places",
            got=text[:40],
        )
    return amount
