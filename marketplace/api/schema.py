"""OpenAPI from the same msgspec types that decode bodies and encode answers.

`describe` marks a view's method; drf-spectacular walks the addresses and asks for what was marked. Whatever can go
wrong is a problem document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import cleandoc
from typing import Any, TypeVar

import msgspec
from drf_spectacular.utils import OpenApiParameter, extend_schema

from marketplace.api.amounts import Money

F = TypeVar("F", bound=Callable[..., Any])

SECURITY = {
    "apiKey": {"type": "http", "scheme": "bearer", "bearerFormat": "assay_…"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sessionid"},
}
REF = "#/components/schemas/{name}"
_described: list[Any] = []  # every type that a body or answer is made of


class Problem(msgspec.Struct, frozen=True):
    """RFC 9457: what went wrong, where, what was expected, what came, and what to try; `missing` with a 402."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    pointer: str = ""
    expected: str = ""
    got: str = ""
    hint: str = ""
    missing: Money | None = None


def describe(
    summary: str,
    *,
    answer: Any,
    body: Any = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, Any] | None = None,
    open_to_all: bool = False,
) -> Callable[[F], F]:
    """Marks a view's method. `answer` and `body` are types, or schemas by media type for what is no struct."""
    parameters = [
        *(
            OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text)
            for name, text in (headers or {}).items()
        ),
        *(OpenApiParameter(name, schema, OpenApiParameter.QUERY) for name, schema in (query or {}).items()),
    ]
    security: list[Any] = [{}] if open_to_all else [{name: []} for name in SECURITY]
    return extend_schema(
        operation_id="_".join(word for word in summary.lower().split() if word not in ("a", "an")),
        summary=summary,
        parameters=parameters,
        request=_body(body),
        responses={**_answers(status, answer), ("default", "application/problem+json"): _schema(Problem)},
        auth=security,
    )


def components(result: dict[str, Any], **unused: Any) -> dict[str, Any]:  # noqa: ARG001 - the hook's signature
    """drf-spectacular's post-processing hook: adds the schemas that were referred to."""
    _, schemas = msgspec.json.schema_components(_described, ref_template=REF)
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])
    parts = result.setdefault("components", {})
    parts.setdefault("schemas", {}).update(schemas)
    parts["securitySchemes"] = SECURITY
    return result


def _body(body: Any) -> Mapping[str, Any] | None:
    if body is None or isinstance(body, Mapping):
        return body
    return {"application/json": _schema(body)}


def _answers(status: int, answer: Any) -> dict[tuple[int, str], dict[str, Any]]:
    if isinstance(answer, Mapping):
        return {(status, media_type): schema for media_type, schema in answer.items()}
    return {(status, "application/json"): _schema(answer)}


def _schema(kind: Any) -> dict[str, Any]:
    _described.append(kind)
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return schema
