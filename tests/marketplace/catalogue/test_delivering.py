"""From the spool to a node: delivered once, confirmed before it is deleted, resumed after any death."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from assay.digest import sha256
from assay.errors import Unavailable
from assay.keys import PrivateKey
from marketplace.catalogue import actions, delivering, spool
from marketplace.catalogue.models import Deployment, ModelVersion, Upload
from marketplace.errors import Conflict, NotFound
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox
from tests.marketplace.catalogue.conftest import register, spooled
from tests.marketplace.catalogue.wired import wired as listening

pytestmark = pytest.mark.django_db
State = Deployment.State


def fresh(deployment: Deployment) -> Deployment:
    return Deployment.objects.get(pk=deployment.pk)


def due_again() -> None:
    Outbox.objects.filter(done__isnull=True).update(due="2020-01-01T00:00:00Z")


def test_a_deployment_ends_serving_and_the_file_is_deleted_here(cast, ready, live, wired, onnx_file):
    deployment = actions.deploy(cast.asha.actor, ready, live)
    assert deployment.state == State.WAITING
    outbox.carry_out()
    deployment = fresh(deployment)
    assert (deployment.state, deployment.delivered, deployment.detail) == (State.SERVING, len(onnx_file), "")
    assert bytes(wired.files[sha256(onnx_file)]) == onnx_file
    assert wired.states == {bytes(ready.commitment): "serving"}
    assert not spooled(ready)
    assert Upload.objects.get(version=ready).deleted is not None


def test_the_file_is_kept_until_the_node_has_confirmed_it(cast, ready, live, wired):
    wired.refuses = "Chunk"
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    deployment = fresh(deployment)
    assert deployment.state == State.FAILED
    assert "this node will not" in deployment.detail
    assert spooled(ready)


def test_a_failed_deployment_is_tried_again_when_asked(cast, ready, live, wired):
    wired.refuses = "Activate"
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    assert fresh(deployment).state == State.FAILED
    wired.refuses = ""
    assert actions.deploy(cast.asha.actor, ready, live) == deployment
    outbox.carry_out()
    assert fresh(deployment).state == State.SERVING
    assert wired.asked.count("Chunk") == 1, "the node had the file already"


def test_the_file_stays_while_another_node_waits_for_it(cast, ready, live, marketplace_key):
    other_key = PrivateKey.generate()
    with listening(other_key, marketplace_key.public) as other:
        other.refuses = "Load"
        other_node = register(cast.asha, other_key, other.address, "attic")
        first = actions.deploy(cast.asha.actor, ready, live)
        second = actions.deploy(cast.asha.actor, ready, other_node)
        delivering.deploy(first.pk, first.attempt)
        assert fresh(first).state == State.SERVING
        assert spooled(ready), "the second node has not been asked yet"
        other.refuses = ""
        delivering.deploy(second.pk, second.attempt)
        assert fresh(second).state == State.SERVING
        assert not spooled(ready)


def test_an_unreachable_node_is_tried_again_and_then_given_up_with_its_reason(cast, ready, node, marketplace_key):
    deployment = actions.deploy(cast.asha.actor, ready, node)
    outbox.carry_out()
    assert fresh(deployment).state == State.WAITING
    assert fresh(deployment).detail.startswith("Trying again")
    for _ in range(outbox.MAX_ATTEMPTS - 1):
        due_again()
        outbox.carry_out()
    deployment = fresh(deployment)
    assert deployment.state == State.FAILED
    assert "cannot connect" in deployment.detail
    assert spooled(ready)
    assert not Outbox.objects.filter(done__isnull=True).exists()


def test_a_delivery_whose_worker_was_killed_is_resumed_where_the_node_stands(cast, ready, live, wired, onnx_file):
    digest = sha256(onnx_file)
    wired.files[digest] = bytearray(onnx_file[:50])  # what the worker that died had sent
    deployment = actions.deploy(cast.asha.actor, ready, live)
    Deployment.objects.filter(pk=deployment.pk).update(state=State.DELIVERING, delivered=50)
    outbox.carry_out()
    assert fresh(deployment).state == State.SERVING
    assert bytes(wired.files[digest]) == onnx_file


@pytest.mark.parametrize("state", [State.DELIVERING, State.LOADING])
def test_a_worker_killed_after_the_confirmation_leaves_nothing_undone(cast, ready, live, wired, state):
    deployment = actions.deploy(cast.asha.actor, ready, live)
    delivering.deploy(deployment.pk, deployment.attempt)
    # the node serves; the worker died before it could write that down
    Deployment.objects.filter(pk=deployment.pk).update(state=state)
    outbox.carry_out()
    assert fresh(deployment).state == State.SERVING
    assert wired.asked.count("Load") == 1


def test_carrying_a_deployment_out_twice_changes_nothing(cast, ready, live, wired):
    deployment = actions.deploy(cast.asha.actor, ready, live)
    delivering.deploy(deployment.pk, deployment.attempt)
    asked = list(wired.asked)
    delivering.deploy(deployment.pk, deployment.attempt)
    assert wired.asked == asked
    assert fresh(deployment).state == State.SERVING


def test_a_busy_node_is_asked_again_within_the_same_delivery(cast, ready, live, wired):
    wired.unavailable = 1
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    assert fresh(deployment).state == State.SERVING


def test_what_does_not_hold_the_nodes_key_gets_no_bytes(cast, ready, live, wired, marketplace_key):
    with listening(PrivateKey.generate(), marketplace_key.public) as impostor:
        live.address = impostor.address
        live.save()
        deployment = actions.deploy(cast.asha.actor, ready, live)
        with pytest.raises(Unavailable):
            delivering.deploy(deployment.pk, deployment.attempt)
        assert impostor.asked == []
    assert spooled(ready)


@pytest.mark.django_db(transaction=True)
def test_a_deployment_withdrawn_while_the_node_loads_is_unloaded_again(cast, ready, live, wired):
    wired.on["Activate"] = threading.Event()
    deployment = actions.deploy(cast.asha.actor, ready, live)

    def work():
        try:
            outbox.carry_out()
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    assert wired.came["Activate"].wait(20)
    actions.undeploy(cast.asha.actor, deployment)
    wired.on["Activate"].set()
    thread.join()
    assert fresh(deployment).state == State.STOPPED
    assert set(wired.states.values()) == {"held"}


def test_a_stopped_deployment_starts_again_without_another_delivery(cast, ready, live, wired):
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    actions.undeploy(cast.asha.actor, deployment)
    outbox.carry_out()
    assert wired.states == {bytes(ready.commitment): "held"}
    assert not spooled(ready)
    actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    assert fresh(deployment).state == State.SERVING
    assert wired.asked.count("Load") == 1


def test_a_file_that_is_gone_cannot_go_to_a_further_node(cast, ready, live, marketplace_key):
    actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    further = register(cast.asha, PrivateKey.generate(), name="attic")
    with pytest.raises(Conflict) as caught:
        actions.deploy(cast.asha.actor, ready, further)
    assert caught.value.code == "file-gone"


def test_a_deployment_under_way_is_not_started_twice(cast, ready, live):
    first = actions.deploy(cast.asha.actor, ready, live)
    assert actions.deploy(cast.asha.actor, ready, live) == first
    assert Outbox.objects.filter(kind="catalogue.deploy").count() == 1


def test_another_organisations_node_is_not_found(cast, ready):
    theirs = register(cast.bela, PrivateKey.generate())
    with pytest.raises(NotFound):
        actions.deploy(cast.asha.actor, ready, theirs)


@pytest.mark.parametrize("state", ["uploading", "validating", "rejected", "retired"])
def test_only_a_version_that_passed_its_check_is_deployed(cast, ready, live, state):
    ModelVersion.objects.filter(pk=ready.pk).update(state=state)
    with pytest.raises(Conflict) as caught:
        actions.deploy(cast.asha.actor, ready, live)
    assert caught.value.code == "version-not-ready"


def test_a_file_changed_in_the_spool_is_not_delivered(cast, ready, live, wired):
    path = spool.path_of(ready.upload.pk)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    assert fresh(deployment).state == State.FAILED
    assert wired.files == {}
    assert not spooled(ready)


# --- a file sent once more --------------------------------------------------------------------------------


@pytest.fixture
def delivered(cast, ready, live, wired):
    """A version whose file a node has and the marketplace no longer."""
    actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    ready.refresh_from_db()
    return ready


def test_a_file_sent_once_more_goes_to_a_further_node(cast, delivered, marketplace_key, onnx_file):
    key = PrivateKey.generate()
    with listening(key, marketplace_key.public) as other:
        further = register(cast.asha, key, other.address, "attic")
        actions.begin_again(delivered)
        actions.receive(delivered, 0, [onnx_file[:50]])
        with pytest.raises(Conflict):
            actions.deploy(cast.asha.actor, delivered, further)
        actions.receive(delivered, 50, [onnx_file[50:]])
        deployment = actions.deploy(cast.asha.actor, delivered, further)
        outbox.carry_out()
        assert fresh(deployment).state == State.SERVING
        assert bytes(other.files[sha256(onnx_file)]) == onnx_file
    assert not spooled(delivered)
    delivered.refresh_from_db()
    assert delivered.state == ModelVersion.State.READY


def test_another_file_sent_in_its_place_goes_nowhere(cast, delivered, marketplace_key, onnx_file):
    key = PrivateKey.generate()
    with listening(key, marketplace_key.public) as other:
        further = register(cast.asha, key, other.address, "attic")
        actions.begin_again(delivered)
        actions.receive(delivered, 0, [b"!" * len(onnx_file)])
        deployment = actions.deploy(cast.asha.actor, delivered, further)
        outbox.carry_out()
        assert (fresh(deployment).state, other.files) == (State.FAILED, {})
    actions.begin_again(delivered)


def test_what_is_here_is_not_awaited_again(ready):
    with pytest.raises(Conflict) as caught:
        actions.begin_again(ready)
    assert caught.value.code == "upload-complete"
