"""Groups whose members' nodes and Tritons are killed, answer wrongly, or change models, while they are asked."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from uuid import uuid4

import msgspec
import onnx
import pytest
from onnx import TensorProto, helper

from assay.agreement.votes import Absent, Abstained, Answered
from assay.certificate import AgreementCertificate, parse
from demo import entries
from demo.market import Market
from stack.chaos.account import MARGIN
from stack.chaos.faults import until
from stack.chaos.ledgers import log
from stack.chaos.load import Load
from stack.chaos.questions import geneses
from stack.chaos.records import Records
from tests.faults.conftest import said
from tests.faults.test_single_faults import lateness

DIGITS = "digits"
CLIENTS = 3


@pytest.fixture
def digits(one, buyer):
    """A question to the group that all its members answer alike, and do now, whatever was killed before."""
    question = one[DIGITS]
    until(lambda: buyer.ask(question)["status"] == "certified", "the group answers")
    buyer.agreed_by_all(question)
    return question


@pytest.fixture
def group(site):
    return next(each for each in geneses(site) if each.slug == DIGITS)


@contextmanager
def load(site, question):
    """Clients who ask this all the time; whoever asked was answered, and told so."""
    users = json.loads(site.users.read_bytes())
    buyer = next(user["api_key"] for user in users if user["role"] == "buyer")
    with Load(site.market.url, [buyer] * CLIENTS, [question], seed=1) as asking:
        asking.all_answer()
        yield asking
        asking.all_answer()
    for asked in asking.asked:
        assert ({status for status, _ in asked.ends}, asked.problems) == ({"certified"}, []), asked


# --- one of four ------------------------------------------------------------------------------------------


def test_one_members_node_killed_under_load_all_is_certified_and_once_back_it_votes(site, victim, buyer, digits):
    with load(site, digits) as asking:
        with victim("node-dana").down():
            silent = said(buyer.agreed(digits, deadline=5))
            asking.all_answer()
        buyer.agreed_by_all(digits)
    assert silent.pop("dana") == Absent()
    assert {type(each) for each in silent.values()} == {Answered}


def test_one_members_triton_killed_under_load_all_is_certified_and_its_node_abstains(site, victim, buyer, digits):
    with load(site, digits) as asking:
        with victim("triton-chidi").down():
            first = said(buyer.agreed(digits, deadline=5))
            asking.all_answer()
            until(lambda: said(buyer.agreed(digits))["chidi"] == Abstained(), "chidi abstains")
        buyer.agreed_by_all(digits)
    assert first.pop("chidi") in (Abstained(), Absent()), "what was under way may be given up too late"
    assert {type(each) for each in first.values()} == {Answered}


# --- two of four ------------------------------------------------------------------------------------------


def test_with_two_nodes_killed_all_expires_in_time_and_with_both_back_all_is_certified(victim, buyer, digits):
    with ExitStack() as down, ThreadPoolExecutor(8) as threads:
        for owner in ("bruno", "dana"):
            down.enter_context(victim(f"node-{owner}").down())
        asked = [threads.submit(buyer.ask, digits, deadline=2) for _ in range(8)]
        ended = [each.result() for each in asked]
    assert {answer["status"] for answer in ended} == {"expired"}
    assert {answer["error"]["code"] for answer in ended} == {"deadline-exceeded"}
    assert max(map(lateness, ended)) < MARGIN
    assert buyer.ask(digits)["status"] == "certified"


def leading(buyer, question) -> str:
    """Whose node leads."""
    evidence = buyer.agreed(question).evidence
    return evidence.configuration.members[evidence.view % evidence.configuration.n].owner


def test_with_the_leader_killed_another_takes_over_and_no_request_is_lost(victim, buyer, digits):
    leader = leading(buyer, digits)

    def ask_on(_: int) -> AgreementCertificate:
        return [buyer.agreed(digits) for _ in range(10)][-1]

    with ThreadPoolExecutor(CLIENTS) as threads:
        asking = threads.map(ask_on, range(CLIENTS))
        with victim(f"node-{leader}").down():
            last = list(asking)
            assert leading(buyer, digits) != leader
    assert {said(certificate)[leader] for certificate in last} == {Absent()}


# --- other models -----------------------------------------------------------------------------------------


def contrary(content: bytes) -> bytes:
    """The same model, but that it says the next digit."""
    model = onnx.load_from_string(content)
    for node in model.graph.node:
        node.output[:] = ["before" if name == "label" else name for name in node.output]
    for name, value in (("one", 1), ("ten", 10)):
        model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [1], [value]))
    model.graph.node.append(helper.make_node("Add", ["before", "one"], ["next"]))
    model.graph.node.append(helper.make_node("Mod", ["next", "ten"], ["label"]))
    return model.SerializeToString()


@pytest.fixture(scope="module")
def dana(site):
    users = json.loads(site.users.read_bytes())
    key = next(user["api_key"] for user in users if (user["role"], user["organisation"]) == ("owner", "dana"))
    with Market(site.market.url, key) as market:
        yield market


@pytest.fixture(scope="module")
def liar(dana, tmp_path_factory):
    """A version of dana's which says the next digit, served by dana's node."""
    entry = next(each for each in entries.entries() if (each.owner, each.slug) == ("dana", DIGITS))
    file = tmp_path_factory.mktemp("models") / "contrary.onnx"
    file.write_bytes(contrary((entries.FOLDER / entry.model).read_bytes()))
    interface = msgspec.json.decode(msgspec.json.encode(entry.interface))
    dana.post("/models", {"name": "contrary", "task": entry.interface.task, "title": "Contrary"})
    announced = {"weights": "delivered", "size": file.stat().st_size, "interface": interface}
    number = dana.post("/models/dana/contrary/versions", announced)["number"]
    path = f"/models/dana/contrary/versions/{number}"
    dana.upload(path, file, lambda *_: None)
    until(lambda: dana.get(path)["state"] == "ready", f"{path} is ready")
    node = next(node["id"] for node in dana.every("/nodes"))
    deployment = f"/deployments/{dana.post(f'{path}/deployments', {'node': node})['id']}"
    until(lambda: dana.get(deployment)["state"] == "serving", f"{path} is serving")
    yield f"dana/contrary@{number}"
    dana.delete(deployment)


def change(dana, model: str) -> str:
    """Dana's node answers the group with this model from now on; its commitment."""
    asked = dana.post(f"/groups/{DIGITS}/model", {"model": model})
    assert asked["after"] == model

    def ordered() -> bool:
        newest = dana.every(f"/groups/{DIGITS}/updates")[0]
        assert newest["state"] != "failed", newest
        return newest["state"] == "adopted"

    until(ordered, f"dana answers with {model}")
    return asked["commitment"]


