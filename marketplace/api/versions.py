"""Versions of a model: announce and upload a file, or register one that stays on the owner's node; publish."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from assay.errors import Refused, TooLarge
from assay.model import Interface, ModelReference
from inference.validation import Report
from marketplace.api import bodies, cards
from marketplace.api.cards import Hex, Model, Version, VersionDetail, VersionState
from marketplace.api.catalogue import shown, viewer_of
from marketplace.api.pagination import QUERY, Page, page
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.catalogue import access, actions, interfaces
from marketplace.catalogue.actions.versions import MAX_FILE
from marketplace.catalogue.interfaces import Declaration
from marketplace.catalogue.models import ModelVersion, Upload

MAX_PART = 64 * 1024 * 1024  # bytes of one PUT
READ = 1024 * 1024

OFFSET, LENGTH = "Upload-Offset", "Upload-Length"


class Delivered(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="weights", tag="delivered", kw_only=True
):
    """A file that will be uploaded here, checked, delivered to the owner's node, and then deleted here.

    Ports left out of `interface` are read from the file.
    """

    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_FILE, description="Bytes of the ONNX file")]
    sha256: Hex | None = None
    interface: Declaration = Declaration()


class NeverHere(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="weights", tag="never-here", kw_only=True
):
    """A file that stays on the owner's node, which has examined it: what `assay-node add` prints."""

    sha256: Hex
    interface: Interface
    report: Report


class UploadStands(msgspec.Struct, frozen=True):
    """How much of an announced file is here. The last byte starts the check."""

    offset: int
    size: int
    state: VersionState


class Bytes(BaseParser):
    """Leaves the body to be read piece by piece."""

    media_type = "application/octet-stream"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class Versions(View):
    """At /models/{owner}/{name}/versions."""

    open_to_all = True

    @describe("List versions", answer=Page[Version], query=QUERY, open_to_all=True)
    def get(self, request: Request, owner: str, name: str) -> Response:
        """Newest first: the published ones, or all of one's own."""
        viewer = viewer_of(request)
        found = access.visible_versions(viewer, access.model(viewer, owner, name))
        return Response(page(request, found.defer("report", "examples"), cards.version))

    @describe("Add a version", body=Delivered | NeverHere, answer=VersionDetail, status=201)
    def post(self, request: Request, owner: str, name: str) -> Response:
        """Announces a file to be uploaded, or registers one that never leaves the owner's node."""
        actor = actor_of(request)
        model = access.managed_model(actor, owner, name)
        asked: Delivered | NeverHere = bodies.body(request, Delivered | NeverHere)  # type: ignore[arg-type]
        match asked:
            case Delivered(size=size, sha256=sha256, interface=declared):
                digest = bytes.fromhex(sha256) if sha256 else None
                version = actions.begin_version(actor, model, size, interfaces.checked(declared), digest)
            case NeverHere(sha256=sha256, interface=interface, report=report):
                reference = ModelReference(bytes.fromhex(sha256), interface.checked("/interface"))
                version = actions.register_version(actor, model, reference, report)
        location = {"Location": f"/api/v1/models/{model}/versions/{version.number}"}
        return Response(cards.detail(actor, version), status=201, headers=location)


class OneVersion(View):
    """At /models/{owner}/{name}/versions/{number}."""

    open_to_all = True

    @describe("Get a version", answer=VersionDetail, open_to_all=True)
    def get(self, request: Request, owner: str, name: str, number: int) -> Response:
        """With the check's findings, upload and deployments if it is one's own."""
        viewer = viewer_of(request)
        return Response(cards.detail(viewer, access.version(viewer, owner, name, number)))

    @describe("Discard a version", answer=VersionDetail)
    def delete(self, request: Request, owner: str, name: str, number: int) -> Response:
        """One that was refused, or was never published, held by a node or asked. The answer is what it was."""
        actor = actor_of(request)
        version = access.managed_version(actor, owner, name, number)
        answer = cards.detail(actor, version)
        actions.discard_version(actor, version)
        return Response(answer)


class File(View):
    """At /models/{owner}/{name}/versions/{number}/file: the upload of an announced file, in parts of any size."""

    parser_classes = (Bytes,)

    @describe("Ask how an upload stands", answer=UploadStands)
    def get(self, request: Request, owner: str, name: str, number: int) -> Response:
        """Where to go on; `HEAD` gives the same in `Upload-Offset` and `Upload-Length`."""
        return _stands(access.managed_version(actor_of(request), owner, name, number))

    def head(self, request: Request, owner: str, name: str, number: int) -> Response:
        return self.get(request, owner, name, number)

    @describe("Upload a file once more", answer=UploadStands, status=201)
    def post(self, request: Request, owner: str, name: str, number: int) -> Response:
        """Awaits the file of a ready version again, which was deleted here, so that a further node can have it."""
        version = access.managed_version(actor_of(request), owner, name, number)
        actions.begin_again(version)
        return _stands(version, status=201)

    @describe(
        "Upload a part of the file",
        body={"application/octet-stream": {"type": "string", "format": "binary", "maxLength": MAX_PART}},
        answer=UploadStands,
        headers={OFFSET: "How many bytes are there already; 409 `wrong-offset` says how many there really are"},
    )
    def put(self, request: Request, owner: str, name: str, number: int) -> Response:
        """The bytes that follow. The last ones start the check, whose outcome the version's `state` tells."""
        version = access.managed_version(actor_of(request), owner, name, number)
        offset = _offset(request)
        _require_part(request)
        if _upload(version) is None:
            raise Refused("this version's file is not uploaded here", code="not-uploading")
        stream: Any = request.data
        actions.receive(version, offset, iter(lambda: stream.read(READ), b""))
        return _stands(version)

    @describe("Give an upload up", answer=VersionDetail)
    def delete(self, request: Request, owner: str, name: str, number: int) -> Response:
        """What has been uploaded is deleted, and the version rejected."""
        actor = actor_of(request)
        version = access.managed_version(actor, owner, name, number)
        if _upload(version) is None:
            raise Refused("this version's file is not uploaded here", code="not-uploading")
        actions.abandon(version)
        version.refresh_from_db()
        return Response(cards.detail(actor, version))


class Publish(View):
    """At /models/{owner}/{name}/versions/{number}/publish."""

    @describe("Publish a version", answer=Model)
    def post(self, request: Request, owner: str, name: str, number: int) -> Response:
        """Makes it the one that answers to `owner/name`. An earlier one may be published again."""
        actor = actor_of(request)
        version = access.managed_version(actor, owner, name, number)
        return Response(shown(actions.publish(actor, version)))


def _stands(version: ModelVersion, status: int = 200) -> Response:
    upload = _upload(version)
    version.refresh_from_db(fields=["state"])
    size, received = (upload.size, upload.received) if upload else (version.size, 0)
    return Response(
        UploadStands(received, size, version.state),
        status=status,
        headers={OFFSET: str(received), LENGTH: str(size)},
    )


def _upload(version: ModelVersion) -> Upload | None:
    return Upload.objects.filter(version=version).first()


def _offset(request: Request) -> int:
    text = request.headers.get(OFFSET, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise Refused(
            "not an offset", code="invalid-header", pointer=OFFSET, expected="a number of bytes", got=text[:40]
        )
    return int(text)


def _require_part(request: Request) -> None:
    length = request.headers.get("Content-Length") or "0"
    if length.isdigit() and int(length) > MAX_PART:
        raise TooLarge(
            "too much at once", pointer="Content-Length", expected=f"at most {MAX_PART} bytes", got=length
        )
