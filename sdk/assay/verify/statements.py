"""How a statement differs from the one that its evidence proves."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from assay.certificate import Statement
from assay.errors import NotVerified

MAX_SHOWN = 300  # characters of a value


def differences(expected: Statement, got: Statement) -> Iterator[NotVerified]:
    """One for each field that is not as expected, by its encoding: `False` is not 0."""
    for name in Statement.__struct_fields__:
        values = getattr(expected, name), getattr(got, name)
        if len(set(map(msgspec.msgpack.encode, values))) != 1:
            yield differs(f"/statement/{name}", *map(_shown, values))


def differs(pointer: str, expected: str, got: str) -> NotVerified:
    return NotVerified(
        "not what this mode says", code="wrong-statement", pointer=pointer, expected=expected, got=got
    )


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else repr(value)[:MAX_SHOWN]
