"""Checking an uploaded file: its digest, its graph in a limited subprocess, and the owner's word against both.

Runs in a worker, at least once. A verdict is written only while the version waits for one, so doing it twice, or
being killed half-way and done again, ends the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from django.utils import timezone

from assay.errors import Unavailable
from assay.model import Interface, ModelReference
from inference.validation import Finding, Report, validate_sync
from marketplace.catalogue import interfaces, spool
from marketplace.catalogue.interfaces import Declaration
from marketplace.catalogue.models import ModelVersion, Upload

State = ModelVersion.State


def validate(version: int, *, last: bool = False) -> None:
    """Judges the uploaded file of this version, if it still waits for that.

    Raises Unavailable where the examination could not be carried out, through no fault of the file, unless this
    is the `last` try.
    """
    upload = Upload.objects.filter(version=version, version__state=State.VALIDATING).first()
    if upload is None:
        return
    try:
        report = validate_sync(spool.path_of(upload.pk))
    except FileNotFoundError:
        gone = Finding(
            level="error", code="file-gone", detail="the file is no longer here", hint="Upload it again."
        )
        _reject(upload, {"findings": [interfaces.plain(gone)]})
        return
    if not last and any(finding.code == "not-examined" for finding in report.findings):
        raise Unavailable("the file could not be examined now", pointer=str(version))
    interface, findings = _judge(upload, report)
    report = msgspec.structs.replace(report, findings=(*report.findings, *findings))
    if interface is None:
        _reject(upload, interfaces.plain(report))
    else:
        _accept(upload, report, interface)


def discard(upload: int) -> None:
    """Deletes the spooled file of an upload that came to nothing, or that a node has now."""
    Upload.objects.filter(pk=upload, deleted__isnull=True).update(deleted=timezone.now())
    spool.remove(upload)


def _judge(upload: Upload, report: Report) -> tuple[Interface | None, Iterable[Finding]]:
    announced = bytes(upload.digest) if upload.digest is not None else report.digest
    if report.digest != announced:
        corrupt = Finding(
            level="error",
            code="digest-mismatch",
            detail="the file that arrived is not the one announced",
            expected=announced.hex(),
            got=report.digest.hex(),
            hint="Upload it again.",
        )
        return None, (corrupt,)
    if not report.accepted:
        return None, ()
    return interfaces.complete(msgspec.convert(upload.declared, Declaration), report.ports)


def _accept(upload: Upload, report: Report, interface: Interface) -> None:
    reference = ModelReference(digest=report.digest, interface=interface)
    _verdict(
        upload,
        state=State.READY,
        digest=reference.digest,
        commitment=reference.commitment,
        interface=interfaces.plain(interface),
        report=interfaces.plain(report),
    )


def _reject(upload: Upload, report: dict[str, Any]) -> None:
    if _verdict(upload, state=State.REJECTED, report=report):
        discard(upload.pk)


def _verdict(upload: Upload, **fields: Any) -> bool:
    """Whether it still waited for one."""
    return bool(ModelVersion.objects.filter(pk=upload.version_id, state=State.VALIDATING).update(**fields))
