"""What stands in the books, for tests to look at."""

from __future__ import annotations

from django.db.models import Sum

from marketplace.billing.models import Balance, Entry


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
