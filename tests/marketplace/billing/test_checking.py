"""`manage.py ledger check`: nothing wrong where nothing is, and each kind of damage found and named.

Damage is done as the tables' owner with its guards switched off, which is what the check is there for.
"""

from __future__ import annotations

import datetime as dt
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from marketplace.accounts.models import User
from marketplace.billing import adjusting, checking, ledger, maturing, reversing
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Account, Entry, Hold, HoldEnd, Transaction
from marketplace.billing.rules import RULES
from marketplace.predictions import actions
from tests.marketplace import answering
from verification.ends import DISPUTE_LOST

pytestmark = pytest.mark.django_db
HEADS = {
    "zero": "transactions add up to zero",
    "two": "transactions have two entries",
    "balances": "balances are the sums",
    "overdrawn": "accounts that may not are not below zero",
    "held": "accounts of held and locked money",
    "whole": "holds come and go whole",
    "posted": "ends of holds pay out what they post",
    "ends": "ends of holds are ends that there are",
    "predictions": "predictions have ended exactly when",
    "for": "holds are for a prediction",
    "mirror": "reversals mirror",
    "spending": "spending by month and key",
    "lots": "earnings became available once",
    "adjusted": "adjustments moved what was approved",
    "guards": "guards of the ledger",
}


@pytest.fixture
def busy(cast, books, priced, ask, grant):
    """Everything that may happen to money has: charged, returned, refunded, matured, adjusted, open still."""
    grant(cast.bela, 5_000_000)
    charged = answering.end(cast.node_key, ask())
    refunded = answering.end(cast.node_key, ask())
    reversing.reverse(refunded.hold_id, DISPUTE_LOST)
    actions.cancel(ask())
    maturing.mature(timezone.now().date() + dt.timedelta(days=8))
    proposed = adjusting.propose(
        cast.staff, Where(Kind.CREDIT, cast.bela.organisation.pk), Where(Kind.ADJUSTED), 7, "a test"
    )
    adjusting.approve(User.objects.create_superuser("second@example.org"), proposed.pk)
    return charged, ask()


