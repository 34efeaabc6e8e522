"""JSON in and out: bodies decoded straight into typed values and refused by field, answers encoded from them.

The types are msgspec structs; the OpenAPI schema is made from the very same ones (`api.schema`). NaN, infinities,
numbers beyond a double and nesting without end are no JSON here.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from assay.errors import Refused, TooLarge
from assay.jsonform import pointer_of

T = TypeVar("T")


class JsonBody(BaseParser):
    """Reads a body as it is, up to the limit; `body` decodes it into what the view wants."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        content: bytes = stream.read(limit + 1)
        if len(content) > limit:
            raise TooLarge("the body is too large", expected=f"at most {limit} bytes", got="more")
        return content


class JsonRenderer(BaseRenderer):
    """Structs, or whatever else msgspec can write."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else msgspec.json.encode(data)


def body(request: Request, kind: type[T]) -> T:
    """The request's body as a value of `kind`. Raises Refused with the JSON pointer of what does not fit."""
    return decode(raw(request), kind)


def raw(request: Request) -> bytes:
    """The request's body as it came."""
    content: Any = request.data
    return content if isinstance(content, bytes) else b""  # REST framework gives an empty form where there is none


def decode(content: bytes, kind: type[T]) -> T:
    """JSON text as a value of `kind`, strictly. Raises Refused."""
    try:
        return msgspec.json.decode(content, type=kind, strict=True)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at ")
        raise Refused(detail, pointer=pointer_of(path)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not JSON", code="invalid-json", expected="a JSON document", got=str(error)[:200]) from error
