"""The books: periods that are closed for ever, and adjustments that one person proposes and another approves."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from marketplace.accounts.models import User
from marketplace.billing.models.ledger import Account, Transaction


class Period(models.Model):
    """All days up to this one are closed: PostgreSQL takes no transaction of them any more."""

    last_day = models.DateField(unique=True)  # UTC
    trial_balance = models.JSONField()  # [[kind and currency of accounts, amount]] at its end: billing.books
    sha256 = models.BinaryField(max_length=32)  # of its journal, from the end of the period before, as CSV
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    closed = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"up to {self.last_day}"


class Adjustment(models.Model):
    """A transaction by hand. Nothing moves until somebody else has approved it."""

    class State(models.TextChoices):
        PROPOSED = "proposed", "Waits for a second person"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="adjustments")
    amount = models.BigIntegerField()  # to be added; taken away where it is negative
    against = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    transaction = models.OneToOneField(Transaction, null=True, on_delete=models.PROTECT, related_name="adjustment")
    proposed = models.DateTimeField(auto_now_add=True)
    decided = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="adjustment_of_something"),
            models.CheckConstraint(condition=~Q(account=F("against")), name="adjustment_between_two"),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_by__isnull=True, decided__isnull=True)
                | ~Q(state="proposed") & Q(decided_by__isnull=False, decided__isnull=False),
                name="adjustment_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") | Q(decided_by__isnull=True) | ~Q(decided_by=F("proposed_by")),
                name="adjustment_needs_a_second_person",
            ),
            models.CheckConstraint(
                condition=Q(transaction__isnull=True) ^ Q(state="approved"), name="adjustment_moves_once_approved"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.account}: {self.reason}"
