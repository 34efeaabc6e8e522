"""New versions: announced and uploaded in parts, or registered from the owner's own node.

    begin_version ─► receive, as often as needed ─► (a task checks the file) ─► ready | rejected
    register_version ─► ready
    begin_again ─► receive: brings a delivered file back, so that a further node can have it

An upload may be interrupted anywhere: `received` says where to go on. The last byte starts the check.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Max, Sum
from django.utils import timezone

from assay.digest import SIZE
from assay.errors import Refused, TooLarge
from assay.model import ModelReference
from inference.validation import LIMITS, Report
from marketplace import text
from marketplace.accounts.access import Actor
from marketplace.catalogue import interfaces, spool
from marketplace.catalogue.held import held
from marketplace.catalogue.interfaces import Declaration
from marketplace.catalogue.models import Model, ModelVersion, Upload
from marketplace.errors import Conflict
from marketplace.predictions import outbox

MAX_FILE = LIMITS.file_bytes
MAX_SPOOLED = 2 * 1024**3  # bytes in the spool at one time, announced ones included, of one organisation
MAX_UPLOADING = 5  # unfinished uploads of one model

State, Weights = ModelVersion.State, ModelVersion.Weights


def begin_version(
    actor: Actor, model: Model, size: int, declared: Declaration, digest: bytes | None = None
) -> ModelVersion:
    """Announces a file of `size` bytes (and, if given, SHA-256 `digest`); `version.upload` takes its bytes.

    Raises TooLarge, Conflict, NoSpace.
    """
    if not 1 <= size <= MAX_FILE:
        raise TooLarge(
            "no size for a model file", pointer="/size", expected=f"1 to {MAX_FILE} bytes", got=str(size)
        )
    _require_digest(digest)
    with _locked(model):
        if model.versions.filter(state=State.UPLOADING).count() >= MAX_UPLOADING:
            raise Conflict("too many unfinished uploads", code="too-many-uploads", hint="Finish or abandon one.")
        _require_room(model, size)
        version = _new(actor, model, State.UPLOADING, Weights.DELIVERED, size=size)
        Upload.objects.create(version=version, size=size, digest=digest, declared=interfaces.plain(declared))
    return version


def begin_again(version: ModelVersion) -> Upload:
    """Awaits the file of a ready version once more, which was deleted here when its node had it.

    Raises Conflict where it is here, or was never meant to be; NoSpace.
    """
    with _locked(version.model):
        upload = Upload.objects.select_for_update(of=("self",)).filter(version=version).first()
        if upload is None or version.digest is None:
            raise Conflict("this version's file is not uploaded here", code="not-uploading", got=version.state)
        if upload.deleted is None:
            raise Conflict("the file is here", code="upload-complete")
        _require_room(version.model, upload.size)
        upload.received, upload.deleted, upload.created = 0, None, timezone.now()
        upload.save(update_fields=["received", "deleted", "created"])
    return upload


def receive(version: ModelVersion, offset: int, chunks: Iterable[bytes]) -> Upload:
    """Takes the bytes that follow `offset`, and starts the check once all are there.

    Raises Conflict where `offset` is not where the upload stands (`expected` says where it does), where another
    request is sending right now, or where nothing is awaited; TooLarge, NoSpace. Bytes refused are not kept.
    """
    with not_while_sending(), transaction.atomic():
        upload = _held_upload(version, nowait=True)
        _require_awaited(upload, offset)
        upload.received = spool.append(upload.pk, offset, upload.size, chunks)
        upload.save(update_fields=["received"])
        first = ModelVersion.objects.filter(pk=version.pk, state=State.UPLOADING)
        if upload.received == upload.size and first.update(state=State.VALIDATING):
            outbox.add("catalogue.validate", version=version.pk)
    return upload


@contextlib.contextmanager
def not_while_sending() -> Iterator[None]:
    """Raises Conflict where the block would wait for an upload's row, which a request that sends bytes holds."""
    try:
        yield
    except OperationalError as error:
        if "could not obtain lock" not in str(error):
            raise
        raise Conflict("another request is sending this file", code="upload-busy") from error


