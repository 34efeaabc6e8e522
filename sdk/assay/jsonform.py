"""The JSON projection of signed structures: canonical (RFC 8785), lossless, byte strings as unpadded base64url.

JSON has no byte strings, so reading it back needs the type: `from_json` walks the msgspec type and turns text
into bytes exactly where bytes are declared. Input is refused unless, once white space outside strings is
dropped, it is byte for byte the canonical form.
"""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

from assay.errors import Refused, TooLarge

MAX_BYTES = 192 * 1024 * 1024
MAX_MARKS = 2**20  # commas and opening brackets, those in texts included: bounds what a parser makes of a document
T = TypeVar("T")

_OUTSIDE_STRINGS = re.compile(r'("[^"\\]*(?:\\.[^"\\]*)*")|[ \t\r\n]+', re.DOTALL)


def to_json(value: msgspec.Struct, *, indent: bool = False) -> str:
    """Canonical JSON text; `indent` adds white space for people, which reading drops again."""
    plain = _texts(msgspec.to_builtins(value, builtin_types=(bytes,)))
    if indent:
        return json.dumps(plain, ensure_ascii=False, sort_keys=True, indent=2) + "\n"
    return _canonical(plain)


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The value of msgspec type `kind` that `text` is the JSON form of. Raises Refused with a JSON pointer."""
    if len(text) > MAX_BYTES:
        raise TooLarge(
            "JSON document is too large", expected=f"at most {MAX_BYTES} bytes", got=f"{len(text)} bytes"
        )
    plain = _parse(text)
    value = convert(_typed(plain, _type_info(cast("Any", kind)), ""), kind)
    if _texts(msgspec.to_builtins(value, builtin_types=(bytes,))) != plain:  # a field with a default was left out
        raise Refused("a field is missing", code="not-canonical", expected="every field present", got="fewer")
    return value


@cache
def _type_info(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def convert(plain: Any, kind: type[T]) -> T:
    """A typed value from plain maps, lists, texts, bytes and integers; strict. Raises Refused with a pointer."""
    try:
        return msgspec.convert(plain, kind, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at ")
        raise Refused(detail, pointer=pointer_of(path)) from error


def pointer_of(path: str) -> str:
    """msgspec's `$.a[0].b` as the JSON pointer `/a/0/b`."""
    return re.sub(r"\[(\d+|\.\.\.)\]", r"/\1", path.strip("`").removeprefix("$")).replace(".", "/")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str, pointer: str = "") -> bytes:
    """Strict: the one unpadded form only."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise Refused(
            "not base64url", pointer=pointer, expected="unpadded base64url", got=repr(text[:40])
        ) from error
    if base64url(data) != text:
        raise Refused("not canonical base64url", pointer=pointer, expected=base64url(data)[:40], got=text[:40])
    return data


def require_few_values(text: bytes) -> None:
    """Raises TooLarge for a document of which a parser would make very much more than its own size."""
    marks = sum(map(text.count, (b",", b"[", b"{")))
    if marks > MAX_MARKS:
        raise TooLarge(
            "too many values in a JSON document", expected=f"at most {MAX_MARKS} of , [ and {{", got=str(marks)
        )


def _parse(text: str | bytes) -> Any:
    require_few_values(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
        plain = json.loads(decoded, parse_float=_no_float, parse_constant=_no_float)
        canonical = _canonical(plain)
    except (ValueError, RecursionError) as error:
        raise Refused(
            "not JSON", code="invalid-json", expected="UTF-8 JSON without floats", got=str(error)
        ) from error
    squeezed = _OUTSIDE_STRINGS.sub(lambda match: match.group(1) or "", decoded)
    if squeezed != canonical:
        at = _difference(squeezed, canonical)
        raise Refused(
            "JSON is not in canonical form",
            code="not-canonical",
            pointer=f"character {at} (white space not counted)",
            expected=repr(canonical[at : at + 24]),
            got=repr(squeezed[at : at + 24]),
        )
    return plain


def _difference(one: str, other: str) -> int:
    """The length of what both begin with, found by halving: the texts may be long."""
    same, end = 0, min(len(one), len(other))
    while same < end:
        middle = (same + end + 1) // 2
        if one[same:middle] == other[same:middle]:
            same = middle
        else:
            end = middle - 1
    return same


def _no_float(text: str) -> Any:
    raise ValueError(f"{text} is not an integer")


def _canonical(plain: Any) -> str:
    # RFC 8785: keys sorted by UTF-16 code units; our keys are ASCII, where code-point order is the same
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _texts(plain: Any) -> Any:
    match plain:
        case bytes():
            return base64url(plain)
        case dict():
            return {key: _texts(item) for key, item in plain.items()}
        case list() | tuple():
            return [_texts(item) for item in plain]
        case _:
            return plain


def _typed(plain: Any, kind: inspect.Type, pointer: str) -> Any:
    """`plain` with text turned into bytes where `kind` declares bytes; other mismatches are left to `convert`."""
    match kind:
        case inspect.BytesType() if isinstance(plain, str):
            return from_base64url(plain, pointer)
        case inspect.StructType(fields=fields) if isinstance(plain, dict):
            types = {field.encode_name: field.type for field in fields}
            return {k: _typed(v, types[k], f"{pointer}/{k}") if k in types else v for k, v in plain.items()}
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item) if isinstance(plain, list):
            return [_typed(element, item, f"{pointer}/{i}") for i, element in enumerate(plain)]
        case inspect.DictType(value_type=item) if isinstance(plain, dict):
            return {k: _typed(v, item, f"{pointer}/{k}") for k, v in plain.items()}
        case inspect.UnionType(types=options) if isinstance(plain, dict):
            return _typed(plain, _tagged(options, plain), pointer)
        case _:
            return plain


def _tagged(options: tuple[inspect.Type, ...], plain: dict[str, Any]) -> inspect.Type:
    """The structure meant: by its tag, or the only one there is beside nothing."""
    structs = [option for option in options if isinstance(option, inspect.StructType)]
    for option in structs:
        meant = plain.get(option.tag_field) == option.tag if option.tag_field else len(structs) == 1
        if meant:
            return option
    return inspect.AnyType()
