"""What is kept in the spool, and for how long."""

from __future__ import annotations

import pytest
from django.utils import timezone

from marketplace.catalogue import actions, spool, sweeping
from marketplace.catalogue.models import ModelVersion, Upload
from tests.marketplace.catalogue.conftest import spooled

pytestmark = pytest.mark.django_db
State = ModelVersion.State


def test_an_upload_that_stands_still_is_given_up(uploading, onnx_file):
    actions.receive(uploading, 0, [onnx_file[:10]])
    assert sweeping.abandon_stale_uploads() == 0
    ModelVersion.objects.update(created=timezone.now() - sweeping.STALE)
    assert sweeping.abandon_stale_uploads() == 1
    uploading.refresh_from_db()
    assert (uploading.state, uploading.report["findings"][0]["code"]) == (State.REJECTED, "abandoned")
    assert not spooled(uploading)
    assert sweeping.abandon_stale_uploads() == 0


def test_what_is_awaited_stays(uploading, ready, onnx_file):
    assert sweeping.remove_strays() == 0
    assert spooled(ready)


def test_a_file_whose_deletion_was_interrupted_goes(ready):
    Upload.objects.update(deleted=timezone.now())
    assert sweeping.remove_strays() == 1
    assert not spooled(ready)


def test_a_file_that_nobody_knows_of_goes(db):
    spool.path_of(999_999).write_bytes(b"left over")
    assert sweeping.remove_strays() == 1
    assert spool.uploads() == []


def test_a_file_that_is_never_deployed_does_not_stay_for_ever(ready):
    Upload.objects.update(created=timezone.now() - sweeping.UNDELIVERED)
    assert sweeping.remove_strays() == 1
    assert Upload.objects.get().deleted is not None
    ready.refresh_from_db()
    assert ready.state == State.READY
