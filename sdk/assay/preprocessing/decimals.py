"""Decimal text to a number type, correctly rounded once: to the nearest value, ties to even.

`numpy.float32("0.1…")` goes through a double and rounds twice; here the text is exact until the one rounding.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from assay.errors import Refused
from assay.tensor import DTYPES

MAX_TEXT = 128  # characters of one number
MAX_EXPONENT = 400  # decimal; beyond the range of FP64 either way

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,5})?", re.ASCII)


def convert(text: str, datatype: str, pointer: str = "") -> np.generic:
    """Decimal text such as `-12.5e3`, in the datatype; integers must be exact and negative zero becomes zero.

    Raises Refused for anything else: other notations, NaN and infinities, and numbers beyond the type's range.
    """
    digits = text.strip()
    if len(digits) > MAX_TEXT or not _NUMBER.fullmatch(digits):
        raise Refused(
            "not a decimal number",
            code="not-a-number",
            pointer=pointer,
            expected=f"at most {MAX_TEXT} characters such as -12.5 or 1e-3",
            got=repr(digits[:40]),
        )
    decimal, dtype = Decimal(digits), DTYPES[datatype]
    number = Fraction(decimal) if abs(decimal.adjusted()) <= MAX_EXPONENT else None
    if number is None or not _fits(number, dtype):
        raise Refused(
            "number out of range",
            code="out-of-range",
            pointer=pointer,
            expected=datatype,
            got=digits[:40],
        )
    if dtype.kind == "f":
        return _nearest(number, dtype)
    if number.denominator != 1:
        raise Refused(
            "not a whole number", code="not-an-integer", pointer=pointer, expected=datatype, got=digits[:40]
        )
    return dtype.type(int(number))  # type: ignore[no-any-return]


def _fits(number: Fraction, dtype: np.dtype[Any]) -> bool:
    """Whether rounding to nearest stays within the type; half a step beyond the largest float ties to infinity."""
    if dtype.kind == "f":
        largest = np.finfo(dtype).max
        step = Fraction(float(largest)) - Fraction(float(np.nextafter(largest, dtype.type(0))))
        return abs(number) < Fraction(float(largest)) + step / 2
    if dtype.kind == "b":
        return 0 <= number <= 1
    limits = np.iinfo(dtype)
    return int(limits.min) <= number <= int(limits.max)


def _nearest(value: Fraction, dtype: np.dtype[Any]) -> np.generic:
    """Of the value's neighbours in the type the closest; of two equally close, the one whose last bit is even."""
    with np.errstate(over="ignore"):
        guess = dtype.type(float(value))  # rounded twice: at most one step off
        steps = (np.nextafter(guess, dtype.type(-np.inf)), guess, np.nextafter(guess, dtype.type(np.inf)))
    bits = f"u{dtype.itemsize}"
    nearest = min(
        (each for each in steps if np.isfinite(each)),
        key=lambda each: (abs(Fraction(float(each)) - value), int(each.view(bits)) & 1),
    )
    return nearest + dtype.type(0)  # type: ignore[no-any-return]  # −0 + 0 is 0