def abandon(version: ModelVersion) -> None:
    """Gives an unfinished upload up: the version is rejected and what came of the file deleted."""
    with transaction.atomic():
        upload = _held_upload(version)
        abandoned = ModelVersion.objects.filter(pk=version.pk, state=State.UPLOADING).update(
            state=State.REJECTED, report={"findings": [ABANDONED]}
        )
        if not abandoned:
            raise Conflict("the upload is complete", code="not-uploading")
        outbox.add("catalogue.discard", upload=upload.pk)


ABANDONED = {"level": "error", "code": "abandoned", "detail": "the upload was not finished"}


def register_version(actor: Actor, model: Model, reference: ModelReference, report: Report) -> ModelVersion:
    """A version whose file stays on the owner's node, which has examined it: digest, interface and report.

    Registered again, as after an answer that was lost, it is the same version.

    Raises Refused where the three contradict each other.
    """
    if report.digest != reference.digest:
        raise Refused(
            "the report is about another file",
            code="wrong-report",
            pointer="/report/digest",
            expected=reference.digest.hex(),
            got=report.digest.hex(),
        )
    text.everywhere(interfaces.plain(report), "/report")
    if not report.accepted:
        raise Refused("the node refused this file", code="not-accepted", pointer="/report/findings")
    declared = interfaces.declaration(interfaces.plain(reference.interface))
    interface, findings = interfaces.complete(declared, report.ports)
    if interface is None:
        first = findings[0]
        raise Refused(first.detail, code=first.code, pointer=first.pointer, expected=first.expected, got=first.got)
    with _locked(model):
        alike = model.versions.filter(commitment=reference.commitment, weights=Weights.NEVER_HERE)
        return alike.filter(state__in=(State.READY, State.PUBLISHED)).last() or _new(
            actor,
            model,
            State.READY,
            Weights.NEVER_HERE,
            size=report.size,
            digest=reference.digest,
            commitment=reference.commitment,
            interface=interfaces.plain(interface),
            report=interfaces.plain(report),
        )


def _held_upload(version: ModelVersion, *, nowait: bool = False) -> Upload:
    for upload in Upload.objects.select_for_update(nowait=nowait, of=("self",)).filter(version=version):
        return upload
    raise Conflict("this version's file is not uploaded here", code="not-uploading", got=version.state)


def _require_awaited(upload: Upload, offset: int) -> None:
    if upload.received >= upload.size or upload.deleted is not None:
        raise Conflict("this file is complete", code="upload-complete", got=f"{upload.received} bytes")
    if upload.version.state not in (State.UPLOADING, State.READY, State.PUBLISHED):
        raise Conflict("this upload was given up", code="not-uploading", got=upload.version.state)
    if offset != upload.received:
        raise Conflict(
            "not where the upload stands",
            code="wrong-offset",
            pointer="Upload-Offset",
            expected=str(upload.received),
            got=str(offset),
        )


def _require_room(model: Model, size: int) -> None:
    waiting = Upload.objects.filter(version__model__organisation=model.organisation, deleted__isnull=True)
    if (waiting.aggregate(sum=Sum("size"))["sum"] or 0) + size > MAX_SPOOLED:
        raise Conflict(
            "too much waits to be delivered",
            code="spool-full",
            expected=f"at most {MAX_SPOOLED} bytes",
            hint="Deploy what you have uploaded: a file is deleted here once your node has it.",
        )
    spool.require_space(size)


def _require_digest(digest: bytes | None) -> None:
    if digest is not None and len(digest) != SIZE:
        raise Refused("not a SHA-256", pointer="/sha256", expected=f"{SIZE} bytes", got=f"{len(digest)} bytes")


@contextlib.contextmanager
def _locked(model: Model) -> Iterator[None]:
    """A transaction in which nobody else makes a version of `model`."""
    with transaction.atomic():
        held(model)
        yield


def _new(actor: Actor, model: Model, state: str, weights: str, **fields: Any) -> ModelVersion:
    last = model.versions.aggregate(last=Max("number"))["last"] or 0
    return ModelVersion.objects.create(
        model=model, number=last + 1, state=state, weights=weights, created_by=actor.user, **fields
    )
