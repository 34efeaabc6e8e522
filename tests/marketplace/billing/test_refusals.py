"""What PostgreSQL says to whoever would make the ledger wrong, past all of the marketplace's code."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from assay.errors import AssayError
from assay.ids import uuid7
from marketplace.billing import accounts, ledger
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Overdrawn, Part, Posting
from marketplace.billing.models import Account, Hold, HoldEnd, Period
from marketplace.errors import Conflict
from tests.marketplace import answering

pytestmark = pytest.mark.django_db


def sql(text: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, values)


def judge() -> None:
    """What a commit would do."""
    sql("SET CONSTRAINTS ALL IMMEDIATE")


def refused(act) -> str:
    """What PostgreSQL says to it, the first line, with T for the transaction that `act` returns; nothing stays."""
    moved: list[object] = []

    def attempt() -> None:
        with transaction.atomic():
            moved.append(act())
            judge()

    with pytest.raises(IntegrityError) as caught:
        attempt()
    said = str(caught.value).splitlines()[0]
    return said.replace(moved[0], "T") if moved and isinstance(moved[0], str) else said


def account(kind: str, person=None) -> int:
    found = Account.objects.get(kind=kind, organisation=person.organisation if person else None)
    return int(found.pk)


def begun(kind: str = "adjusted", day: dt.date | None = None) -> str:
    """A transaction without entries."""
    moved = str(uuid7())
    sql(
        "INSERT INTO billing_transaction (id, key, fingerprint, kind, detail, day, posted) "
        "VALUES (%s, %s, '', %s, '', coalesce(%s, current_date), now())",
        *(moved, f"by hand {moved}", kind, day),
    )
    return moved


def enter(moved: str, *entries: tuple[int, int]) -> None:
    into = "INSERT INTO billing_entry (transaction_id, account_id, amount) SELECT %s, unnest(%s), unnest(%s)"
    sql(into, moved, *(list(column) for column in zip(*entries, strict=True)))


@pytest.fixture
def moving(cast):
    """Begins a transaction and enters amounts on bela's credit and the platform's adjustments."""

    def moving(credit: int, adjusted: int) -> str:
        moved = begun()
        enter(moved, (account("credit", cast.bela), credit), (account("adjusted"), adjusted))
        return moved

    return moving


# --- balanced ---------------------------------------------------------------------------------------------------


def test_what_does_not_add_up_to_zero(cast, moving):
    assert refused(lambda: moving(5, -4)) == "transaction T does not balance: it is off by 1 micro USD"


def test_what_adds_up_only_across_currencies(cast):
    sql("INSERT INTO billing_account (kind, currency) VALUES ('adjusted', 'EUR')")
    euros = Account.objects.get(kind="adjusted", currency="EUR").pk

    def act():
        moved = begun()
        enter(moved, (account("credit", cast.bela), 5), (euros, -5))
        return moved

    assert refused(act) == "transaction T does not balance: it is off by -5 micro EUR, 5 micro USD"


def test_a_transaction_of_one_entry_or_none(cast):
    assert refused(begun) == "transaction T has 0 entries: it takes two"

    def act():
        moved = begun()
        enter(moved, (account("credit", cast.bela), 5))
        return moved

    assert refused(act) == "transaction T does not balance: it is off by 5 micro USD"


def test_an_entry_of_nothing(cast, moving):
    assert refused(lambda: moving(0, 0)).startswith(
        'new row for relation "billing_entry" violates check constraint "entry_of_something"'
    )


# --- only growing -----------------------------------------------------------------------------------------------

TABLES = ("account", "transaction", "entry", "hold", "holdend", "period")


@pytest.fixture
def every_table(cast, priced, ask):
    """A row in each table that stands for ever."""
    answering.end(cast.node_key, ask())
    Period.objects.create(last_day=dt.date(2020, 1, 31), trial_balance=[], sha256=bytes(32), closed_by=cast.staff)


@pytest.mark.parametrize("table", TABLES)
def test_update_and_delete(every_table, table):
    for word, text in (
        ("UPDATE", f"UPDATE billing_{table} SET {'hold_id = hold_id' if table == 'holdend' else 'id = id'}"),
        ("DELETE", f"DELETE FROM billing_{table}"),
    ):
        assert refused(lambda text=text: sql(text)) == f"the ledger only grows: {word} of billing_{table} refused"


SAID = "the ledger only grows: a transaction takes no entries once it is written"


@pytest.mark.parametrize("amounts", [(7, -7), (7, -6)])
@pytest.mark.django_db(transaction=True)
def test_entries_that_come_later_however_balanced(cast, moving, amounts):
    with transaction.atomic():
        moved = moving(5, -5)
    later = list(zip([account("credit", cast.bela), account("adjusted")], amounts, strict=True))
    assert refused(lambda: enter(moved, *later)) == SAID


@pytest.mark.parametrize("judged", ["never", "before", "after"])
def test_entries_that_come_later_in_the_same_transaction(cast, moving, judged):
    """By another statement, whether PostgreSQL has been told to judge at once or not."""
    moved = moving(5, -5)
    if judged != "never":
        judge()
    if judged == "after":
        sql("SET CONSTRAINTS ALL DEFERRED")
    both = (account("credit", cast.bela), 7), (account("adjusted"), -7)
    assert refused(lambda: enter(moved, *both)) == SAID
    assert refused(lambda: enter(moved, both[0])) == SAID


def test_a_transaction_that_is_judged_before_it_has_entries(cast):
    judge()
    assert refused(begun).endswith("has 0 entries: it takes two")


def test_a_price_rewritten(priced):
    rewrite = refused(lambda: sql("UPDATE billing_price SET micros = 1"))
    assert rewrite == "a price only ends: UPDATE refused"
    sql("UPDATE billing_price SET until = now()")
    again = refused(lambda: sql("UPDATE billing_price SET until = NULL"))
    assert again == "a price only ends: UPDATE refused"


def test_a_date_in_a_period_that_is_closed(cast, moving):
    day = dt.date(2026, 1, 31)
    Period.objects.create(last_day=day, trial_balance=[], sha256=bytes(32), closed_by=cast.staff)
    assert refused(lambda: begun(day=day)) == "the period up to 2026-01-31 is closed"
    moving(5, -5)
    judge()


# --- balances ---------------------------------------------------------------------------------------------------


def test_writing_a_balance(cast):
    for word, text in (
        ("UPDATE", "UPDATE billing_balance SET amount = amount + 1"),
        ("DELETE", "DELETE FROM billing_balance"),
        ("INSERT", "INSERT INTO billing_balance (account_id, amount, overdraws) VALUES (0, 1, true)"),
    ):
        assert refused(lambda text=text: sql(text)) == f"the ledger only grows: {word} of billing_balance refused"


def test_taking_more_than_there_is(cast, books, moving):
    said = refused(lambda: moving(-1, 1))
    assert said == 'new row for relation "billing_balance" violates check constraint "never_overdrawn"'
    with pytest.raises(Overdrawn):
        ledger.post(
            [
                Posting(
                    key="too much",
                    kind=ledger.Kind.ADJUSTED,
                    parts=(
                        Part(Where(Kind.CREDIT, cast.bela.organisation.pk), -1),
                        Part(Where(Kind.ADJUSTED), 1),
                    ),
                )
            ]
        )
    assert books.of(cast.bela) == {"free": 1_000_000}


def test_an_amount_beyond_64_bits_is_refused_and_nothing_wraps(cast, books, grant):
    grant(cast.bela, 2**62, "most")
    with pytest.raises(DataError, match="out of range"), transaction.atomic():
        grant(cast.bela, 2**62, "more")
    with pytest.raises(DataError, match="out of range"), transaction.atomic():
        grant(cast.bela, 2**63, "too much at once")
    assert books.of(cast.bela)["credit"] == 2**62


# --- holds ------------------------------------------------------------------------------------------------------


@pytest.fixture
def held(cast, priced, ask) -> Hold:
    """500 of bela's, in the database's own transaction of before."""
    hold = ask().hold
    judge()
    sql("SET CONSTRAINTS ALL DEFERRED")
    return hold


def end(hold: Hold, amount: int, to: int) -> str:
    moved = begun("returned")
    enter(moved, (hold.account_id, -amount), (to, amount))
    sql(
        "INSERT INTO billing_holdend (hold_id, transaction_id, ending, posted, time) "
        "VALUES (%s, %s, 'cancelled', 0, now())",
        *(hold.pk, moved),
    )
    return moved


def test_a_second_end_of_a_hold(cast, held, priced, ask):
    ask()  # so that there is something on the account
    end(held, held.amount, account("free", cast.bela))
    judge()
    sql("SET CONSTRAINTS ALL DEFERRED")
    said = refused(lambda: end(held, held.amount, account("free", cast.bela)))
    assert said == 'duplicate key value violates unique constraint "billing_holdend_pkey"'


def test_an_end_with_another_amount(cast, held):
    said = refused(lambda: end(held, 499, account("free", cast.bela)))
    assert said == f"transaction T moves -499 on account {held.account_id}, its holds -500"
    end(held, 500, account("free", cast.bela))
    judge()


def test_an_end_by_a_transaction_that_moved_something_else(cast, held, moving):
    moved = moving(5, -5)
    end_with = (
        "INSERT INTO billing_holdend (hold_id, transaction_id, ending, posted, time) "
        "VALUES (%s, %s, 'cancelled', 0, now())"
    )
    said = refused(lambda: sql(end_with, held.pk, moved))
    assert said == f"transaction {moved} moves 0 on account {held.account_id}, its holds -500"


@pytest.mark.parametrize("amount", [-100, 100])
def test_moving_what_is_held_without_a_hold(cast, held, amount):
    def act():
        moved = begun()
        enter(moved, (held.account_id, amount), (account("adjusted"), -amount))
        return moved

    assert refused(act) == f"transaction T moves {amount} on account {held.account_id}, its holds 0"


def test_a_hold_that_nothing_was_moved_for(cast, held, moving):
    moved = moving(5, -5)
    said = refused(
        lambda: Hold.objects.create(
            organisation=cast.bela.organisation,
            account_id=held.account_id,
            transaction_id=moved,
            amount=500,
            lines=[],
            fee=0,
            month=held.month,
        )
    )
    assert said == f"transaction {moved} moves 0 on account {held.account_id}, its holds 500"


def test_a_hold_on_somebody_elses_account(cast, held):
    accounts.open_for([cast.sam.organisation.pk])
    said = refused(
        lambda: Hold.objects.create(
            organisation=cast.sam.organisation,
            account_id=held.account_id,
            transaction_id=begun(),
            amount=500,
            lines=[],
            fee=0,
            month=held.month,
        )
    )
    assert said == "a hold is on its organisation's own account for holds"
    assert not HoldEnd.objects.exists()


# --- keys -------------------------------------------------------------------------------------------------------


def test_a_key_used_again_with_other_content(cast, grant, books):
    grant(cast.bela, 100, "twice")
    grant(cast.bela, 100, "twice")
    with pytest.raises(Conflict) as caught:
        grant(cast.bela, 101, "twice")
    assert (caught.value.code, caught.value.got) == ("key-of-another", "grant twice")
    assert books.of(cast.bela)["credit"] == 100
    columns = "key, fingerprint, kind, detail, day, posted"
    again = f"INSERT INTO billing_transaction (id, {columns}) SELECT gen_random_uuid(), {columns}"
    said = refused(lambda: sql(f"{again} FROM billing_transaction"))
    assert said.startswith("duplicate key value violates unique constraint")


@pytest.mark.parametrize("amount", [0, -1])
def test_a_grant_of_nothing_or_less(cast, grant, books, amount):
    with pytest.raises(AssayError, match="nothing to move"):
        grant(cast.bela, amount)
    assert books.of(cast.bela) == {"free": 1_000_000}
