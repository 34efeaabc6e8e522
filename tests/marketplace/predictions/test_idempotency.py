"""Idempotency keys: two requests are one, also at the same moment, also when a process dies half-way."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection
from django.utils import timezone

from assay.errors import Refused
from marketplace.errors import Conflict
from marketplace.predictions import actions, idempotency, questions
from marketplace.predictions.models import IdempotencyKey, Prediction
from marketplace.predictions.questions import Body
from tests.marketplace.answering import request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def once(cast, version):
    def once(key="k", body=b"body", make=None):
        actor = cast.bela.actor
        question = questions.read(actor, Body(**request()))
        return idempotency.once(actor.organisation, key, body, make or (lambda: actions.create(actor, question)))

    return once


def test_the_second_request_gets_the_firsts_prediction(once):
    first, replayed_first = once()
    second, replayed_second = once()
    assert first.pk == second.pk
    assert (replayed_first, replayed_second) == (False, True)


def test_while_the_first_is_at_it_the_second_is_told_to_wait(once):
    inside, go = threading.Event(), threading.Event()

    def slow():
        inside.set()
        go.wait(30)
        raise ZeroDivisionError

    def work():
        try:
            with pytest.raises(ZeroDivisionError):
                once(make=slow)
        finally:
            connection.close()

    first = threading.Thread(target=work)
    first.start()
    assert inside.wait(30)
    with pytest.raises(Conflict) as caught:
        once()
    assert caught.value.code == "idempotency-in-flight"
    go.set()
    first.join(30)
    assert once()[1] is False  # the first left nothing behind


def test_a_process_that_dies_half_way_leaves_the_key_free(once):
    def dies():
        actions_so_far = Prediction.objects.count()
        assert actions_so_far == 0
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        once(make=dies)
    assert not IdempotencyKey.objects.exists()
    assert once()[1] is False


def test_another_body_is_refused(once):
    once()
    with pytest.raises(Refused) as caught:
        once(body=b"other")
    assert caught.value.code == "idempotency-mismatch"


def test_after_a_day_a_key_may_be_used_anew(once):
    first, _ = once()
    IdempotencyKey.objects.update(created=timezone.now() - dt.timedelta(hours=24, seconds=1))
    second, replayed = once(body=b"other")
    assert not replayed
    assert first.pk != second.pk


def test_old_keys_are_forgotten(once):
    once("old")
    IdempotencyKey.objects.update(created=timezone.now() - dt.timedelta(hours=25))
    once("new")
    assert idempotency.forget_old() == 1
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]
