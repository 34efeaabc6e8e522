"""Double entry: accounts, transactions, entries, and the balance of each account, which PostgreSQL keeps.

All amounts are micro-units of the account's currency. An entry adds where it is positive and takes away where it
is negative; what is owed to somebody or earned is positive, what has been given away is negative.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from assay.ids import uuid7
from marketplace.accounts.models import Organisation, User


class Account(models.Model):
    """One organisation's, or the platform's, one for each kind and currency. It stands for ever."""

    class Kind(models.TextChoices):
        CREDIT = "credit", "Credit"
        FREE = "free", "Free credit"
        HELD = "held", "Held for predictions"
        EARNED = "earned", "Earned, not yet available"
        PAYABLE = "payable", "Earned and available"
        STAKED = "staked", "Stake, free"
        LOCKED = "locked", "Stake, locked"
        FEES = "fees", "Platform: fees"
        VERIFICATION = "verification", "Platform: verification"
        SLASHED = "slashed", "Platform: slashed stakes"
        GRANTED = "granted", "Platform: credit given away"
        ADJUSTED = "adjusted", "Platform: adjustments"

    OF_ORGANISATIONS = ("free", "credit", "held", "earned", "payable", "staked", "locked")
    OF_PLATFORM = ("fees", "verification", "slashed", "granted", "adjusted")

    organisation = models.ForeignKey(
        Organisation, null=True, on_delete=models.PROTECT, related_name="accounts", db_index=False
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    currency = models.CharField(max_length=3)  # ISO 4217

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "kind", "currency"], name="one_account_of_a_kind", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(organisation__isnull=False, kind__in=("free", "credit", "held", "earned"))
                | Q(organisation__isnull=False, kind__in=("payable", "staked", "locked"))
                | Q(
                    organisation__isnull=True, kind__in=("fees", "verification", "slashed", "granted", "adjusted")
                ),
                name="account_of_whom",
            ),
            models.CheckConstraint(condition=Q(currency__regex="^[A-Z]{3}$"), name="account_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation or 'platform'} {self.kind} {self.currency}"


class Balance(models.Model):
    """The sum of an account's entries. Written by a trigger alone, with the row locked."""

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.PROTECT, related_name="balance")
    amount = models.BigIntegerField(default=0)
    overdraws = models.BooleanField(default=False)  # may be below zero

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0) | Q(overdraws=True), name="never_overdrawn")
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.amount}"


class Transaction(models.Model):
    """Entries that stand or fall together. `key` makes it happen once."""

    class Kind(models.TextChoices):
        GRANTED = "granted", "Credit given"
        HELD = "held", "Set aside"
        POSTED = "posted", "Charged"
        RETURNED = "returned", "Returned"
        REVERSED = "reversed", "Refunded"
        MATURED = "matured", "Became available"
        SPENT = "spent", "Earnings turned into credit"
        STAKED = "staked", "Stake deposited"
        UNSTAKED = "unstaked", "Stake withdrawn"
        LOCKED = "locked", "Stake locked"
        UNLOCKED = "unlocked", "Stake unlocked"
        SLASHED = "slashed", "Stake slashed"
        ADJUSTED = "adjusted", "Adjustment"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key = models.CharField(max_length=160, unique=True)
    fingerprint = models.BinaryField(max_length=32)  # SHA-256 of what was to be posted under this key
    kind = models.CharField(max_length=10, choices=Kind.choices)
    detail = models.CharField(max_length=300, blank=True)
    day = models.DateField()  # UTC: the period that it belongs to
    available = models.DateField(null=True)  # from which day on what it earned somebody is available
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversal")
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    posted = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["day"], name="transaction_by_day")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Entry(models.Model):
    """One account's part in a transaction."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries", db_index=False)
    amount = models.BigIntegerField()

    class Meta:
        verbose_name_plural = "entries"
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="entry_of_something")]
        indexes = [models.Index(F("account"), F("id").desc(), name="entry_by_account")]

    def __str__(self) -> str:
        return f"{self.amount:+} {self.account}"
