"""From a type of messages to values of it, and to values that are just none: every field of every structure.

Values are plain, as they stand in msgpack or CBOR: dicts by field, lists, integers, bytes, texts, booleans, None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec.inspect as types
from hypothesis import strategies as st

Step = tuple[str, Any]  # ("field", its type) | ("item", which) | ("one of", the alternative)
Path = tuple[Step, ...]

LARGEST = 2**64 - 1
MOST = 5000  # items of a list that is one too long


class Place(NamedTuple):
    """A field of a structure, and how to get to that structure from the outermost type."""

    path: Path
    owner: types.StructType
    field: types.Field

    def __str__(self) -> str:
        return f"{self.owner.cls.__name__}.{self.field.name}"


def places(kind: types.Type, path: Path = (), seen: set[type] | None = None) -> Iterator[Place]:
    """Every field of every structure within, each once."""
    seen = set() if seen is None else seen
    match kind:
        case types.StructType() if kind.cls not in seen:
            seen.add(kind.cls)
            yield from (Place(path, kind, field) for field in kind.fields)
            for field in kind.fields:
                yield from places(field.type, (*path, ("field", field)), seen)
        case types.UnionType():
            for each in kind.types:
                yield from places(each, (*path, ("one of", each)), seen)
        case types.VarTupleType():
            yield from places(kind.item_type, (*path, ("item", 0)), seen)
        case types.TupleType():
            for i, each in enumerate(kind.item_types):
                yield from places(each, (*path, ("item", i)), seen)


# --- right ------------------------------------------------------------------------------------------------


def least(kind: types.Type, path: Path = (), *, full: bool = False) -> Any:
    """A small value of this type, in which that path leads somewhere; `full`: with something in every list."""
    (step, what), rest = path[0] if path else ("", None), path[1:]
    match kind:
        case types.StructType():
            made = {
                field.encode_name: least(field.type, rest if step == "field" and field == what else (), full=full)
                for field in kind.fields
            }
            return _tagged(kind, made)
        case types.UnionType():
            return least(what, rest, full=full) if step == "one of" else least(kind.types[-1 - full], full=full)
        case types.VarTupleType():
            count = max(kind.min_length or 0, step == "item" or full)
            return [least(kind.item_type, rest if i == 0 else (), full=full) for i in range(count)]
        case types.TupleType():
            every = enumerate(kind.item_types)
            return [least(each, rest if (step, what) == ("item", i) else (), full=full) for i, each in every]
        case types.IntType():
            return kind.ge or 0
        case types.BytesType():
            return bytes(kind.min_length or 0)
        case types.StrType():
            return "x" if kind.pattern is None else "model:x/y" if ":" in kind.pattern else "xxx"
        case types.LiteralType():
            return kind.values[0]
        case types.BoolType():
            return False
        case types.NoneType():
            return None
    raise TypeError(kind)


def values(kind: types.Type, known: Mapping[type, Sequence[Any]] = {}) -> st.SearchStrategy[Any]:
    """Any value of this type; where it fits often one of `known`, by types such as bytes or int."""
    match kind:
        case types.StructType():
            fields = {field.encode_name: values(field.type, known) for field in kind.fields}
            return st.fixed_dictionaries(fields).map(lambda made: _tagged(kind, made))
        case types.UnionType():
            return st.one_of([values(each, known) for each in kind.types])
        case types.VarTupleType():
            least_many, most = kind.min_length or 0, kind.max_length
            most = min(least_many + 3, least_many + 3 if most is None else most)
            return st.lists(values(kind.item_type, known), min_size=least_many, max_size=most)
        case types.TupleType():
            return st.tuples(*[values(each, known) for each in kind.item_types]).map(list)
        case types.IntType():
            low, high = bounds(kind)
            fitting = [each for each in known.get(int, ()) if low <= each <= high]
            return _or(st.integers(low, high), fitting)
        case types.BytesType():
            low, high = kind.min_length or 0, kind.max_length
            high = low + 40 if high is None else min(high, low + 40)
            fitting = [each for each in known.get(bytes, ()) if low <= len(each) <= high]
            return _or(st.binary(min_size=low, max_size=high), fitting)
        case types.StrType(pattern=None):
            return st.text(max_size=min(kind.max_length or 20, 20), min_size=kind.min_length or 0)
        case types.StrType():
            return st.from_regex(kind.pattern).filter(lambda text: len(text) <= (kind.max_length or 400))
        case types.LiteralType():
            return st.sampled_from(kind.values)
        case types.BoolType():
            return st.booleans()
        case types.NoneType():
            return st.none()
    raise TypeError(kind)


def bounds(kind: types.IntType) -> tuple[int, int]:
    """The least and the greatest."""
    low = kind.ge if kind.ge is not None else kind.gt + 1 if kind.gt is not None else -(2**63)
    high = kind.le if kind.le is not None else kind.lt - 1 if kind.lt is not None else LARGEST
    return int(low), int(high)


def _tagged(kind: types.StructType, made: dict[str, Any]) -> dict[str, Any]:
    return made if kind.tag is None else {str(kind.tag_field): kind.tag, **made}


def _or(anything: st.SearchStrategy[Any], known: Sequence[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(known) | anything if known else anything


# --- wrong ------------------------------------------------------------------------------------------------


def spoiled(whole: types.Type, place: Place) -> Iterator[tuple[str, Any]]:
    """What is wrong, and a value that is right in everything else."""
    right = least(whole, place.path)
    owner = _at(right, place.path)
    name = place.field.encode_name
    if place.field.required:
        yield "missing", _with(right, place.path, {key: each for key, each in owner.items() if key != name})
    yield "unknown beside it", _with(right, place.path, owner | {"zz": 0})
    for wrong in beyond(place.field.type):
        yield repr(wrong)[:40], _with(right, place.path, owner | {name: wrong})


def beyond(kind: types.Type) -> Iterator[Any]:
    """Values of other types, and those next to its bounds."""
    alternatives = kind.types if isinstance(kind, types.UnionType) else (kind,)
    taken = {type(least(each)) for each in alternatives}
    yield from (each for each in ("x", b"x", 1, True, None, [], {}, 1.5) if type(each) not in taken)
    for each in alternatives:
        yield from _out_of_bounds(each)


def _out_of_bounds(kind: types.Type) -> Iterator[Any]:
    match kind:
        case types.IntType():
            low, high = bounds(kind)
            yield from (each for each in (low - 1, high + 1) if -(2**63) <= each <= LARGEST)
        case types.BytesType():
            yield from (bytes(size) for size in _sizes(kind.min_length, kind.max_length))
        case types.StrType():
            yield from ("x" * size for size in _sizes(kind.min_length, kind.max_length))
            if kind.pattern is not None:
                yield from ("\x00", "x\n", "\x1b[2J")
        case types.VarTupleType():
            for size in _sizes(kind.min_length, kind.max_length):
                yield [least(kind.item_type)] * size
            yield [b"x" if isinstance(least(kind.item_type), dict) else {}]
        case types.LiteralType():
            yield "something else"
        case types.TupleType():
            yield from ([], least(kind)[:-1], [*least(kind), 1])
        case types.StructType(tag=None):
            if any(field.required for field in kind.fields):
                yield {}
        case types.StructType():
            yield _tagged(kind, least(kind)) | {str(kind.tag_field): "something else"}


def _sizes(least_size: int | None, most: int | None) -> Iterator[int]:
    if least_size:
        yield least_size - 1
    if most is not None and most < MOST:
        yield most + 1


def _at(value: Any, path: Path) -> Any:
    for step, what in path:
        if step == "field":
            value = value[what.encode_name]
        elif step == "item":
            value = value[what]
    return value


def _with(value: Any, path: Path, inner: Any) -> Any:
    if not path:
        return inner
    (step, what), rest = path[0], path[1:]
    if step == "field":
        return value | {what.encode_name: _with(value[what.encode_name], rest, inner)}
    if step == "item":
        return [_with(each, rest, inner) if i == what else each for i, each in enumerate(value)]
    return _with(value, rest, inner)
