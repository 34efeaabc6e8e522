"""Nodes: whose they are, where they may be, how they are, and that nobody registers another's."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from unittest.mock import Mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import joining
from assay.errors import NotVerified, Refused, Unavailable
from assay.jsonform import from_json
from assay.keys import PrivateKey
from assay.rotation import KeyRotation, rotate
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue import access, actions, addresses, health
from marketplace.catalogue.models import Deployment, Node
from marketplace.errors import Conflict, Forbidden, NotFound
from marketplace.predictions import outbox, tasks
from tests.marketplace.catalogue.conftest import register
from wire.deadline import in_seconds

pytestmark = pytest.mark.django_db


# --- registering ------------------------------------------------------------------------------------------


def test_a_node_is_registered_by_who_holds_its_key(cast, node):
    assert (node.organisation, node.name, bytes(node.key)) == (
        cast.asha.organisation,
        "cellar",
        cast.node_key.public.raw,
    )
    assert AuditEntry.objects.filter(action="node.registered").count() == 1


def test_a_key_seen_in_a_certificate_is_not_enough(cast):
    key = PrivateKey.generate()
    for proof in ("", "x", "!!", joining.prove(PrivateKey.generate(), "bela"), joining.prove(key, "asha")):
        with pytest.raises(Refused) as caught:
            actions.register_node(cast.bela.actor, "mine", str(key.public), "127.0.0.1:7001", proof)
        assert caught.value.pointer == "/proof"
    assert not Node.objects.exists()


@given(st.text(alphabet="abc-", min_size=1, max_size=10), st.text(alphabet="abc-", min_size=1, max_size=10))
def test_a_proof_is_for_one_organisation(one, other):
    key = PrivateKey(b"\1" * 32)
    joining.check(key.public, one, joining.prove(key, one))
    if one != other:
        with pytest.raises(NotVerified):
            joining.check(key.public, other, joining.prove(key, one))


def test_registering_again_moves_and_renames_the_node(cast, node):
    moved = register(cast.asha, cast.node_key, "127.0.0.1:7002", "attic")
    assert moved.pk == node.pk
    assert (moved.address, moved.name) == ("127.0.0.1:7002", "attic")
    assert Node.objects.count() == 1


def test_a_key_is_one_organisations(cast, node):
    with pytest.raises(Conflict) as caught:
        register(cast.bela, cast.node_key)
    assert caught.value.code == "key-taken"


def test_a_name_is_one_nodes(cast, node):
    with pytest.raises(Conflict) as caught:
        register(cast.asha, PrivateKey.generate())
    assert caught.value.code == "name-taken"


def test_a_retired_node_comes_back_by_registering_it_again(cast, node):
    assert actions.retire_node(cast.asha.actor, node).retired is not None
    actions.retire_node(cast.asha.actor, node)
    assert AuditEntry.objects.filter(action="node.retired").count() == 1
    assert register(cast.asha, cast.node_key).retired is None


def test_a_teammate_without_the_role_may_look_but_not_register(cast, node):
    from marketplace.accounts.access import for_user

    team = for_user(cast.tariq.user, "asha")
    assert list(access.visible_nodes(team)) == [node]
    key = PrivateKey.generate()
    with pytest.raises(Forbidden):
        actions.register_node(team, "mine", str(key.public), "127.0.0.1:1", joining.prove(key, "asha"))
    with pytest.raises(Forbidden):
        access.managed_node(team, node.pk)


def test_a_stranger_does_not_learn_of_a_node(cast, node):
    assert list(access.visible_nodes(cast.sam.actor)) == []
    for gate in (access.node, access.managed_node):
        with pytest.raises(NotFound):
            gate(cast.sam.actor, node.pk)


# --- a new key --------------------------------------------------------------------------------------------

HEIR, NEXT = (PrivateKey(bytes([n]) * 32) for n in (8, 9))


def test_a_key_gives_way_to_the_one_it_names_once_however_often_it_is_said(cast, node):
    statement = rotate(cast.node_key, HEIR, 1)
    for _ in range(2):
        rotated = actions.rotate_key(cast.asha.actor, statement)
        assert (rotated.pk, bytes(rotated.key)) == (node.pk, HEIR.public.raw)
    assert [bytes(each.key) for each in node.former_keys.all()] == [cast.node_key.public.raw]
    kept = from_json(node.former_keys.get().statement, KeyRotation)
    assert kept.verify() == (cast.node_key.public, HEIR.public)
    assert AuditEntry.objects.filter(action="node.key-rotated").count() == 1


def test_an_old_statement_does_not_bring_an_old_key_back(cast, node):
    first, second = rotate(cast.node_key, HEIR, 1), rotate(HEIR, NEXT, 2)
    actions.rotate_key(cast.asha.actor, first)
    actions.rotate_key(cast.asha.actor, second)
    back = rotate(NEXT, cast.node_key, 3)
    for replayed, pointer in ((first, "/old"), (rotate(cast.node_key, HEIR, 4), "/old"), (back, "/new")):
        with pytest.raises(Conflict) as caught:
            actions.rotate_key(cast.asha.actor, replayed)
        assert caught.value.pointer == pointer
    with pytest.raises(Conflict):
        register(cast.asha, cast.node_key, name="attic")
    assert bytes(Node.objects.get().key) == NEXT.public.raw


def test_a_key_cannot_be_given_away_by_who_does_not_hold_it_nor_taken_from_another_node(cast, node):
    mallory = PrivateKey.generate()
    forged = msgspec.structs.replace(rotate(mallory, HEIR, 1), old=cast.node_key.public.raw)
    with pytest.raises(NotVerified):
        actions.rotate_key(cast.asha.actor, forged)
    register(cast.bela, mallory)
    with pytest.raises(Conflict) as caught:
        actions.rotate_key(cast.asha.actor, rotate(cast.node_key, mallory, 1))
    assert (caught.value.code, caught.value.pointer) == ("key-taken", "/new")
    with pytest.raises(NotFound):
        actions.rotate_key(cast.bela.actor, rotate(cast.node_key, HEIR, 1))
    assert bytes(Node.objects.get(pk=node.pk).key) == cast.node_key.public.raw


# --- addresses --------------------------------------------------------------------------------------------


@pytest.fixture
def public_only(settings):
    settings.ENV = dataclasses.replace(settings.ENV, private_nodes=False)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:7001",
        "[::1]:7001",
        "10.0.0.1:7001",
        "192.168.1.1:7001",
        "169.254.169.254:80",
        "[fe80::1]:7001",
        "[::ffff:127.0.0.1]:7001",
        "[::ffff:169.254.169.254]:80",
        "0.0.0.0:7001",
        "224.0.0.1:7001",
        "100.64.0.1:7001",
        "[64:ff9b::7f00:1]:7001",
    ],
)
def test_an_address_inside_is_refused(public_only, address):
    with pytest.raises(Refused) as caught:
        addresses.checked(address)
    assert caught.value.code == "private-address"


@pytest.mark.parametrize("address", ["8.8.8.8:7001", "[2606:4700::1111]:443", "node.example.org:7001"])
def test_a_public_address_is_taken(public_only, address):
    assert addresses.checked(address) == address


async def test_a_name_that_leads_inside_is_refused_when_it_is_used(public_only):
    assert addresses.checked("localhost:7001") == "localhost:7001"
    with pytest.raises(Refused) as caught:
        await addresses.resolved("localhost:7001")
    assert caught.value.code == "private-address"


def test_the_dispatcher_asks_where_a_name_leads_before_it_connects(settings, public_only, monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(tasks, "Dispatcher", lambda name, nodes, capacity: made.append(nodes) or Mock())
    monkeypatch.setattr(tasks, "_dispatcher", None)
    monkeypatch.setattr(tasks, "_identity", PrivateKey.generate)
    tasks.dispatcher()

    async def connecting() -> None:
        nodes, groups = made[0]()
        try:
            await nodes.peer(PrivateKey.generate().public, "localhost:7001").health(in_seconds(5))
        finally:
            await nodes.close()
            await groups.close()

    with pytest.raises(Unavailable) as caught:
        asyncio.run(connecting())
    assert caught.value.code == "private-address"


@pytest.mark.parametrize(
    "address",
    [
        *("", ":", "host", "host:", "host:0", "host:65536", "host:x", "a b:1", "http://host:1", "host:1/x"),
        *("[::1:1", "host\0:1", "-a:1", "a..b:1", "x" * 300 + ":1", "user@host:1", "[::1]x:1", "host:٣"),
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(Refused) as caught:
        addresses.checked(address)
    assert caught.value.pointer == "/address"


@given(st.text(max_size=60))
def test_no_text_breaks_the_address_parser(text):
    with contextlib.suppress(Refused):
        assert addresses.checked(addresses.checked(text)) == addresses.checked(text)


# --- health -----------------------------------------------------------------------------------------------


def fresh(thing):
    return type(thing).objects.get(pk=thing.pk)


def test_a_node_that_serves_is_seen_to(live, wired):
    assert health.check_nodes() == 1
    seen = fresh(live)
    assert (seen.serving, seen.detail) == (True, "")
    assert seen.seen is not None


def test_why_a_node_does_not_serve_is_told(live, wired):
    wired.serving, wired.detail = False, "Triton does not answer"
    health.check_nodes()
    assert (fresh(live).serving, fresh(live).detail) == (False, "Triton does not answer")


def test_a_node_that_went_away_stops_serving_and_keeps_when_it_was_seen(live, wired):
    health.check_nodes()
    before = fresh(live).seen
    Node.objects.update(address="127.0.0.1:1")
    health.check_nodes()
    seen = fresh(live)
    assert (seen.serving, seen.seen) == (False, before)
    assert seen.detail


def test_an_impostor_at_a_nodes_address_does_not_serve(live, wired):
    Node.objects.update(key=PrivateKey.generate().public.raw)
    health.check_nodes()
    assert not fresh(live).serving


def test_one_nodes_trouble_is_not_anothers(cast, live, wired):
    dead = register(cast.asha, PrivateKey.generate(), "127.0.0.1:1", "dead")
    nonsense = register(cast.asha, PrivateKey.generate(), "no-such-host.invalid:1", "nonsense")
    assert health.check_nodes() == 3
    assert fresh(live).serving
    assert not fresh(dead).serving
    assert not fresh(nonsense).serving


def test_a_retired_node_is_left_alone(cast, live, wired):
    actions.retire_node(cast.asha.actor, live)
    assert health.check_nodes() == 0
    assert wired.asked == []


def test_a_model_that_a_node_lost_fails_and_recovers_when_it_is_back(cast, ready, live, wired):
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    commitment = bytes(ready.commitment)
    del wired.states[commitment]
    health.check_nodes()
    assert (fresh(deployment).state, fresh(deployment).detail) == (Deployment.State.FAILED, health.LOST)
    wired.states[commitment] = "serving"
    health.check_nodes()
    assert (fresh(deployment).state, fresh(deployment).detail) == (Deployment.State.SERVING, "")


def test_a_model_that_a_restarted_node_is_loading_again_has_not_failed(cast, ready, live, wired):
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    wired.states[bytes(ready.commitment)] = "loading"
    health.check_nodes()
    assert fresh(deployment).state == Deployment.State.SERVING


def test_a_deployment_that_its_owner_stopped_is_not_revived_by_the_nodes_word(cast, ready, live, wired):
    deployment = actions.deploy(cast.asha.actor, ready, live)
    outbox.carry_out()
    actions.undeploy(cast.asha.actor, deployment)
    health.check_nodes()
    assert fresh(deployment).state == Deployment.State.STOPPED
