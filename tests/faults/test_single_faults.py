"""One fault at a chosen moment, and exactly what follows from it."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import uuid4

import httpx
import pytest

from stack.chaos.account import MARGIN
from stack.chaos.faults import until
from stack.chaos.questions import home
from stack.chaos.records import signed

DIGITS = "bruno/digits"


def lateness(answer: dict) -> float:
    """Seconds from the deadline to the end."""
    completed, deadline = (dt.datetime.fromisoformat(answer[name]) for name in ("completed", "deadline"))
    return (completed - deadline).total_seconds()


def test_a_worker_killed_when_the_node_has_signed_and_nothing_is_stored_it_is_carried_out_once(
    site, victim, buyer, one
):
    triton, worker, key = victim("triton-bruno"), victim("worker-dispatch"), str(uuid4())
    with ExitStack() as held:
        with triton.frozen():
            buyer.send(one[DIGITS], key, wait=False)
            request = buyer.taken(key).id
            held.enter_context(buyer.held(request))
        certificate = until(lambda: signed(site, "bruno").get(request.bytes), "the node has signed")
        killed = worker.strike()
        killed[0].wait()
    worker.healed(killed)
    stored = buyer.ended(key)
    assert list(stored.stages) == ["received", "dispatched", "resumed", "answered", "certified"]
    assert stored.document == certificate == signed(site, "bruno")[request.bytes]


def test_with_the_only_node_down_it_ends_by_its_deadline_and_says_which_node(site, victim, buyer, one):
    with victim("node-chidi").down():
        answer = buyer.ask(one["chidi/diabetes"], deadline=2)
    assert answer["status"] == "expired"
    assert answer["error"]["code"] == "deadline-exceeded"
    assert answer["error"]["pointer"] == home(site, "chidi").load_config().listen
    assert "the node" in answer["error"]["detail"]
    assert answer["certificate"] is None
    assert lateness(answer) < MARGIN


def test_with_triton_frozen_for_three_seconds_each_is_answered_later_or_ends_by_its_deadline(victim, buyer, one):
    questions = [question for model, question in one.items() if model.startswith("dana/")]
    with ThreadPoolExecutor(2 * len(questions)) as threads:
        with victim("triton-dana").frozen():
            patient = [threads.submit(buyer.ask, each) for each in questions]
            hasty = [threads.submit(buyer.ask, each, deadline=3) for each in questions]
            ended = [each.result() for each in hasty]
        assert {answer["status"] for answer in ended} == {"expired"}
        assert max(map(lateness, ended)) < MARGIN
        assert {each.result()["status"] for each in patient} == {"certified"}


def test_the_web_server_killed_while_a_client_waits_the_same_request_again_gets_the_same_prediction(
    victim, buyer, one
):
    triton, web, key = victim("triton-asha"), victim("web"), str(uuid4())
    with ThreadPoolExecutor(1) as thread, triton.frozen():
        waiting = thread.submit(buyer.send, one["asha/digits"], key)
        asked = buyer.taken(key)
        killed = web.strike()
        with pytest.raises(httpx.TransportError):
            waiting.result()
    web.healed(killed)
    again = buyer.send(one["asha/digits"], key)
    assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, "true")
    assert again.json()["id"] == str(asked.id)
    assert again.json()["status"] == "certified"


def test_postgresql_killed_while_a_node_works_the_answer_is_stored_when_it_is_back(victim, buyer, one):
    key = str(uuid4())
    with victim("triton-bruno").frozen():
        buyer.send(one[DIGITS], key, wait=False)
        buyer.taken(key)
        victim("postgres").kill()
    stored = buyer.ended(key)
    assert stored.status == "certified"
    assert list(stored.numbers) == list(range(1, stored.seq + 1))


def test_without_redis_predictions_are_made_all_the_same(victim, buyer, one):
    with victim("redis").down():
        assert buyer.ask(one[DIGITS])["status"] == "certified"
