"""What is set aside until it is known what becomes of it; and how much may be spent in a month."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from marketplace.accounts.models import ApiKey, Organisation
from marketplace.billing.models.ledger import Account, Transaction
from marketplace.groups.models import Member


class Hold(models.Model):
    """An amount on an account of kind `held` (for a prediction) or `locked` (for a place in a group).

    Opened by its transaction, which brings exactly the amount; ended by exactly one HoldEnd, or still open.
    """

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="holds", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="hold")
    amount = models.BigIntegerField()
    free = models.BigIntegerField(default=0)  # of it, what was taken from free credit
    # for a prediction: its prices as quoted, and the platform's part
    lines = models.JSONField(null=True)
    fee = models.PositiveIntegerField(null=True)  # in hundredths of a percent
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    month = models.DateField()  # whose caps it counts against: its first day
    # for a place in a group
    member = models.ForeignKey(Member, null=True, on_delete=models.PROTECT, related_name="stakes")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_of_something"),
            models.CheckConstraint(
                condition=Q(free__gte=0, free__lte=models.F("amount")), name="hold_free_part_within"
            ),
            models.CheckConstraint(
                condition=Q(member__isnull=True, lines__isnull=False, fee__isnull=False)
                | Q(member__isnull=False, lines__isnull=True, fee__isnull=True),
                name="hold_for_a_prediction_or_a_place",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-id"], name="hold_by_organisation")]

    def __str__(self) -> str:
        return f"{self.amount} of {self.organisation}"


class HoldEnd(models.Model):
    """What became of a hold. Its primary key is the hold's, so there is one."""

    hold = models.OneToOneField(Hold, primary_key=True, on_delete=models.PROTECT, related_name="end")
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="ended")
    ending = models.CharField(max_length=20)  # verification.ends; of a stake: unlocked | slashed
    posted = models.BigIntegerField()  # what did not go back to where it came from
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(posted__gte=0), name="posted_not_negative")]

    def __str__(self) -> str:
        return f"{self.ending}, {self.posted} posted"


class Leaving(models.Model):
    """That the place for which something is locked has been given up, and when it is unlocked."""

    hold = models.OneToOneField(Hold, primary_key=True, on_delete=models.PROTECT, related_name="leaving")
    since = models.DateTimeField(auto_now_add=True)
    due = models.DateTimeField()

    class Meta:
        verbose_name_plural = "leaving"

    def __str__(self) -> str:
        return f"{self.hold}, due {self.due}"


class Spending(models.Model):
    """What an organisation, or one of its keys, has spent in a month; what is held counts until it is returned."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    month = models.DateField()  # its first day
    amount = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "spending"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "api_key", "month"], name="one_sum_for_a_month", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="spending_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} in {self.month:%Y-%m}"


class Cap(models.Model):
    """The most that an organisation, or one of its keys, may spend in a calendar month (UTC)."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="caps", db_index=False)
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.CASCADE, related_name="caps")
    amount = models.BigIntegerField()
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "api_key"], name="one_cap", nulls_distinct=False),
            models.CheckConstraint(condition=Q(amount__gte=0), name="cap_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} a month"


class CapAlert(models.Model):
    """That so many percent of a cap have been reached in a month; said once."""

    cap = models.ForeignKey(Cap, on_delete=models.CASCADE, related_name="alerts")
    month = models.DateField()
    percent = models.PositiveSmallIntegerField()  # 80 | 100
    time = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cap", "month", "percent"], name="said_once"),
            models.CheckConstraint(condition=Q(percent__in=(80, 100)), name="cap_alert_levels"),
        ]

    def __str__(self) -> str:
        return f"{self.percent} % in {self.month:%Y-%m}"
