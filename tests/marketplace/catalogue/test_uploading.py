"""Uploads: resumable, bounded, checked, and never half-done."""

from __future__ import annotations

import errno
import os
import threading

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.digest import sha256
from assay.errors import Refused, TooLarge
from marketplace.catalogue import actions, spool, validating
from marketplace.catalogue.actions import versions
from marketplace.catalogue.interfaces import declaration, reference_of
from marketplace.catalogue.models import ModelVersion, Upload
from marketplace.errors import Conflict, NoSpace
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox

pytestmark = pytest.mark.django_db


def content(version) -> bytes:
    return spool.path_of(version.upload.pk).read_bytes()


def findings(version) -> list[str]:
    version.refresh_from_db()
    return [finding["code"] for finding in version.report["findings"] if finding["level"] == "error"]


def test_an_upload_in_parts_becomes_a_ready_version(uploading, onnx_file):
    actions.receive(uploading, 0, [onnx_file[:10], onnx_file[10:20]])
    actions.receive(uploading, 20, [onnx_file[20:]])
    uploading.refresh_from_db()
    assert uploading.state == ModelVersion.State.VALIDATING
    assert outbox.carry_out() == 1
    uploading.refresh_from_db()
    assert uploading.state == ModelVersion.State.READY
    assert bytes(uploading.digest) == sha256(onnx_file)
    assert bytes(uploading.commitment) == reference_of(uploading).commitment
    assert [port["name"] for port in uploading.interface["inputs"]] == ["x"]
    assert uploading.interface["labels"] == ["low", "middle", "high"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(whole=st.binary(min_size=1, max_size=100), steps=st.lists(st.tuples(st.integers(1, 60), st.booleans())))
def test_however_it_is_cut_and_interrupted_the_same_bytes_arrive(cast, model, declared, whole, steps):
    version = actions.begin_version(cast.asha.actor, model, len(whole), declared)
    for size, killed in [*steps, (len(whole), False)]:
        offset = Upload.objects.get(version=version).received
        part = whole[offset : offset + size]
        if killed:  # after writing, before the count was kept
            spool.append(version.upload.pk, offset, len(whole), [part])
        elif offset < len(whole):
            actions.receive(version, offset, [part])
    assert content(version) == whole
    ModelVersion.objects.filter(pk=version.pk).update(state=ModelVersion.State.REJECTED)


@pytest.mark.parametrize("offset", [1, 11, 10**15])
def test_an_offset_that_lies_is_told_the_right_one(uploading, onnx_file, offset):
    actions.receive(uploading, 0, [onnx_file[:10]])
    with pytest.raises(Conflict) as caught:
        actions.receive(uploading, offset, [b"x"])
    assert (caught.value.code, caught.value.expected) == ("wrong-offset", "10")
    assert content(uploading) == onnx_file[:10]


def test_more_bytes_than_announced_are_refused_and_not_kept(uploading, onnx_file):
    actions.receive(uploading, 0, [onnx_file[:10]])
    with pytest.raises(TooLarge):
        actions.receive(uploading, 10, [onnx_file[10:], b"more"])
    assert content(uploading) == onnx_file[:10]
    assert Upload.objects.get(version=uploading).received == 10
    assert not Outbox.objects.exists()


def test_a_complete_upload_takes_no_more(ready):
    with pytest.raises(Conflict) as caught:
        actions.receive(ready, 0, [b"again"])
    assert caught.value.code == "upload-complete"


def test_a_file_that_is_not_the_one_announced_is_rejected(cast, model, declared, onnx_file):
    version = actions.begin_version(cast.asha.actor, model, len(onnx_file), declared, sha256(b"another"))
    actions.receive(version, 0, [onnx_file])
    outbox.carry_out()
    assert findings(version) == ["digest-mismatch"]
    assert not spool.path_of(version.upload.pk).exists()


def test_a_file_that_is_no_model_is_rejected_with_reasons_and_deleted(cast, model, declared):
    version = actions.begin_version(cast.asha.actor, model, 7, declared)
    actions.receive(version, 0, [b"garbage"])
    outbox.carry_out()
    version.refresh_from_db()
    assert version.state == ModelVersion.State.REJECTED
    assert findings(version)
    assert version.interface is None
    assert not spool.path_of(version.upload.pk).exists()


@pytest.mark.parametrize(
    ("declared", "pointers"),
    [
        ({"inputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}]}, ["/interface/inputs"]),
        (
            {"inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 5]}]},
            ["/interface/inputs/0/datatype", "/interface/inputs/0/shape"],
        ),
        ({"outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1]}]}, ["/interface/outputs/0/shape"]),
        ({"labels": ["one", "two"]}, ["/interface/labels"]),
        (
            {"preprocessing": {"kind": "image", "input": "x", "height": 3, "width": 3}},
            ["/interface/preprocessing"],
        ),
        ({"preprocessing": {"kind": "row", "input": "y", "fields": [{"name": "a"}]}}, None),
        (
            {"preprocessing": {"kind": "row", "input": "x", "fields": [{"name": "a"}]}},
            ["/interface/preprocessing"],
        ),
    ],
)
def test_each_way_in_which_the_owners_word_and_the_graph_differ_is_named(
    cast, model, onnx_file, declared, pointers
):
    version = actions.begin_version(cast.asha.actor, model, len(onnx_file), declaration(declared))
    actions.receive(version, 0, [onnx_file])
    outbox.carry_out()
    version.refresh_from_db()
    assert version.state == ModelVersion.State.REJECTED
    errors = [finding for finding in version.report["findings"] if finding["level"] == "error"]
    assert {finding["code"] for finding in errors} == {"wrong-interface"}
    assert all(finding["expected"] and finding["got"] for finding in errors)
    if pointers:
        assert [finding["pointer"] for finding in errors] == pointers


@pytest.mark.parametrize("size", [0, -1, versions.MAX_FILE + 1])
def test_an_impossible_size_is_refused(cast, model, declared, size):
    with pytest.raises(TooLarge):
        actions.begin_version(cast.asha.actor, model, size, declared)
    assert not ModelVersion.objects.exists()


def test_a_digest_of_the_wrong_length_is_refused(cast, model, declared):
    with pytest.raises(Refused):
        actions.begin_version(cast.asha.actor, model, 10, declared, b"short")


def test_unfinished_uploads_are_limited(cast, model, declared):
    begun = [actions.begin_version(cast.asha.actor, model, 10, declared) for _ in range(versions.MAX_UPLOADING)]
    with pytest.raises(Conflict):
        actions.begin_version(cast.asha.actor, model, 10, declared)
    actions.abandon(begun[0])
    actions.begin_version(cast.asha.actor, model, 10, declared)


def test_one_organisation_cannot_fill_the_spool(cast, model, declared, monkeypatch):
    monkeypatch.setattr(versions, "MAX_SPOOLED", 25)
    for _ in range(2):
        actions.begin_version(cast.asha.actor, model, 10, declared)
    with pytest.raises(Conflict) as caught:
        actions.begin_version(cast.asha.actor, model, 10, declared)
    assert caught.value.code == "spool-full"


def test_a_nearly_full_disk_is_a_refusal_before_the_upload_begins(cast, model, declared, monkeypatch):
    monkeypatch.setattr(spool, "RESERVE", 2**62)
    with pytest.raises(NoSpace):
        actions.begin_version(cast.asha.actor, model, 10, declared)


def test_a_disk_that_fills_up_leaves_what_was_received(uploading, onnx_file, monkeypatch):
    actions.receive(uploading, 0, [onnx_file[:10]])
    write = os.pwrite

    def full(handle, data, offset):
        if offset >= 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[:4], offset)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(NoSpace):
        actions.receive(uploading, 10, [onnx_file[10:]])
    monkeypatch.undo()
    assert content(uploading) == onnx_file[:10]
    actions.receive(uploading, 10, [onnx_file[10:]])
    assert content(uploading) == onnx_file


def test_an_upload_given_up_is_deleted_and_takes_no_more(uploading, onnx_file):
    actions.receive(uploading, 0, [onnx_file[:10]])
    actions.abandon(uploading)
    outbox.carry_out()
    assert not spool.path_of(uploading.upload.pk).exists()
    with pytest.raises(Conflict):
        actions.receive(uploading, 10, [onnx_file[10:]])
    assert findings(uploading) == ["abandoned"]


def test_versions_are_numbered_from_one_without_gaps(cast, model, declared):
    numbers = [actions.begin_version(cast.asha.actor, model, 10, declared).number for _ in range(3)]
    assert numbers == [1, 2, 3]


def test_the_spool_is_for_this_account_alone(uploading, onnx_file):
    actions.receive(uploading, 0, [onnx_file])
    path = spool.path_of(uploading.upload.pk)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_link_planted_in_the_spool_is_not_followed(uploading, onnx_file, tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    spool.path_of(uploading.upload.pk).symlink_to(target)
    with pytest.raises(OSError):
        actions.receive(uploading, 0, [onnx_file])
    assert target.read_bytes() == b"precious"


# --- the check --------------------------------------------------------------------------------------------


def test_a_check_that_was_killed_is_done_again_and_ends_the_same(uploading, onnx_file, monkeypatch):
    actions.receive(uploading, 0, [onnx_file])

    def killed(*_):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(validating, "_accept", killed)
        with pytest.raises(SystemExit):
            outbox.carry_out()
    assert outbox.carry_out() == 0, "until its lease has run out nobody else does it"
    Outbox.objects.update(due="2020-01-01T00:00:00Z")
    assert outbox.carry_out() == 1
    uploading.refresh_from_db()
    assert uploading.state == ModelVersion.State.READY


def test_a_check_done_twice_changes_nothing(ready):
    before = ModelVersion.objects.values().get(pk=ready.pk)
    validating.validate(ready.pk)
    assert ModelVersion.objects.values().get(pk=ready.pk) == before


def test_a_file_that_vanished_rejects_its_version(uploading, onnx_file):
    actions.receive(uploading, 0, [onnx_file])
    spool.remove(uploading.upload.pk)
    outbox.carry_out()
    assert findings(uploading) == ["file-gone"]


# --- two at once ------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_requests_sending_the_same_part_one_is_turned_away(uploading, onnx_file):
    inside, go_on = threading.Event(), threading.Event()

    def slowly():
        inside.set()
        assert go_on.wait(20)
        yield onnx_file

    def first():
        try:
            actions.receive(uploading, 0, slowly())
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(20)
    with pytest.raises(Conflict) as caught:
        actions.receive(uploading, 0, [b"x" * len(onnx_file)])
    go_on.set()
    thread.join()
    assert caught.value.code == "upload-busy"
    assert content(uploading) == onnx_file
    assert Upload.objects.get(version=uploading).received == len(onnx_file)
