"""Trial balance, journal, and closing a period: what is closed stays, to the byte."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts.models import AuditEntry
from marketplace.billing import books, checking, credit, ledger
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Period, Transaction
from marketplace.errors import Conflict
from tests.marketplace import answering

pytestmark = pytest.mark.django_db


def today() -> dt.date:
    return timezone.now().astimezone(dt.UTC).date()


def ago(days: int) -> dt.date:
    return today() - dt.timedelta(days=days)


def give(cast, day: dt.date, amount: int = 1_000, detail: str = "") -> None:
    """Credit for bela, on a day of one's choice."""
    parts = Part(Where(Kind.GRANTED), -amount), Part(Where(Kind.CREDIT, cast.bela.organisation.pk), amount)
    ledger.post([Posting(f"{day} {amount}", ledger.Kind.GRANTED, parts, day=day, detail=detail)])


def totals(at: dt.date | None = None) -> dict[str, int]:
    return {each.kind: each.amount for each in books.trial_balance(at) if each.amount}


def rows(first: dt.date, last: dt.date) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO("".join(books.journal(first, last)))))


# --- trial balance ----------------------------------------------------------------------------------------------


def test_a_trial_balance_adds_up_to_nothing_and_says_what_is_where(cast, priced, ask):
    answering.end(cast.node_key, ask())
    ask()
    assert totals() == {
        "granted": -4_000_000,
        "free": 4_000_000 - 1_000,
        "held": 500,
        "earned": 450,
        "fees": 50,
    }
    assert sum(totals().values()) == 0


def test_a_trial_balance_of_a_day_knows_nothing_of_later_ones(cast):
    give(cast, ago(3), 700)
    give(cast, ago(1), 900)
    assert totals(ago(4)) == {}
    assert totals(ago(2)) == {"granted": -700, "credit": 700}
    assert totals(ago(1)) == {"granted": -1_600, "credit": 1_600}


# --- journal ----------------------------------------------------------------------------------------------------


def test_a_journal_has_every_entry_of_its_days_with_its_transaction(cast):
    give(cast, ago(3), 700)
    give(cast, ago(2), 1_234_567, "for a test")
    found = rows(ago(2), ago(2))
    assert [(each["organisation"], each["account"], each["currency"], each["amount"]) for each in found] == [
        ("platform", "granted", "USD", "-1.234567"),
        ("bela", "credit", "USD", "1.234567"),
    ]
    assert {(each["day"], each["kind"], each["detail"]) for each in found} == {
        (ago(2).isoformat(), "granted", "for a test")
    }
    assert len(rows(books.FIRST_DAY, dt.date.max)) == 4 * 2 + 4  # and everybody's free credit