@pytest.fixture
def damage(busy):
    """Carries out statements as somebody who owns the tables and has taken the guards off."""

    def damage(*statements: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no check may be pending on a table that is altered
            tables = ("account", "balance", "transaction", "entry", "hold", "holdend", "adjustment")
            for each in tables:
                cursor.execute(f"ALTER TABLE billing_{each} DISABLE TRIGGER USER")
            for each in statements:
                cursor.execute(each)
            for each in tables:
                cursor.execute(f"ALTER TABLE billing_{each} ENABLE TRIGGER USER")

    return damage


def broken() -> dict[str, tuple[str, ...]]:
    """What is wrong, by the short name of its rule."""
    return {
        next(short for short, head in HEADS.items() if each.rule.startswith(head)): each.named
        for each in checking.check()
        if each.broken
    }


def entry_of(transaction: uuid.UUID, kind: str) -> Entry:
    return Entry.objects.get(transaction=transaction, account__kind=kind)


def test_every_rule_is_tried_here():
    assert len(HEADS) == len(RULES)
    assert all(any(rule.says.startswith(head) for rule in RULES) for head in HEADS.values())


def test_a_ledger_to_which_everything_has_happened_is_right(busy):
    found = checking.check()
    assert [str(each) for each in found if each.broken] == []
    assert all(each.counted for each in found if "closed periods" not in each.rule)


def test_an_empty_ledger_is_right(db):
    assert not any(each.broken for each in checking.check())


def test_an_amount_that_was_changed_unbalances_its_transaction_and_its_account(busy, damage):
    paid = entry_of(busy[0].hold.end.transaction_id, "fees")
    damage(f"UPDATE billing_entry SET amount = amount + 5 WHERE id = {paid.pk}")
    wrong = broken()
    assert wrong["zero"] == (f"transaction {paid.transaction_id} is off by 5 micro USD",)
    assert wrong["balances"][0].startswith(f"account {paid.account_id} says 50, its entries 55")
    assert set(wrong) == {"zero", "balances", "posted"}


def test_a_transaction_without_entries_is_found(busy, damage):
    damage(
        "INSERT INTO billing_transaction (id, key, fingerprint, kind, detail, day, posted)"
        " VALUES (gen_random_uuid(), 'x', '', 'granted', '', current_date, now())"
    )
    assert set(broken()) == {"two"}


def test_a_balance_that_was_written_is_found(cast, busy, damage):
    mine = Account.objects.get(organisation=cast.bela.organisation, kind="credit")
    damage(f"UPDATE billing_balance SET amount = amount + 1000000 WHERE account_id = {mine.pk}")
    assert set(broken()) == {"balances"}


def test_an_account_below_zero_is_found(cast, busy, damage):
    mine = Account.objects.get(organisation=cast.sam.organisation, kind="staked")
    theirs = Account.objects.get(organisation=cast.sam.organisation, kind="credit")
    some = Transaction.objects.filter(kind="granted").first()
    damage(
        f"INSERT INTO billing_entry (transaction_id, account_id, amount)"
        f" VALUES ('{some.pk}', {mine.pk}, -3), ('{some.pk}', {theirs.pk}, 3)"
    )
    assert broken()["overdrawn"] == (f"account {mine.pk} (staked) has -3",)


def test_a_hold_of_another_amount_is_found(busy, damage):
    damage(f"UPDATE billing_hold SET amount = amount + 1 WHERE id = {busy[1].hold_id}")
    wrong = broken()
    assert set(wrong) == {"held", "whole", "spending"}
    assert wrong["spending"][0].endswith("says 1000, its holds 1001")


def test_an_end_that_posts_another_amount_than_it_pays_is_found(busy, damage):
    damage(f"UPDATE billing_holdend SET posted = posted - 1 WHERE hold_id = {busy[0].hold_id}")
    assert broken()["posted"] == (f"hold {busy[0].hold_id} ended with 499 posted: 500 paid, 0 returned",)


def test_an_end_that_there_is_not_and_one_that_keeps_what_it_should_return_are_found(busy, damage):
    damage(f"UPDATE billing_holdend SET ending = 'vanished' WHERE hold_id = {busy[0].hold_id}")
    assert broken()["ends"] == (f"hold {busy[0].hold_id} ended as vanished with 500 posted",)
    damage(f"UPDATE billing_holdend SET ending = 'expired' WHERE hold_id = {busy[0].hold_id}")
    assert set(broken()) == {"ends", "predictions"}


def test_a_prediction_that_ended_without_its_hold_is_found(busy, damage):
    damage(
        f"UPDATE predictions_prediction SET status = 'cancelled', completed = now() WHERE id = '{busy[1].pk}'",
    )
    (named,) = broken()["predictions"]
    assert named == f"prediction {busy[1].pk} is cancelled, its hold {busy[1].hold_id} open"


def test_an_end_that_was_deleted_is_found(busy, damage):
    """Then the money has left, and the hold stands open."""
    damage(f"DELETE FROM billing_holdend WHERE hold_id = {busy[0].hold_id}")
    assert {"held", "whole", "predictions"} <= set(broken())


def test_a_hold_for_nothing_is_found(busy, damage):
    damage(
        f"INSERT INTO billing_transaction (id, key, fingerprint, kind, detail, day, posted)"
        f" SELECT gen_random_uuid(), 'y', '', kind, '', day, posted FROM billing_transaction"
        f" WHERE id = '{busy[1].hold.transaction_id}'",
        f"INSERT INTO billing_entry (transaction_id, account_id, amount)"
        f" SELECT (SELECT id FROM billing_transaction WHERE key = 'y'), account_id, amount FROM billing_entry"
        f" WHERE transaction_id = '{busy[1].hold.transaction_id}'",
        "INSERT INTO billing_hold"
        " (organisation_id, account_id, transaction_id, amount, free, lines, fee, month, created)"
        " SELECT organisation_id, account_id, (SELECT id FROM billing_transaction WHERE key = 'y'), amount, free,"
        f" lines, fee, month, created FROM billing_hold WHERE id = {busy[1].hold_id}",
    )
    new = Hold.objects.latest("pk")
    assert broken()["for"] == (f"hold {new.pk} is for no prediction of its buyer",)


def test_a_refund_of_another_amount_is_found(busy, damage):
    back = Transaction.objects.get(kind="reversed")
    free = entry_of(back.pk, "free")
    damage(f"UPDATE billing_entry SET amount = amount - 100 WHERE id = {free.pk}")
    assert broken()["mirror"] == (f"transaction {back.pk} does not mirror {back.reverses_id}",)


def test_spending_that_was_written_is_found(cast, busy, damage):
    damage("UPDATE billing_spending SET amount = amount - 100")
    (named,) = broken()["spending"]
    assert named.startswith(f"organisation {cast.bela.organisation.pk} in 2")


def test_a_lot_that_matured_twice_is_found(cast, busy, damage):
    once = Transaction.objects.get(kind="matured")
    damage(
        f"INSERT INTO billing_transaction (id, key, fingerprint, kind, detail, day, available, posted)"
        f" SELECT gen_random_uuid(), 'again', '', kind, '', day, available, posted FROM billing_transaction"
        f" WHERE id = '{once.pk}'",
        f"INSERT INTO billing_entry (transaction_id, account_id, amount)"
        f" SELECT (SELECT id FROM billing_transaction WHERE key = 'again'), account_id, amount FROM billing_entry"
        f" WHERE transaction_id = '{once.pk}'",
    )
    (named,) = broken()["lots"]
    assert named.startswith(f"organisation {cast.asha.organisation.pk} of {once.available}: -450 left after 2")


def test_earnings_left_behind_by_later_ones_are_found(busy, cast):
    mine, day = cast.asha.organisation.pk, timezone.now().date()
    parts = Part(Where(Kind.GRANTED), -9), Part(Where(Kind.EARNED, mine), 9)
    ledger.post([Posting("late", ledger.Kind.GRANTED, parts, available=day)])
    (named,) = broken()["lots"]
    assert named == f"organisation {mine} of {day}: 9 left after 0, and later ones matured"


def test_an_adjustment_of_another_amount_is_found(busy, damage):
    damage("UPDATE billing_adjustment SET amount = 8")
    assert set(broken()) == {"adjusted"}


def test_a_guard_that_is_off_is_found(busy):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE billing_entry DISABLE TRIGGER entry_stands")
    assert broken() == {"guards": ("entry_stands of billing_entry is switched off",)}


def test_what_is_wrong_is_named_up_to_a_number_and_counted_beyond(busy, damage, monkeypatch):
    monkeypatch.setattr(checking, "SHOWN", 2)
    damage("UPDATE billing_balance SET amount = amount + 1")
    (finding,) = [each for each in checking.check() if each.broken]
    assert finding.broken == Account.objects.count()
    assert len(finding.named) == 2
    assert str(finding).splitlines()[-1] == f"       and {finding.broken - 2:,} more"


@pytest.mark.django_db(transaction=True)
def test_the_command_says_that_all_is_right_or_what_is_not(cast, priced, ask, capsys):
    answering.end(cast.node_key, ask())
    call_command("ledger", "check")
    said = capsys.readouterr().out
    assert said.endswith("the ledger is right\n")
    assert "WRONG" not in said
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_balance DISABLE TRIGGER USER")
        cursor.execute("UPDATE billing_balance SET amount = amount + 1 WHERE amount = 50")
        cursor.execute("ALTER TABLE billing_balance ENABLE TRIGGER USER")
    with pytest.raises(CommandError, match="the ledger is wrong: 1 of 17 rules are broken"):
        call_command("ledger", "check")
    assert "says 51, its entries 50" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_the_check_sees_one_state_and_writes_nothing(cast, priced, ask, monkeypatch):
    """A prediction that ends between two of its questions is to both as it was."""
    prediction = ask()
    judged = checking._judge

    def judge(rule):
        if not HoldEnd.objects.exists():
            with connection.cursor() as cursor:
                cursor.execute("SHOW transaction_read_only")
                assert cursor.fetchone() == ("on",)
            _elsewhere(lambda: actions.cancel(prediction))
        return judged(rule)

    monkeypatch.setattr(checking, "_judge", judge)
    found = checking.check_live()
    assert not any(each.broken for each in found)
    assert next(each.counted for each in found if each.rule.startswith(HEADS["posted"])) == 0
    assert HoldEnd.objects.count() == 1


def _elsewhere(function) -> None:
    """In another thread, which has a connection of its own."""

    def call() -> None:
        try:
            function()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(call).result()
