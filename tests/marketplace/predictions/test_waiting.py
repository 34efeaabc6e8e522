"""Waiting: one listening connection, nothing missed, nothing held."""

from __future__ import annotations

import threading
import uuid

import psycopg2
import pytest
from django.db import connection, connections
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Unavailable
from marketplace.predictions import actions, notices
from marketplace.predictions.notices import Notice
from marketplace.predictions.waiting import Ended, Hub

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def backends():
    """Process ids of the hub's connections, in the order they were made."""
    return []


@pytest.fixture
def hub(db, backends):
    def connect():
        made = psycopg2.connect(**connections["default"].get_connection_params())
        backends.append(made.info.backend_pid)
        return made

    hub = Hub(connect, 3)
    yield hub
    hub.close()


class Heard:
    """Collects notices; `wait` returns the next, or None where something may have been missed."""

    def __init__(self) -> None:
        self._got: list[Notice | None] = []
        self._more = threading.Condition()

    def tell(self, notice: Notice | None) -> None:
        with self._more:
            self._got.append(notice)
            self._more.notify()

    def wait_for(self, wanted) -> bool:
        with self._more:
            return self._more.wait_for(lambda: wanted in self._got, 30)


def test_a_change_is_heard_once_it_is_committed(hub, ask):
    asked, heard = ask(), Heard()
    with hub.watch(asked.pk, heard.tell):
        assert heard.wait_for(None)  # it listens
        actions.cancel(asked)
        assert heard.wait_for(Notice(asked.pk, 2, True))


def test_only_ones_own_prediction_is_heard(hub, ask):
    mine, other, heard = ask(), ask(), Heard()
    with hub.watch(mine.pk, heard.tell):
        assert heard.wait_for(None)
        actions.cancel(other)
        actions.cancel(mine)
        assert heard.wait_for(Notice(mine.pk, 2, True))
        assert all(each is None or each.prediction == mine.pk for each in heard._got)


def test_when_the_connection_breaks_everybody_looks_again_and_it_is_made_anew(hub, ask, backends):
    asked, heard = ask(), Heard()
    with hub.watch(asked.pk, heard.tell):
        assert heard.wait_for(None)
        heard._got.clear()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [backends[-1]])
        assert heard.wait_for(None)
        while len(backends) < 2:
            heard._got.clear()
            assert heard.wait_for(None)
        actions.cancel(asked)
        assert heard.wait_for(Notice(asked.pk, 2, True)) or None in heard._got


def test_more_waiters_than_the_limit_are_refused_and_make_room_when_they_leave(hub):
    identifier = uuid.uuid4()
    with hub.watch(identifier, print), hub.watch(identifier, print), hub.watch(identifier, print):
        with pytest.raises(Unavailable) as caught, hub.watch(identifier, print):
            pass
        assert caught.value.code == "too-many-waiting"
    with hub.watch(identifier, print):
        assert len(hub._watching) == 1
    assert not hub._watching


def test_a_thread_is_woken_by_the_end_only():
    ended = Ended()
    ended.tell(Notice(uuid.uuid4(), 2, False))
    assert not ended.wait(0)
    ended.tell(Notice(uuid.uuid4(), 3, True))
    assert ended.wait(0)
    assert not ended.wait(0)


@given(
    st.lists(
        st.builds(Notice, st.uuids(), st.integers(1, 2**31 - 1), st.booleans()),
        max_size=300,
    )
)
def test_notices_come_back_from_their_payloads_and_no_payload_is_too_long(sent):
    payloads = notices.payloads(sent)
    assert [notice for payload in payloads for notice in notices.parse(payload)] == sent
    assert all(len(payload) < 8000 for payload in payloads)


def test_what_happens_before_anybody_listens_is_not_missed(hub, ask):
    """The first waiter comes before the connection is made; once it is, everybody looks again."""
    asked, heard = ask(), Heard()
    with hub.watch(asked.pk, heard.tell):
        actions.cancel(asked)
        assert heard.wait_for(None)