def test_a_journal_is_read_in_batches_and_misses_nothing_between_them(
    cast, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(books, "BATCH", 2)
    for i in range(5):
        give(cast, ago(1), i + 1)
    with django_assert_num_queries(4):
        found = rows(ago(1), ago(1))
    assert [each["amount"] for each in found if each["account"] == "credit"] == [
        f"0.00000{i + 1}" for i in range(5)
    ]


def test_what_a_spreadsheet_would_compute_is_text(cast):
    credit.grant(cast.staff, cast.bela.organisation, 5, "x", '=1+1,"a"\n2')
    (found, _) = [each for each in rows(today(), today()) if "x" in each["key"]]
    assert found["detail"] == '\'=1+1,"a"\n2'


# --- closing ----------------------------------------------------------------------------------------------------


def test_closing_keeps_the_trial_balance_and_the_journals_digest(cast):
    give(cast, ago(3), 700)
    period = books.close(cast.staff, ago(2))
    assert period.trial_balance == [["credit USD", 700], ["granted USD", -700]]
    text = "".join(books.journal(books.FIRST_DAY, ago(2)))
    assert bytes(period.sha256) == hashlib.sha256(text.encode()).digest()
    give(cast, ago(1), 50)
    assert not any(each.broken for each in checking.check())
    then = books.close(cast.staff, ago(1))
    assert bytes(then.sha256) == books.digest(ago(1), ago(1)), "from the end of the period before"
    assert then.trial_balance == [["credit USD", 750], ["granted USD", -750]]
    logged = AuditEntry.objects.filter(action="period.closed").order_by("pk")
    assert [(each.user, each.subject) for each in logged] == [
        (cast.staff, f"up to {ago(2)}"),
        (cast.staff, f"up to {ago(1)}"),
    ]
    assert not any(each.broken for each in checking.check())


def test_nothing_is_written_into_a_closed_period(cast):
    books.close(cast.staff, ago(1))
    with pytest.raises(IntegrityError, match=f"the period up to {ago(1)} is closed"), transaction.atomic():
        give(cast, ago(1))
    give(cast, today())


@pytest.mark.parametrize(
    "what", ["UPDATE billing_period SET last_day = last_day - 1", "DELETE FROM billing_period"]
)
def test_a_closed_period_stays_closed(cast, what):
    books.close(cast.staff, ago(1))
    refused = f"the ledger only grows: {what.split(maxsplit=1)[0]} of billing_period refused"
    with pytest.raises(IntegrityError, match=refused), connection.cursor() as cursor:
        cursor.execute(what)


@pytest.mark.parametrize("days", [0, -1])
def test_a_day_that_is_not_over_is_not_closed(cast, days):
    with pytest.raises(Refused, match="not over yet"):
        books.close(cast.staff, ago(days))


@pytest.mark.parametrize("days", [2, 5])
def test_what_is_closed_is_not_closed_again(cast, days):
    books.close(cast.staff, ago(2))
    with pytest.raises(Conflict, match="closed already"):
        books.close(cast.staff, ago(days))


def test_a_closed_journal_that_was_changed_is_found(cast):
    give(cast, ago(2), 700)
    books.close(cast.staff, ago(1))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_transaction DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_transaction SET detail = 'other' WHERE day = %s", [ago(2)])
        cursor.execute("ALTER TABLE billing_transaction ENABLE TRIGGER USER")
    (wrong,) = [each for each in checking.check() if each.broken]
    assert wrong.rule.startswith("closed periods have the journal")
    assert wrong.named == (f"period {Period.objects.get().pk} up to {ago(1)}",)


def test_a_transaction_that_was_moved_into_a_closed_period_is_found(cast):
    give(cast, ago(2), 700)
    books.close(cast.staff, ago(1))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_transaction DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_transaction SET day = %s WHERE day = %s", [ago(1), today()])
        cursor.execute("ALTER TABLE billing_transaction ENABLE TRIGGER USER")
    assert len([each for each in checking.check() if each.broken]) == 2


# --- closing while others post ----------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_closing_waits_for_what_is_in_flight_and_counts_it(cast):
    """Somebody has written into the period and not committed: closing does so after them, and sees it."""
    written, may_end = threading.Event(), threading.Event()

    def post() -> None:
        try:
            with transaction.atomic():
                give(cast, ago(1), 700)
                written.set()
                assert may_end.wait(20)
        finally:
            connection.close()

    def close() -> Period:
        try:
            return books.close(cast.staff, ago(1))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        posting = threads.submit(post)
        assert written.wait(20)
        closing = threads.submit(close)
        _until_somebody_waits()
        may_end.set()
        posting.result(20)
        period = closing.result(20)
    assert ["credit USD", 700] in period.trial_balance
    assert bytes(period.sha256) == books.digest(books.FIRST_DAY, ago(1))


@pytest.mark.django_db(transaction=True)
def test_closing_gives_up_where_the_ledger_does_not_come_to_rest(cast, monkeypatch):
    monkeypatch.setattr(books, "PATIENCE", "50ms")
    with ThreadPoolExecutor(1) as threads, transaction.atomic():
        give(cast, ago(1))

        def close() -> None:
            try:
                books.close(cast.staff, ago(1))
            finally:
                connection.close()

        with pytest.raises(Conflict, match="does not come to rest"):
            threads.submit(close).result(20)
    assert not Period.objects.exists()


def _until_somebody_waits() -> None:
    """Returns once a lock is being waited for."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return


# --- commands ---------------------------------------------------------------------------------------------------


def test_the_commands_print_the_books_and_close_them(cast, capsys):
    give(cast, ago(2), 1_500_000)
    call_command("ledger", "trial-balance", at=ago(1))
    said = capsys.readouterr().out.split("\n")
    assert said[0].split() == ["adjusted", "USD", "0.00"]
    assert ["credit", "USD", "1.50"] in [line.split() for line in said]
    assert said[-2].split() == ["sum", "USD", "0.00"]
    call_command("ledger", "journal", "--from", str(ago(2)), "--to", str(ago(2)))
    journal = capsys.readouterr().out
    assert len(journal.splitlines()) == 3
    call_command("ledger", "close", str(ago(1)), "--by", "staff@example.org")
    said = capsys.readouterr().out
    assert said == f"closed up to {ago(1)}; SHA-256 of the journal {bytes(Period.objects.get().sha256).hex()}\n"


@pytest.mark.parametrize(
    ("who", "says"), [("asha@example.org", "only finance staff"), ("nobody@example.org", "nobody of that address")]
)
def test_only_staff_closes(cast, who, says):
    with pytest.raises(CommandError, match=says):
        call_command("ledger", "close", str(ago(1)), "--by", who)
    assert not Period.objects.exists()


def test_what_is_no_day_is_said_in_a_line():
    with pytest.raises(CommandError, match=r"'May' is not a day, such as 2026-05-31"):
        call_command("ledger", "trial-balance", "--at", "May")


def test_what_cannot_be_closed_is_said_in_a_line(cast):
    with pytest.raises(CommandError, match="not over yet"):
        call_command("ledger", "close", str(today()), "--by", "staff@example.org")
    assert Transaction.objects.exists()
