"""Keeping the spool to what is awaited: uploads nobody finishes, files that nobody refers to any more."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from marketplace.catalogue import spool, validating
from marketplace.catalogue.actions.versions import ABANDONED
from marketplace.catalogue.models import ModelVersion, Upload

STALE = timedelta(days=2)  # for which an upload may stand still
UNDELIVERED = timedelta(days=14)  # for which a checked file may wait to be delivered

State = ModelVersion.State


def abandon_stale_uploads() -> int:
    """Gives up uploads that were begun long ago and are not whole; how many."""
    stale = ModelVersion.objects.filter(state=State.UPLOADING, created__lt=timezone.now() - STALE)
    given_up = 0
    for upload in Upload.objects.filter(version__in=stale).order_by("pk"):
        still = ModelVersion.objects.filter(pk=upload.version_id, state=State.UPLOADING)
        if still.update(state=State.REJECTED, report={"findings": [ABANDONED]}):
            validating.discard(upload.pk)
            given_up += 1
    return given_up


def remove_strays() -> int:
    """Deletes files whose upload is over, and those that waited too long to be delivered; how many."""
    old = Upload.objects.filter(deleted__isnull=True, created__lt=timezone.now() - UNDELIVERED)
    old.filter(version__state__in=(State.READY, State.PUBLISHED)).update(deleted=timezone.now())
    present = spool.uploads()
    awaited = set(Upload.objects.filter(pk__in=present, deleted__isnull=True).values_list("pk", flat=True))
    strays = [upload for upload in present if upload not in awaited]
    for upload in strays:
        spool.remove(upload)
    return len(strays)
