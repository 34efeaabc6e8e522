"""Claims: each prediction is one worker's at a time, and no worker's death loses it."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from marketplace.predictions import actions, claims
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, PredictionEvent, Status
from tests.marketplace.answering import FakeNodes, dispatching
from tests.marketplace.predictions.test_dispatching import ended, stages

pytestmark = pytest.mark.django_db(transaction=True)


def run_out(*predictions: Prediction) -> None:
    """As if the lease's time had passed."""
    past = timezone.now() - dt.timedelta(seconds=1)
    Prediction.objects.filter(pk__in=[each.pk for each in predictions]).update(lease=past)


def test_the_oldest_are_taken_first_and_nobody_else_gets_them(ask):
    asked = [ask() for _ in range(5)]
    first, second = claims.claim("one", 3), claims.claim("two", 9)
    assert [each.id for each in first] == [each.pk for each in asked[:3]]
    assert [each.id for each in second] == [each.pk for each in asked[3:]]
    assert claims.claim("three", 9) == []


def test_a_claim_carries_the_question_whole(ask):
    asked = ask()
    (claim,) = claims.claim("one", 1)
    stored = Prediction.objects.get(pk=asked.pk)
    assert (claim.target, claim.mode, claim.params) == (stored.target, stored.mode, stored.params)
    assert (claim.inputs, claim.salt) == (bytes(stored.inputs), bytes(stored.salt))
    assert (claim.deadline, claim.attempts, claim.saved) == (stored.deadline, 1, b"")
    assert (stored.status, stored.worker) == (Status.DISPATCHED, "one")


def test_many_workers_at_once_take_each_prediction_once(ask):
    asked = {ask().pk for _ in range(40)}
    taken, start = [], threading.Barrier(8)

    def work(name: str) -> None:
        start.wait()
        while some := claims.claim(name, 3):
            taken.extend(each.id for each in some)
        connection.close()

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert len(taken) == len(asked)
    assert set(taken) == asked


def test_a_lease_that_is_renewed_keeps_others_away(ask):
    asked = ask()
    claims.claim("one", 1)
    assert claims.renew("one", [asked.pk]) == {asked.pk}
    assert claims.claim("two", 1) == []


def test_a_lease_that_ran_out_is_anybodys_and_the_old_owner_is_told(ask):
    asked = ask()
    claims.claim("one", 1)
    run_out(asked)
    (claim,) = claims.claim("two", 1)
    assert claim.attempts == 2
    assert claims.renew("one", [asked.pk]) == set()
    assert stages(asked) == ["received", "dispatched", "resumed"]


def test_what_a_mode_saved_is_handed_to_the_next_worker(ask):
    asked = ask()
    claims.claim("one", 1)
    assert claims.save("one", asked.pk, b"half-way")
    run_out(asked)
    assert claims.claim("two", 1)[0].saved == b"half-way"
    assert not claims.save("one", asked.pk, b"too late")


def test_what_has_ended_or_is_overdue_is_nobodys(ask):
    cancelled, late = ask(), ask(deadline=0.1)
    actions.cancel(cancelled)
    with connection.cursor() as cursor:  # until the deadline, by the database's own clock
        cursor.execute("SELECT pg_sleep_until(%s)", [late.deadline])
    assert claims.claim("one", 9) == []
    assert claims.renew("one", [cancelled.pk]) == set()


# --- workers that die -------------------------------------------------------------------------------------


def test_another_worker_goes_on_and_the_node_works_once(ask, nodes):
    """The first worker died after the node had its question: the same node gives the same answer again."""
    asked = ask()
    (claim,) = claims.claim("dead", 1)
    assert claim.id == asked.pk
    run_out(asked)
    with dispatching(nodes):
        finished = ended(asked)
    assert finished.status == "certified"
    assert stages(asked) == ["received", "dispatched", "resumed", "answered", "certified"]
    assert nodes.worked[asked.pk.bytes] == 1


def test_two_workers_that_both_believe_to_hold_it_make_one_end(cast, ask, nodes):
    """A frozen worker thaws after its lease ran out, and writes what it had."""
    from tests.marketplace.predictions.test_states import certificate_for

    asked = ask()
    claims.claim("frozen", 1)
    run_out(asked)
    with dispatching(nodes):
        finished = ended(asked)
    late = certificate_for(cast, Prediction.objects.get(pk=asked.pk))
    assert actions.apply([Change(asked.pk, Status.CERTIFIED, certificate=late)]) == frozenset()
    assert Prediction.objects.get(pk=asked.pk).certificate_id == finished.certificate_id
    ends = PredictionEvent.objects.filter(prediction=asked, stage__in=["certified", "failed", "expired"])
    assert ends.count() == 1


def test_a_prediction_over_which_workers_keep_dying_is_given_up(ask, version, node, nodes):
    asked = ask()
    for i in range(claims.MAX_ATTEMPTS):
        claims.claim(f"dead {i}", 1)
        run_out(asked)
    with dispatching(nodes):
        finished = ended(asked)
    assert finished.error["code"] == "worker-lost"
    assert nodes.asked[asked.pk.bytes] == 0


def test_a_worker_told_to_stop_finishes_what_it_has(ask, nodes):
    asked = [ask() for _ in range(10)]
    with dispatching(nodes) as dispatcher:
        ended(asked[0])
        dispatcher.wake()
    assert not Prediction.objects.filter(status=Status.DISPATCHED).exists()


# --- deadlines --------------------------------------------------------------------------------------------


def test_the_sweep_ends_what_is_past_its_deadline_and_nothing_else(ask):
    late, open_, cancelled = ask(deadline=0.1), ask(deadline=600), ask()
    actions.cancel(cancelled)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep_until(%s)", [late.deadline + actions.GRACE])
    assert actions.expire_due() == 1
    assert actions.expire_due() == 0
    statuses = [Prediction.objects.get(pk=each.pk).status for each in (late, open_, cancelled)]
    assert statuses == ["expired", "received", "cancelled"]
    assert Prediction.objects.get(pk=late.pk).error["code"] == "deadline-exceeded"


def test_a_worker_stops_asking_at_the_deadline(ask, version, node, cast):
    asked = ask(deadline=0.5)
    with dispatching(FakeNodes([cast.node_key], down={cast.node_key.public.raw})):
        finished = ended(asked)
    assert finished.status == "expired"
    assert "unplugged" in finished.error["detail"]
