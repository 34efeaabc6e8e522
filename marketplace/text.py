"""Text that people type: bounded, and without characters that PostgreSQL refuses or that hide what is shown;
and, in a sheet, never a formula.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from assay.errors import Refused

UNWANTED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # control, invisible formatting, lone surrogates, unassigned
FORMULA = ("=", "+", "-", "@", "\t", "\r")
ALLOWED = frozenset("\n\t\u200c\u200d")  # joiners belong to ordinary text in several scripts


def line(value: str, pointer: str, most: int, least: int = 0) -> str:
    """One line, white space squeezed, `least` to `most` characters. Raises Refused naming `pointer`."""
    text = " ".join(_clean(value, pointer, most).split())
    if len(text) < least:
        raise Refused(
            "a text is missing", pointer=pointer, expected=f"{least} to {most} characters", got=repr(text)
        )
    return text


def block(value: str, pointer: str, most: int) -> str:
    """Several lines, each ended as Unix does."""
    return _clean(value.replace("\r\n", "\n").replace("\r", "\n"), pointer, most).strip()


def cell(value: str) -> str:
    """As a cell of a sheet: what spreadsheets would work out is marked as text."""
    return f"'{value}" if value.startswith(FORMULA) else value


def everywhere(plain: Any, pointer: str) -> None:
    """Raises Refused for a character that is not text in any text of decoded JSON, keys included."""
    match plain:
        case str():
            _require(plain, pointer)
        case dict():
            for key, value in plain.items():
                _require(key, pointer)
                everywhere(value, f"{pointer}/{key}")
        case list() | tuple():
            for i, value in enumerate(plain):
                everywhere(value, f"{pointer}/{i}")


def _clean(value: str, pointer: str, most: int) -> str:
    if len(value) > most:
        raise Refused(
            "a text is too long", pointer=pointer, expected=f"at most {most} characters", got=str(len(value))
        )
    _require(value, pointer)
    return value


def _require(value: str, pointer: str) -> None:
    for at, character in enumerate(value):
        if character not in ALLOWED and unicodedata.category(character) in UNWANTED:
            raise Refused(
                "a character that is not text",
                pointer=pointer,
                expected="printable characters",
                got=f"U+{ord(character):04X} at {at}",
            )
