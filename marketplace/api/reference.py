"""The API's reference as a page: the OpenAPI schema that is served, put into words and tables.

A page of ours rather than a viewer from elsewhere: no script, the site's own look, and a policy that allows no
inline styles. Nothing here knows any address by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

Schema = Mapping[str, Any]
METHODS = ("get", "head", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Field:
    """A parameter or a member: `kind` is its type in words, `link` the type it leads to."""

    name: str
    kind: str
    link: str
    required: bool
    about: str
    place: str = ""  # of a parameter: path, query or header


@dataclass(frozen=True)
class Operation:
    """One method of one address. Answers other than problems have a status below 400."""

    name: str
    method: str
    path: str
    summary: str
    about: str
    open_to_all: bool
    parameters: list[Field]
    body: list[Field]
    answers: list[tuple[str, str, Field]]  # status, media type, type


@dataclass(frozen=True)
class Group:
    title: str
    operations: list[Operation]


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    return render(request, "api/reference.html", {"groups": groups(), "types": types()})


@cache
def _document() -> Schema:
    schema: Schema = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return schema


@cache
def groups() -> list[Group]:
    """Operations by the first part of their address, in the schema's order."""
    found: dict[str, list[Operation]] = {}
    for path, methods in _document()["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = _operation(path, method, methods[method])
                found.setdefault(methods[method]["tags"][0], []).append(operation)
    return [Group(title.capitalize(), operations) for title, operations in found.items()]


@cache
def types() -> list[tuple[str, str, list[Field]]]:
    """Every type by name: what it is, and its members."""
    schemas: Mapping[str, Schema] = _document()["components"]["schemas"]
    return [(name, schema.get("description", ""), list(_members(schema))) for name, schema in schemas.items()]


def _operation(path: str, method: str, operation: Schema) -> Operation:
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        about=operation.get("description", ""),
        open_to_all={} in operation.get("security", []),
        parameters=[
            _field(each["name"], each["schema"], each.get("required", False), each.get("description"), each["in"])
            for each in operation.get("parameters", [])
        ],
        body=[
            _field(media_type, content.get("schema", {}), True)
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items()
        ],
        answers=[
            (status, media_type, _field("", content.get("schema", {}), True))
            for status, answer in operation["responses"].items()
            for media_type, content in answer.get("content", {}).items()
        ],
    )


def _members(schema: Schema) -> Iterator[Field]:
    required = schema.get("required", [])
    for name, member in schema.get("properties", {}).items():
        yield _field(name, member, name in required)


def _field(name: str, schema: Schema, required: bool, about: str | None = None, place: str = "") -> Field:
    kind, link = _words(schema)
    about = about or schema.get("description") or ("Stands in the address" if place == "path" else "")
    return Field(name, kind, link, required, about, place)


def _words(schema: Schema) -> tuple[str, str]:
    """A schema in words, and the named type in it, if there is one."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return name, name
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"])), ""
    if "const" in schema:
        return str(schema["const"]), ""
    options = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf")
    if options:
        words = [_words(each) for each in options]
        return " or ".join(kind for kind, _ in words), next((link for _, link in words if link), "")
    if schema.get("type") == "array":
        kind, link = _words(schema.get("items", {}))
        return f"list of {kind}", link
    kind = schema.get("type", "anything")
    return (" or ".join(kind) if isinstance(kind, list) else str(kind)) + _format(schema), ""


def _format(schema: Schema) -> str:
    return f" ({schema['format']})" if "format" in schema else ""
