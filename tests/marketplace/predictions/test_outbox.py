"""The outbox: with the transaction or not at all, at least once, by one worker at a time, and not for ever."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from assay.errors import Unavailable
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox

pytestmark = pytest.mark.django_db
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def errands(monkeypatch):
    """A kind of errand called `test`, and what was carried out of it."""
    done: list[dict] = []

    def carry_out(errand):
        done.append(errand.payload)

    monkeypatch.setattr(outbox, "_handlers", {"test": carry_out})
    return done


def failing(monkeypatch, error: BaseException):
    def carry_out(errand):
        raise error

    monkeypatch.setattr(outbox, "_handlers", {"test": carry_out})


def row() -> Outbox:
    return Outbox.objects.get()


def test_what_was_added_is_carried_out_once(errands):
    outbox.add("test", number=1)
    assert outbox.carry_out() == 1
    assert outbox.carry_out() == 0
    assert errands == [{"number": 1}]
    assert row().done is not None


def test_a_transaction_that_failed_sends_nothing(errands):
    with transaction.atomic():
        outbox.add("test", number=1)
        transaction.set_rollback(True)
    assert outbox.carry_out() == 0


def test_what_fails_for_a_while_is_tried_again_later_each_time(monkeypatch):
    failing(monkeypatch, Unavailable("not now"))
    outbox.add("test")
    pauses = []
    for attempt in range(1, outbox.MAX_ATTEMPTS + 1):
        assert outbox.carry_out() == 1
        assert (row().attempts, row().error) == (attempt, "not now")
        assert outbox.carry_out() == 0, "not before it is due"
        pauses.append(row().due - timezone.now())
        Outbox.objects.update(due=LONG_AGO)
    assert pauses == sorted(pauses)
    assert outbox.carry_out() == 0
    assert row().done is not None, "given up, with its reason on record"


def test_a_bug_in_a_handler_is_put_on_record_and_holds_nothing_else_up(monkeypatch):
    done = []

    def carry_out(errand):
        if errand.payload:
            raise KeyError("nobody foresaw this")
        done.append(errand.id)

    monkeypatch.setattr(outbox, "_handlers", {"test": carry_out})
    outbox.add("test", wrong=True)
    outbox.add("test")
    assert outbox.carry_out() == 2
    assert len(done) == 1
    assert "nobody foresaw this" in Outbox.objects.get(payload__wrong=True).error


def test_a_worker_that_dies_leaves_its_errand_to_the_next(monkeypatch, errands):
    with monkeypatch.context() as patch:
        failing(patch, SystemExit())
        outbox.add("test", number=1)
        with pytest.raises(SystemExit):
            outbox.carry_out()
    assert outbox.carry_out() == 0, "its lease still runs"
    Outbox.objects.update(due=LONG_AGO)
    assert outbox.carry_out() == 1
    assert errands == [{"number": 1}]


def test_an_errand_that_kills_every_worker_is_not_begun_for_ever(errands):
    outbox.add("test")
    Outbox.objects.update(attempts=outbox.MAX_DEATHS)
    assert outbox.carry_out() == 1
    assert errands == []
    assert row().done is not None


def test_another_versions_errands_are_left_to_it(errands, monkeypatch):
    outbox.add("test")
    monkeypatch.setattr(outbox, "_handlers", {})
    assert outbox.carry_out() == 0
    assert row().done is None


def test_the_last_attempt_is_known_to_be_the_last(monkeypatch):
    seen = []
    monkeypatch.setattr(outbox, "_handlers", {"test": lambda errand: seen.append(errand.last)})
    outbox.add("test")
    for attempts in (0, outbox.MAX_ATTEMPTS - 1):
        Outbox.objects.update(attempts=attempts, due=LONG_AGO, done=None)
        outbox.carry_out()
    assert seen == [False, True]


@pytest.mark.django_db(transaction=True)
def test_several_workers_carry_each_errand_out_once(errands):
    for number in range(20):
        outbox.add("test", number=number)

    def work():
        try:
            outbox.carry_out()
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(payload["number"] for payload in errands) == list(range(20))


@pytest.mark.django_db(transaction=True)
def test_a_claim_is_kept_for_as_long_as_the_work_goes_on(monkeypatch):
    monkeypatch.setattr(outbox, "RENEW", 0.001)
    renewed = threading.Event()

    def carry_out(errand):
        Outbox.objects.update(due=LONG_AGO)
        while not renewed.wait(0.001):
            if row().due > timezone.now():
                renewed.set()

    monkeypatch.setattr(outbox, "_handlers", {"test": carry_out})
    outbox.add("test")
    assert outbox.carry_out() == 1
    assert row().attempts == 1


def test_what_was_done_long_ago_is_forgotten(errands):
    outbox.add("test")
    outbox.carry_out()
    assert outbox.forget_done() == 0
    Outbox.objects.update(done=timezone.now() - outbox.KEPT - timedelta(seconds=1))
    assert outbox.forget_done() == 1


def test_staff_can_send_again_what_was_given_up(errands, client, cast):
    outbox.add("test")
    Outbox.objects.update(done=timezone.now(), attempts=6, error="unplugged")
    client.force_login(cast.staff)
    address = reverse("admin:predictions_outbox_changelist")
    client.post(address, {"action": "send_again", "_selected_action": [row().pk]})
    assert outbox.carry_out() == 1
    assert errands == [{}]
