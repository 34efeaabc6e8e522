"""Wake-ups: one message while none is pending, and a lost one costs nothing but a moment."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError

from marketplace.broker import redis
from marketplace.predictions import wakeups
from marketplace.predictions.models import Prediction
from tests.marketplace.answering import dispatching
from tests.marketplace.predictions.test_dispatching import ended


def waiting() -> int:
    """Messages in the dispatch queue, which nobody takes in these tests."""
    return redis().llen("dispatch")


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Every request tries to set the mark, unless a test says otherwise."""
    monkeypatch.setattr(wakeups, "MOMENT", 0.0)


def test_a_process_that_has_just_tried_does_not_try_again(monkeypatch):
    monkeypatch.setattr(wakeups, "MOMENT", 600.0)
    wakeups._tried.clear()
    wakeups.request("dispatch")
    wakeups.taken("dispatch")
    wakeups.request("dispatch")
    assert waiting() == 1
    wakeups._tried.clear()


@pytest.mark.django_db(transaction=True)
def test_many_predictions_make_one_message(ask, monkeypatch):
    monkeypatch.setattr(wakeups, "PENDING", 600_000)  # so that a slow machine tests the same
    for _ in range(10):
        ask()
    assert waiting() == 1


def test_once_a_worker_has_taken_it_the_next_request_sends_another(monkeypatch):
    monkeypatch.setattr(wakeups, "PENDING", 600_000)
    wakeups.request("dispatch")
    wakeups.taken("dispatch")
    wakeups.request("dispatch")
    wakeups.request("dispatch")
    assert waiting() == 2


def test_a_wake_up_that_nobody_took_holds_others_back_for_a_moment_only():
    wakeups.request("dispatch")
    assert 0 < redis().pttl("assay:wake:dispatch") <= wakeups.PENDING


def test_queues_wake_apart():
    wakeups.request("outbox")
    wakeups.request("dispatch")
    assert (waiting(), redis().llen("outbox")) == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [ConnectionError, OperationalError])
def test_without_redis_a_prediction_is_stored_and_found_by_the_next_look(ask, nodes, monkeypatch, error):
    from redis.exceptions import ConnectionError as RedisConnectionError

    def away(*_, **__):
        raise RedisConnectionError("away") if error is ConnectionError else OperationalError("away")

    monkeypatch.setattr(wakeups, "redis", away)
    asked = ask()
    assert Prediction.objects.filter(pk=asked.pk).exists()
    with dispatching(nodes):
        assert ended(asked).status == "certified"


@pytest.mark.django_db(transaction=True)
def test_nothing_is_woken_for_what_was_rolled_back(ask):
    from django.db import transaction

    with transaction.atomic():
        ask()
        transaction.set_rollback(True)
    assert waiting() == 0
