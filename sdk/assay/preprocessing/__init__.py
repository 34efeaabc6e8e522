"""What a buyer sends (a picture, a table row, tensors) to the model's tensors, integer-exact.

The rule is declared in the model's interface and travels in its certificates, so whoever holds the picture can
repeat this and check that a certificate speaks of it. Specification: docs/preprocessing.md.
"""

from __future__ import annotations

import base64
import json
from typing import Any, TypeVar

from assay import oip
from assay.errors import AssayError, Refused, TooLarge
from assay.model import ImagePreprocessing, Interface, RowPreprocessing
from assay.preprocessing import table
from assay.tensor import Tensor

__all__ = ["CSV", "JSON", "PNG", "from_payload", "preprocess", "to_payload"]

PNG, JSON, CSV = "image/png", "application/json", "text/csv"
MAX_BYTES = 192 * 1024 * 1024  # of a document: one tensor of the largest size, written out

Rule = TypeVar("Rule", ImagePreprocessing, RowPreprocessing)


def preprocess(interface: Interface, content: bytes, content_type: str) -> tuple[Tensor, ...]:
    """The interface's inputs from a file's content.

    `image/png` where the model takes pictures; `text/csv` and `application/json` where it takes table rows; and
    for every model `application/json` holding {"inputs": […]} as `from_payload` takes it. Raises Refused or
    TooLarge.
    """
    if len(content) > MAX_BYTES:
        raise TooLarge("document is too large", expected=f"at most {MAX_BYTES} bytes", got=f"{len(content)} bytes")
    if content_type != JSON:
        return interface.accept((_tensor(interface, content_type, content),), "")
    plain = _json(content)
    if _holds_inputs(plain):
        return from_payload(interface, _json(content, exact=False)["inputs"])
    return interface.accept((_tensor(interface, content_type, plain),), "")


def to_payload(content: bytes, content_type: str) -> list[Any]:
    """The `inputs` of an API request from a file's content; `from_payload` takes them as `preprocess` the file."""
    match content_type:
        case "image/png":
            return [{"content_type": PNG, "content": base64.b64encode(content).decode("ascii")}]
        case "application/json":
            plain = _json(content)
            if _holds_inputs(plain):
                inputs: list[Any] = _json(content, exact=False)["inputs"]
                return inputs
            return [{"content_type": JSON, "content": plain}]
        case _:
            return [{"content_type": content_type, "content": _text(content)}]


def from_payload(interface: Interface, inputs: Any, pointer: str = "/inputs") -> tuple[Tensor, ...]:
    """The interface's inputs from the `inputs` of an API request, already parsed from JSON.

    Each is a tensor, {name, datatype, shape, data}, or a content, {name, content_type, content}: a PNG in base64,
    CSV as text, a row as JSON; its name may be left out. Raises Refused or TooLarge with a JSON pointer.
    """
    if not isinstance(inputs, list) or not 1 <= len(inputs) <= oip.MAX_TENSORS:
        got = f"{len(inputs)}" if isinstance(inputs, list) else type(inputs).__name__
        raise Refused(
            "not a list of inputs", pointer=pointer, expected=f"a list of 1 to {oip.MAX_TENSORS}", got=got
        )
    if len(inputs) > len(interface.inputs):  # each may be a picture, and pictures are work
        raise Refused(
            "more inputs than the model takes",
            code="wrong-names",
            pointer=pointer,
            expected=str([port.name for port in interface.inputs]),
            got=f"{len(inputs)} inputs",
        )
    tensors = tuple(_input(interface, each, f"{pointer}/{i}") for i, each in enumerate(inputs))
    return interface.accept(tensors, pointer)


def _input(interface: Interface, plain: Any, pointer: str) -> Tensor:
    if not (isinstance(plain, dict) and "content_type" in plain):
        return oip.from_json(plain, pointer)
    if plain.keys() | {"name"} != {"name", "content_type", "content"}:
        raise Refused(
            "wrong fields",
            pointer=pointer,
            expected="name, content_type, content",
            got=", ".join(map(str, plain))[:200],
        )
    content_type, content = plain["content_type"], plain["content"]
    name = plain.get("name", interface.inputs[0].name)
    if name != interface.inputs[0].name:
        raise Refused(
            "wrong name",
            code="wrong-names",
            pointer=f"{pointer}/name",
            expected=interface.inputs[0].name,
            got=repr(name)[:60],
        )
    try:
        return _tensor(interface, content_type, content if content_type == JSON else _bytes(content_type, content))
    except AssayError as error:
        separator = " " if error.pointer[:1] not in ("", "/") else ""  # a byte or line, not a JSON pointer
        raise error.under(f"{pointer}/content{separator}") from error


def _tensor(interface: Interface, content_type: Any, content: Any) -> Tensor:
    """From a PNG's bytes, a CSV's bytes, or parsed JSON."""
    datatype = interface.inputs[0].datatype
    match content_type:
        case "image/png":
            from assay.preprocessing import image  # Pillow is loaded for pictures only

            return image.tensor(_rule(interface, ImagePreprocessing), datatype, content)
        case "text/csv":
            return table.from_csv(_rule(interface, RowPreprocessing), datatype, content)
        case "application/json":
            return table.from_json(_rule(interface, RowPreprocessing), datatype, content)
        case _:
            raise Refused(
                "unknown content type",
                code="unsupported-content",
                expected=f"{PNG} | {JSON} | {CSV}",
                got=repr(content_type)[:60],
            )


def _rule(interface: Interface, kind: type[Rule]) -> Rule:
    if not isinstance(interface.preprocessing, kind):
        takes = {ImagePreprocessing: f"a picture ({PNG})", RowPreprocessing: f"table rows ({JSON}, {CSV})"}
        raise Refused(
            "this model does not take that kind of content",
            code="unsupported-content",
            expected=takes.get(type(interface.preprocessing), 'tensors ({"inputs": […]})'),
            got=takes[kind],
        )
    return interface.preprocessing


def _bytes(content_type: Any, content: Any) -> bytes:
    if not isinstance(content, str):
        raise Refused("content is not text", expected="a string", got=type(content).__name__)
    if content_type != PNG:
        return content.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(content, validate=True)
    except ValueError as error:
        raise Refused("not base64", expected="padded base64", got=repr(content[:40])) from error


def _holds_inputs(plain: Any) -> bool:
    return isinstance(plain, dict) and plain.keys() == {"inputs"} and isinstance(plain["inputs"], list)


def _json(content: bytes, *, exact: bool = True) -> Any:
    """Parsed JSON in which no object has a key twice and, if `exact`, every number is its own text."""
    numbers: dict[str, Any] = {"parse_float": str, "parse_int": str} if exact else {}
    try:
        return json.loads(_text(content), object_pairs_hook=_unique, **numbers)
    except (ValueError, RecursionError) as error:
        raise Refused("not JSON", code="invalid-json", expected="JSON", got=str(error)[:200]) from error


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("not text", code="invalid-text", expected="UTF-8", got=str(error)) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        raise ValueError("a key is given twice")
    return plain
