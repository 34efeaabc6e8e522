"""What stands in the books, for tests to look at."""

from __future__ import annotations

from django.db import connection
from django.db.models import Sum

from marketplace.billing.models import Balance, Entry


def large() -> None:
    """The journal is planned for as if it were too long to be read from end to end."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_entry, billing_transaction; SET LOCAL enable_seqscan = off")


def entries_read() -> int:
    """How many rows of the journal this transaction has looked at."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'billing_entry'"
        )
        return int(cursor.fetchone()[0])


class Books:
    """Balances of organisations and of the platform; every look proves that they are the sum of their entries."""

    def of(self, person) -> dict[str, int]:
        """By kind, those that are not 0."""
        return self._balances(account__organisation=person.organisation)

    @property
    def platform(self) -> dict[str, int]:
        return self._balances(account__organisation=None)

    def _balances(self, **which) -> dict[str, int]:
        found = Balance.objects.filter(**which).select_related("account")
        for each in found:
            summed = Entry.objects.filter(account=each.account).aggregate(sum=Sum("amount"))["sum"] or 0
            assert summed == each.amount, each
        return {each.account.kind: each.amount for each in found if each.amount}