@contextmanager
def answering_with(dana, model: str):
    """Dana's node answers the group with another model inside the block."""
    members = dana.get(f"/groups/{DIGITS}")["members"]
    before = next(each["model"] for each in members if each["organisation"] == "dana")
    yield change(dana, model)
    change(dana, before)


def test_a_member_that_answers_wrongly_is_outvoted_and_seen(victim, buyer, digits, dana, liar):
    (right,) = {each.votes for each in said(buyer.agreed_by_all(digits)).values()}
    wrong = ((right[0] + 1) % 10,)
    with answering_with(dana, liar) as commitment:
        certificate = buyer.agreed_by_all(digits)
    votes = said(certificate)
    assert votes.pop("dana") == Answered(bytes.fromhex(commitment), wrong)
    assert {each.votes for each in votes.values()} == {right}
    assert certificate.statement.outputs[0].array().tolist() == list(right)


def test_models_changed_under_load_no_request_is_lost_and_none_is_said_to_be_anothers(
    site, victim, buyer, digits, dana, liar
):
    (right,) = {each.votes for each in said(buyer.agreed_by_all(digits)).values()}
    with load(site, digits) as asking:
        with answering_with(dana, liar) as commitment:
            buyer.agreed_by_all(digits)
            asking.all_answer()
        buyer.agreed_by_all(digits)
        asking.all_answer()
    wrong = Answered(bytes.fromhex(commitment), ((right[0] + 1) % 10,))
    seen = {said(parse(stored.document))["dana"] for stored in Records(site).of_load(asking.name).values()}
    others = {each for each in seen if isinstance(each, Answered) and each.model != wrong.model}
    assert wrong in seen
    assert [each.votes for each in others] == [right]
    assert seen <= {wrong, Absent(), *others}, "what the one said is never under the other's name"


# --- the worker that asks ---------------------------------------------------------------------------------


def test_a_worker_killed_when_the_group_has_decided_and_nothing_is_stored_it_is_certified_once(
    site, victim, buyer, digits, group
):
    def decided(request) -> list[bytes]:
        with suppress(sqlite3.Error):  # it is being written
            records = log(site, group.members[1].owner, group)
            return [each.entry.digest for each in records for asked in each.asked if asked.id == request.bytes]
        return []

    leader, worker, key = victim(f"node-{leading(buyer, digits)}"), victim("worker-dispatch"), str(uuid4())
    with ExitStack() as held:
        with leader.frozen():
            buyer.send(digits, key, wait=False)
            request = buyer.taken(key).id
            held.enter_context(buyer.held(request))
        until(lambda: decided(request), "the group has decided")
        killed = worker.strike()
        killed[0].wait()
    worker.healed(killed)
    stored = buyer.ended(key)
    assert list(stored.stages) == ["received", "dispatched", "resumed", "answered", "certified"]
    assert [parse(stored.document).evidence.entry.digest] == decided(request)
