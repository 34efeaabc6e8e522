"""The pool of connections: bounded, shared among threads, never handing out a dead or dirty one."""

from __future__ import annotations

import os
import threading

import psycopg2
import pytest
from django.db import connection, connections, transaction

from marketplace.db import pool as pools
from marketplace.db.pool import Pool
from marketplace.db.statements import RememberingConnection, Statement


@pytest.fixture
def connect(postgres, db):
    params = connections["default"].get_connection_params()

    def connect():
        return psycopg2.connect(**params)

    return connect


@pytest.fixture
def pool(connect):
    pool = Pool(connect, 2)
    yield pool
    pool.close_idle()


def backend(used) -> int:
    return used.info.backend_pid


def test_a_connection_that_was_given_back_is_used_again(pool):
    first = pool.take()
    pool.give(first)
    second = pool.take()
    assert second is first
    pool.give(second)


def test_never_more_than_its_size_and_who_waits_gets_the_next(pool):
    held = [pool.take(), pool.take()]
    got = []
    waiting = threading.Thread(target=lambda: got.append(pool.take()))
    waiting.start()
    pool.give(held[0])
    waiting.join(10)
    assert got == [held[0]]
    for each in (held[1], got[0]):
        pool.give(each)


def test_who_waits_too_long_is_told_so(pool, monkeypatch):
    monkeypatch.setattr(pools, "WAIT", 0.05)
    held = [pool.take(), pool.take()]
    with pytest.raises(psycopg2.OperationalError, match="pool of 2"):
        pool.take()
    for each in held:
        pool.give(each)


def test_a_connection_comes_back_out_of_its_transaction(pool):
    used = pool.take()
    with used.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE left_behind (x int)")
    pool.give(used)
    again = pool.take()
    assert again.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
    with again.cursor() as cursor, pytest.raises(psycopg2.errors.UndefinedTable):
        cursor.execute("SELECT * FROM left_behind")
    pool.give(again)


def test_one_that_the_server_hung_up_on_is_not_handed_out(pool, connect):
    used = pool.take()
    dead = backend(used)
    pool.give(used)
    killer = connect()
    with killer.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [dead])
    killer.close()
    fresh = pool.take()
    assert backend(fresh) != dead
    pool.give(fresh)


def test_one_that_was_closed_makes_room_for_another(pool):
    for _ in range(5):
        used = pool.take()
        used.close()
        pool.give(used)
    fresh = pool.take()
    assert not fresh.closed
    pool.give(fresh)


def test_a_failed_connect_does_not_use_up_the_pool(connect):
    failing = [True] * 5

    def sometimes():
        if failing:
            failing.pop()
            raise psycopg2.OperationalError("no route")
        return connect()

    pool = Pool(sometimes, 1)
    for _ in range(5):
        with pytest.raises(psycopg2.OperationalError):
            pool.take()
    pool.give(pool.take())
    pool.close_idle()


def test_a_forked_child_shares_nothing(connect):
    pools.pool_for(("tests",), connect, 1)
    child = os.fork()
    if child == 0:
        os._exit(0 if not pools._pools else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pools._pools.pop(("tests",))


@pytest.mark.django_db(transaction=True)
def test_django_gives_its_connection_back_and_takes_it_again():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        first = cursor.fetchone()[0]
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone()[0] == first


# --- prepared statements ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_statement_is_prepared_once_for_each_connection():
    double = Statement("SELECT $1 * 2", "int")
    assert [double.rows(each) for each in (1, 2, 3)] == [[(2,)], [(4,)], [(6,)]]
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name = %s", [double.name])
        assert cursor.fetchone() == (1,)
    assert isinstance(connection.connection, RememberingConnection)


@pytest.mark.django_db(transaction=True)
def test_a_statement_survives_the_transaction_it_was_first_used_in():
    triple = Statement("SELECT $1 * 3", "int")
    with transaction.atomic():
        triple.rows(1)
        transaction.set_rollback(True)
    assert triple.rows(2) == [(6,)]
