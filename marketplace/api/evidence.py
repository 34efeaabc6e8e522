"""Evidence against members of groups: handed in, listed, and the very bytes of it for whoever wants to check; and
the strikes that follow from it, or from certificates.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

import msgspec
from django.http import HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from assay.agreement.blame.evidence import parse
from marketplace.api import bodies
from marketplace.api.cards import Hex
from marketplace.api.catalogue import viewer_of
from marketplace.api.certificates import CBOR, JSON, AnyRenderer
from marketplace.api.pagination import QUERY, Page, page
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.errors import NotFound
from marketplace.groups import evidence
from marketplace.groups.models import Evidence as Row
from marketplace.groups.models import Strike

FORMS = {JSON: {"type": "object"}, CBOR: {"type": "string", "format": "binary"}}

_NAME = re.compile(r"([0-9a-f]{64})(\.cbor|\.json)?", re.ASCII)


class CborBody(bodies.JsonBody):
    """Taken as it is."""

    media_type = CBOR


class EvidenceCard(msgspec.Struct, frozen=True):
    """That members of a group have broken their word.

    `sha256` names its canonical CBOR, which `/groups/{group}/evidence/{sha256}` gives and `assay audit --check`
    checks. `struck` are the owners who got a strike by this piece; an earlier one may have struck others for it.
    """

    sha256: Hex
    group: str
    kind: str
    sentence: str
    struck: list[str]
    created: dt.datetime


class StrikeCard(msgspec.Struct, frozen=True):
    """That an owner is proven to have broken its word, `about` one thing.

    By `evidence`, its own signatures; or by a `certificate`, in which 2f + 1 members have signed that it withheld
    the answer to which it had committed. That one is shown to whom it was made for and to the struck owner.
    """

    organisation: str
    about: str
    evidence: Annotated[Hex | None, msgspec.Meta(description="SHA-256")]
    certificate: Annotated[Hex | None, msgspec.Meta(description="SHA-256")]
    created: dt.datetime


class EvidenceOfGroup(View):
    """At /groups/{slug}/evidence."""

    open_to_all = True
    parser_classes = (bodies.JsonBody, CborBody)

    @describe("List evidence", answer=Page[EvidenceCard], query=QUERY, open_to_all=True)
    def get(self, request: Request, slug: str) -> Response:
        """Newest first: all that is proven against members of the group, withdrawn or not."""
        of = evidence.group(viewer_of(request), slug)
        return Response(page(request, evidence.of_group(of), card))

    @describe("Hand in evidence", body=FORMS, answer=EvidenceCard, status=201)
    def post(self, request: Request, slug: str) -> Response:
        """What `assay audit` writes, in CBOR or JSON. It is checked; each deed is struck once.

        Answers with 200 and the piece that is known where this one tells nothing new.
        """
        actor = actor_of(request)
        kept, is_news = evidence.submit(actor, evidence.accusable(actor, slug), bodies.raw(request))
        location = f"/api/v1/groups/{slug}/evidence/{kept.hex}"
        return Response(card(kept), status=201 if is_news else 200, headers={"Location": location})


class OneEvidence(View):
    """At /groups/{slug}/evidence/{sha256}, with .cbor or .json if one likes."""

    open_to_all = True
    renderer_classes = (AnyRenderer,)

    @describe("Get evidence", answer=FORMS, open_to_all=True)
    def get(self, request: Request, slug: str, name: str) -> HttpResponseBase:
        """Its canonical JSON, or the CBOR bytes whose SHA-256 is its name: by ending, else by `Accept`."""
        match = _NAME.fullmatch(name)
        if match is None:
            raise NotFound("no such evidence", expected="64 hexadecimal digits", got=name[:80])
        found = evidence.one(viewer_of(request), slug, bytes.fromhex(match[1]))
        document = bytes(found.document)
        if match[2] == ".cbor" or (match[2] is None and CBOR in request.headers.get("Accept", "")):
            return _file(document, CBOR, f"{found.kind}-{found.hex[:16]}.cbor")
        return _file(parse(document).to_json().encode(), JSON, f"{found.kind}-{found.hex[:16]}.json")


class StrikesOfGroup(View):
    """At /groups/{slug}/strikes."""

    open_to_all = True

    @describe("List strikes", answer=Page[StrikeCard], query=QUERY, open_to_all=True)
    def get(self, request: Request, slug: str) -> Response:
        """Newest first: who has been struck for what, whether the group was withdrawn or not."""
        of = evidence.group(viewer_of(request), slug)
        return Response(page(request, evidence.strikes(of), _strike))


def _strike(row: Strike) -> StrikeCard:
    return StrikeCard(
        organisation=row.member.organisation.slug,
        about=row.about,
        evidence=row.evidence.hex if row.evidence else None,
        certificate=row.certificate.hex if row.certificate else None,
        created=row.created,
    )


def card(row: Row) -> EvidenceCard:
    return EvidenceCard(
        sha256=row.hex,
        group=row.group.slug,
        kind=row.kind,
        sentence=row.sentence,
        struck=[each.member.organisation.slug for each in row.strikes.all()],
        created=row.created,
    )


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Vary"] = "Accept, Authorization, Cookie"
    return answer
