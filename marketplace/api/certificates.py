"""Certificates: the bytes as they were made, in CBOR or JSON; and the check, for whoever has no copy of it."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from assay import certificate as certificates
from assay import jsonform
from assay.errors import AssayError, Refused
from assay.model import Interface
from assay.preprocessing import from_payload
from assay.tensor import Tensor
from assay.verify import Report, Trust, verify
from marketplace.api import bodies
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.certificates import access
from marketplace.errors import NotFound

CBOR, JSON = "application/cbor", "application/json"

_NAME = re.compile(r"([0-9a-f]{64})(\.cbor|\.json)?", re.ASCII)
_SALT = re.compile(r"[0-9a-f]{64}", re.ASCII)


class AnyRenderer(bodies.JsonRenderer):
    """The view looks at `Accept` itself."""

    media_type = "*/*"


class OneCertificate(View):
    """At /certificates/{sha256}, with .cbor or .json if one likes."""

    renderer_classes = (AnyRenderer,)

    @describe("Get a certificate", answer={JSON: {"type": "object"}, CBOR: {"type": "string", "format": "binary"}})
    def get(self, request: Request, name: str) -> HttpResponseBase:
        """Its canonical JSON, or the CBOR bytes whose SHA-256 is its id: by ending, else by `Accept`."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise NotFound("no such certificate", expected="64 hexadecimal digits", got=name[:80])
        found = access.certificate(actor_of(request), bytes.fromhex(match[1]))
        document = bytes(found.document)
        if match[2] == ".cbor" or (match[2] is None and CBOR in request.headers.get("Accept", "")):
            return _file(document, CBOR, f"{found.hex}.cbor")
        return _file(certificates.parse(document).to_json().encode(), JSON, f"{found.hex}.json")


class ToVerify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate, whom you trust, and what you know of the input.

    `certificate` is its JSON, as an object. `inputs` are as in a prediction, with the `salt` that came with it.
    """

    certificate: dict[str, Any]
    providers: Annotated[list[str], msgspec.Meta(max_length=1000)] = []
    groups: Annotated[list[str], msgspec.Meta(max_length=1000)] = []
    models: Annotated[list[str], msgspec.Meta(max_length=1000)] = []
    inputs: Annotated[list[Any], msgspec.Meta(max_length=16)] | None = None
    salt: str | None = None


class Verdict(msgspec.Struct, frozen=True):
    """Three facts apart: `valid`, `pinned` (null: nobody was named), `input_matches` (null: no input given).

    `epochs`: of a group, those of which 2f + 1 members' keys are trusted by whoever believes it.
    """

    valid: bool
    pinned: bool | None
    input_matches: bool | None
    exit_code: int
    anchor: str | None
    epochs: list[int]
    claims: list[str]
    caveats: list[str]
    findings: list[dict[str, str]]


class Verify(View):
    """At /certificates/verify."""

    open_to_all = True

    @describe("Check a certificate", body=ToVerify, answer=Verdict, open_to_all=True)
    def post(self, request: Request) -> Response:
        """The same check as `assay verify`. Nothing is stored, and nobody needs to say who they are."""
        jsonform.require_few_values(bodies.raw(request))  # before a parser makes values of it for anybody
        asked = bodies.body(request, ToVerify)
        trust = Trust.of(asked.providers, asked.groups, asked.models)
        document = msgspec.json.encode(asked.certificate, order="sorted")
        inputs = None if asked.inputs is None else _inputs(document, asked.inputs)
        return Response(_verdict(verify(document, trust, inputs=inputs, salt=_salt(asked.salt))))


def _inputs(document: bytes, given: list[Any]) -> tuple[Tensor, ...] | None:
    """The tensors that the certificate's own interface makes of what the buyer sent."""
    try:
        interface: Interface = certificates.parse(document).interface
    except AssayError:
        return None  # the report says what is wrong with the certificate
    return from_payload(interface, given)


def _salt(text: str | None) -> bytes | None:
    if text is not None and not _SALT.fullmatch(text):
        raise Refused("not a salt", pointer="/salt", expected="64 hexadecimal digits", got=text[:80])
    return None if text is None else bytes.fromhex(text)


def _verdict(report: Report) -> Verdict:
    return Verdict(
        valid=report.valid,
        pinned=report.pinned,
        input_matches=report.input_matches,
        exit_code=report.exit_code,
        anchor=str(report.anchor) if report.anchor else None,
        epochs=list(report.epochs),
        claims=list(report.claims),
        caveats=list(report.caveats),
        findings=[finding.fields() for finding in report.findings],
    )


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'inline; filename="{name}"'
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    answer["Vary"] = "Accept, Authorization, Cookie"
    return answer
