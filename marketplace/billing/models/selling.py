"""What it costs: prices, which only begin and end; quotes; and how many free rows a buyer has used."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from assay.ids import uuid7
from marketplace.accounts.models import Organisation, User
from marketplace.catalogue.models import Model, ModelVersion
from marketplace.groups.models import Group, Member


class Price(models.Model):
    """What a seller asks for its part of an answer, in one mode. A change ends one and begins another.

    It goes with its model, which can be discarded only as long as nothing was ever asked of it.
    """

    class Unit(models.TextChoices):
        ROW = "row", "row"
        SECOND = "second", "second of proof"

    model = models.ForeignKey(Model, null=True, on_delete=models.CASCADE, related_name="prices")
    member = models.ForeignKey(Member, null=True, on_delete=models.PROTECT, related_name="prices")
    mode = models.CharField(max_length=32)  # verification.registry
    unit = models.CharField(max_length=8, choices=Unit.choices)
    micros = models.BigIntegerField()  # per unit
    currency = models.CharField(max_length=3)
    free_rows = models.PositiveIntegerField(default=0)  # of each buyer in a calendar month
    set_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    since = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(model__isnull=True) ^ Q(member__isnull=True), name="price_of_a_model_or_a_vote"
            ),
            models.CheckConstraint(condition=Q(micros__gte=0, micros__lte=10**12), name="price_within_reason"),
            models.UniqueConstraint(
                fields=["model", "mode"],
                condition=Q(until__isnull=True, model__isnull=False),
                name="one_price_of_a_model",
            ),
            models.UniqueConstraint(
                fields=["member", "mode"],
                condition=Q(until__isnull=True, member__isnull=False),
                name="one_price_of_a_member",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.micros} micro {self.currency} per {self.unit} of {self.model or self.member} in {self.mode}"


class Quote(models.Model):
    """The prices of a target in a mode, good until it expires: for as many predictions as the buyer likes.

    `rows` and `seconds` say what the total was told for; the prices hold for any number.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.ForeignKey(
        ModelVersion, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    mode = models.CharField(max_length=32)
    rows = models.PositiveIntegerField()
    seconds = models.FloatField()  # after which no answer is wanted
    lines = models.JSONField()  # billing.pricing.Line of each seller
    fee = models.PositiveIntegerField()  # the platform's, in hundredths of a percent
    currency = models.CharField(max_length=3)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires"], name="quote_by_expiry")]

    def __str__(self) -> str:
        return f"{self.id} {self.mode}"


class FreeUse(models.Model):
    """How many free rows of a model or a member's vote, in a mode, an organisation has used up in a month."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+", db_index=False)
    model = models.ForeignKey(Model, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="+", db_index=False)
    mode = models.CharField(max_length=32)
    month = models.DateField()  # its first day
    rows = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "model", "member", "mode", "month"],
                name="one_count_of_free_rows",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.rows} free rows in {self.month:%Y-%m}"


class FreeTaken(models.Model):
    """The free rows taken by a prediction that costs nothing and so has no hold. Gone once it has ended."""

    prediction = models.UUIDField(primary_key=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+", db_index=False)
    month = models.DateField()  # its first day
    charges = models.JSONField()  # billing.pricing.Charge of each seller

    class Meta:
        verbose_name_plural = "free rows taken"

    def __str__(self) -> str:
        return f"by {self.prediction}"
