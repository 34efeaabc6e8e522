"""Deterministic CBOR (RFC 8949 §4.2.1) for everything that is hashed or signed.

A profile, not all of CBOR: integers within ±(2^53−1) so that JSON holds them exactly, byte strings, UTF-8 text,
arrays, maps whose keys are all text or all unsigned, booleans and null. No floats, no tags, no indefinite
lengths, no other simple values. Encoding is a function: one value, one byte string. Decoding is its exact
inverse and refuses everything else, naming the byte offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from assay.errors import Refused, TooLarge


@dataclass(frozen=True)
class Encoded:
    """A value that has been encoded before, to go into another as it is."""

    document: bytes


Value = (
    bool | int | bytes | str | Encoded | None | Sequence["Value"] | Mapping[str, "Value"] | Mapping[int, "Value"]
)

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 32
MAX_ITEMS = 2**18  # of all arrays and maps of one document: an empty one is a byte there and a hundred here
MAX_BYTES = 128 * 1024 * 1024  # of one document

MAX_ORDERS = 1024  # sets of names whose order is remembered, each of MAX_NAMES characters at most
MAX_NAMES = 512

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
FALSE, TRUE, NULL = 0xF4, 0xF5, 0xF6


def encode(value: Value) -> bytes:
    """The canonical encoding. Raises Refused where a value is outside the profile."""
    out = bytearray()
    _write(out, value, MAX_DEPTH)
    return bytes(out)


def decode(document: bytes) -> Value:
    """The value whose canonical encoding `document` is. Raises Refused or TooLarge with the byte offset."""
    if len(document) > MAX_BYTES:
        raise TooLarge(
            "CBOR document is too large", expected=f"at most {MAX_BYTES} bytes", got=f"{len(document)} bytes"
        )
    reader = _Reader(document)
    value = reader.value(MAX_DEPTH)
    if reader.at != len(document):
        raise reader.refused(
            "trailing bytes after the value", "end of document", f"{len(document) - reader.at} more bytes"
        )
    return value


def sequence(documents: bytes) -> Iterator[bytes]:
    """Documents that stand one after the other (RFC 8742), each in turn. Raises as `decode`."""
    reader = _Reader(documents)
    while reader.at < len(documents):
        start, reader.left = reader.at, MAX_ITEMS
        reader.value(MAX_DEPTH)
        if reader.at - start > MAX_BYTES:
            raise TooLarge(
                "CBOR document is too large", pointer=f"byte {start}", expected=f"at most {MAX_BYTES} bytes"
            )
        yield documents[start : reader.at]


def template(**fields: int | None) -> bytes:
    """The encoding of a map of these names, to be filled with `%`: what is hashed by the thousand takes this way.

    A size stands for a byte string of exactly so many bytes, given as it is; None for any value, given encoded.
    Whoever fills it answers for the sizes. The names must come in the order in which they are encoded.
    """
    order = _order_of(tuple(fields))
    if [name for name, _ in order] != list(fields):
        raise Refused("names out of order", expected=str([name for name, _ in order]), got=str(list(fields)))
    parts = [_head(MAP, len(fields))]
    for name, head in order:
        size = fields[name]
        parts.append((head if size is None else head + _head(BYTES, size)).replace(b"%", b"%%") + b"%b")
    return b"".join(parts)


def integer(value: int) -> bytes:
    """What `encode` gives for an integer, for a `template`."""
    return _head(UNSIGNED, value) if 0 <= value <= MAX_INTEGER else encode(value)


def bytes_head(size: int) -> bytes:
    """What the encoding of a byte string of that size begins with; the bytes follow."""
    return _head(BYTES, size)


def array(encoded: Sequence[bytes]) -> bytes:
    """What `encode` gives for a list of these, which have been encoded."""
    return _head(ARRAY, len(encoded)) + b"".join(encoded)


# --- encoding ---------------------------------------------------------------------------------------------


def _write(out: bytearray, value: Any, depth: int) -> None:
    """Appends the encoding of a value. Quick, because certificates by the thousand are hashed through here."""
    if not depth:
        raise TooLarge("CBOR value is nested too deeply", expected=f"at most {MAX_DEPTH} levels", got="more")
    writer = _WRITERS.get(type(value)) or _writer_for(value)
    writer(out, value, depth)


def _write_simple(out: bytearray, value: bool | None, _: int) -> None:
    out.append(NULL if value is None else TRUE if value else FALSE)


def _write_bytes(out: bytearray, value: bytes, _: int) -> None:
    out += _head(BYTES, len(value))
    out += value


def _write_text(out: bytearray, value: str, _: int) -> None:
    out += _text(value)


def _write_integer(out: bytearray, value: int, _: int) -> None:
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Refused("integer out of range", expected="within ±(2^53−1)", got=str(value))
    out += _head(UNSIGNED, value) if value >= 0 else _head(NEGATIVE, -1 - value)


def _write_encoded(out: bytearray, value: Encoded, _: int) -> None:
    out += value.document


def _write_array(out: bytearray, value: Sequence[Any], depth: int) -> None:
    out += _head(ARRAY, len(value))
    for item in value:
        _write(out, item, depth - 1)


def _write_map(out: bytearray, value: Mapping[Any, Any], depth: int) -> None:
    names = tuple(value)
    order = _ORDERS.get(names) or _order_of(names)
    out += _head(MAP, len(names))
    for name, head in order:
        out += head
        _write(out, value[name], depth - 1)


def _order_of(names: tuple[Any, ...]) -> list[tuple[Any, bytes]]:
    """The keys of a map with their encodings, in the order of these; remembered where they are names of fields."""
    kinds = {type(name) for name in names}
    if not (kinds <= {str} or kinds <= {int}):
        raise Refused("map keys must be all text or all unsigned", expected="str | int", got=str(kinds))
    if kinds == {int} and min(names) < 0:
        raise Refused("map keys must be unsigned", expected="0 or more", got=str(min(names)))
    encoded = [(name, _text(name) if kinds == {str} else _unsigned(name)) for name in names]
    order = sorted(encoded, key=itemgetter(1))
    if kinds == {str} and len(_ORDERS) < MAX_ORDERS and sum(map(len, names)) <= MAX_NAMES:
        _ORDERS[names] = order
    return order


def _unsigned(value: int) -> bytes:
    out = bytearray()
    _write_integer(out, value, 1)
    return bytes(out)


def _text(value: str) -> bytes:
    try:
        encoded = value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused(
            "text is not Unicode scalar values", expected="UTF-8", got=f"a lone surrogate at {error.start}"
        ) from error
    return _head(TEXT, len(encoded)) + encoded


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return _SHORT_HEADS[major][argument]
    if argument < 2**8:
        return bytes((major << 5 | 24, argument))
    if argument < 2**16:
        return (major << 5 | 25).to_bytes(1, "big") + argument.to_bytes(2, "big")
    if argument < 2**32:
        return (major << 5 | 26).to_bytes(1, "big") + argument.to_bytes(4, "big")
    return (major << 5 | 27).to_bytes(1, "big") + argument.to_bytes(8, "big")


def _writer_for(value: Any) -> Callable[[bytearray, Any, int], None]:
    """For what is not of one of the common types itself but can be taken for one."""
    for kind, writer in (
        (int, _write_integer),
        ((bytes, memoryview), _write_bytes),
        (str, _write_text),
        (Mapping, _write_map),
        (Sequence, _write_array),
    ):
        if isinstance(value, kind):
            return writer
    raise Refused(
        "no CBOR form in this profile",
        expected="int | bytes | str | list | map | bool | null",
        got=type(value).__name__,
    )


_SHORT_HEADS = tuple(tuple(bytes((major << 5 | argument,)) for argument in range(24)) for major in range(8))
_ORDERS: dict[tuple[Any, ...], list[tuple[Any, bytes]]] = {}
_WRITERS: dict[type, Callable[[bytearray, Any, int], None]] = {
    bytes: _write_bytes,
    bytearray: _write_bytes,
    int: _write_integer,
    str: _write_text,
    Encoded: _write_encoded,
    dict: _write_map,
    list: _write_array,
    tuple: _write_array,
    bool: _write_simple,
    type(None): _write_simple,
}


# --- decoding ---------------------------------------------------------------------------------------------


class _Reader:
    def __init__(self, document: bytes) -> None:
        self.document = document
        self.at = 0
        self.left = MAX_ITEMS

    def refused(self, detail: str, expected: str = "", got: str = "") -> Refused:
        return Refused(detail, code="not-canonical", pointer=f"byte {self.at}", expected=expected, got=got)

    def value(self, depth: int) -> Value:
        if depth == 0:
            raise TooLarge(
                "CBOR value is nested too deeply",
                pointer=f"byte {self.at}",
                expected=f"at most {MAX_DEPTH} levels",
                got="more",
            )
        initial = self.take(1)[0]
        major, short = initial >> 5, initial & 31
        if major == SIMPLE:
            return self.simple(initial)
        argument = short if short < 24 else self.argument(short)
        if major == TEXT:  # the most frequent first
            return self.text(argument)
        if major == BYTES:
            return self.take(argument)
        if major <= NEGATIVE:
            return self.integer(argument if major == UNSIGNED else -1 - argument)
        if major == TAG:
            raise self.refused("tags are not in this profile", "no tag", f"tag {argument}")
        self.countable(argument)
        if major == MAP:
            return self.map(argument, depth)
        return [self.value(depth - 1) for _ in range(argument)]

    def integer(self, value: int) -> int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise self.refused("integer out of range", "within ±(2^53−1)", str(value))
        return value

    def simple(self, initial: int) -> bool | None:
        if initial == NULL:
            return None
        if initial in (FALSE, TRUE):
            return initial == TRUE
        raise self.refused(
            "floats and other simple values are not in this profile", "true | false | null", hex(initial)
        )

    def argument(self, short: int) -> int:
        if short > 27:
            raise self.refused("indefinite or reserved length", "a definite length", str(short))
        width = 1 << (short - 24)
        argument = int.from_bytes(self.take(width), "big")
        least = 24 if width == 1 else 1 << (4 * width)
        if argument < least:
            raise self.refused("not the shortest form", f"{argument} in fewer bytes", f"{width} bytes")
        return argument

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.document):
            raise self.refused("truncated", f"{count} bytes", f"{len(self.document) - self.at} bytes")
        taken = self.document[self.at : end]
        self.at = end
        return taken

    def text(self, count: int) -> str:
        try:
            return self.take(count).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.refused("text is not UTF-8", "UTF-8", str(error.reason)) from error

    def countable(self, count: int) -> None:
        # every item takes at least one byte, so a lying count is refused before anything is allocated for it
        most = min(self.left, len(self.document) - self.at)
        if count > most:
            raise TooLarge(
                "more items than can follow", pointer=f"byte {self.at}", expected=f"at most {most}", got=str(count)
            )
        self.left -= count

    def map(self, count: int, depth: int) -> Mapping[str, Value] | Mapping[int, Value]:
        entries: dict[str | int, Value] = {}
        previous = b""
        kind: type | None = None
        for _ in range(count):
            start = self.at
            key: Any = self.value(depth - 1)  # bounded too: a key may lyingly be a map
            if kind is not str or type(key) is not str:  # what is text once may be taken as read
                kind = self.kind_of(key, kind)
            encoded = self.document[start : self.at]
            if encoded <= previous:
                raise self.refused("map keys are not in order", "ascending, each once", repr(key))
            previous = encoded
            entries[key] = self.value(depth - 1)
        return entries  # type: ignore[return-value]  # keys are of one kind, checked above

    def kind_of(self, key: Value, before: type | None) -> type:
        """The type of a key, once it is known to be text or unsigned and of the kind of those before."""
        if type(key) not in (str, int) or (isinstance(key, int) and key < 0):
            raise self.refused("map keys must be all text or all unsigned", "text | unsigned", type(key).__name__)
        if before not in (None, type(key)):
            raise self.refused("map keys must be all text or all unsigned", "one kind of key", "both")
        return type(key)
