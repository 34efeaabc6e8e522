"""The small types that signed structures are made of, and how such a structure becomes plain values."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

MAX_TIME = 2**48 - 1

Index = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]  # of a thing, or how many there are
Number = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME)]  # since 1970-01-01T00:00:00Z
Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
RequestId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]  # a prediction's UUID
Target = Annotated[str, msgspec.Meta(pattern=r"^(model|group):[a-z0-9][a-z0-9/@._-]{0,199}\Z")]


def plain(value: Any) -> Any:
    """Maps, lists, text, bytes and integers: what CBOR takes."""
    return msgspec.to_builtins(value, builtin_types=(bytes,))
