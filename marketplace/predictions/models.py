"""Predictions, their events, idempotency keys, and the outbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from assay.ids import uuid7
from marketplace.accounts.models import ApiKey, Organisation, User
from marketplace.billing.models import Hold
from marketplace.catalogue.models import ModelVersion
from marketplace.certificates.models import Certificate
from marketplace.groups.models import Group


class Status(models.TextChoices):
    """Where a prediction stands. `states.py` holds the table of what may follow what; PostgreSQL enforces it."""

    RECEIVED = "received"
    DISPATCHED = "dispatched"
    ANSWERED = "answered"
    CERTIFIED = "certified"
    CONTESTED = "contested"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Prediction(models.Model):
    """One request of 1…n rows, in one mode, by one organisation."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # `by_organisation` below serves the first; people and keys are switched off, never deleted
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="predictions", db_index=False
    )
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="predictions")
    # `of_group` below serves it
    group = models.ForeignKey(
        Group, null=True, on_delete=models.PROTECT, related_name="predictions", db_index=False
    )
    target = models.CharField(max_length=206)  # as in the certificate: `model:owner/name@version` | `group:slug`
    mode = models.CharField(max_length=32)
    params = models.JSONField(default=dict)
    rows = models.PositiveIntegerField()
    # What was asked, both null once the buyer's retention ended: canonical CBOR of the tensors, and what they were
    # made from. A picture is kept as the picture alone, a fraction of its tensors: see `stored.question`
    inputs = models.BinaryField(null=True)
    source = models.BinaryField(null=True)
    source_type = models.CharField(max_length=40, blank=True)
    salt = models.BinaryField(max_length=32)
    hold = models.OneToOneField(Hold, null=True, on_delete=models.PROTECT, related_name="prediction")  # none: free
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RECEIVED)
    outputs = models.BinaryField(null=True)  # canonical CBOR of the tensors
    certificate = models.OneToOneField(Certificate, null=True, on_delete=models.PROTECT, related_name="prediction")
    error = models.JSONField(null=True)  # the fields of an AssayError
    deadline = models.DateTimeField()
    created = models.DateTimeField(auto_now_add=True)
    dispatched = models.DateTimeField(null=True)
    answered = models.DateTimeField(null=True)
    completed = models.DateTimeField(null=True)
    seq = models.PositiveIntegerField(default=0)  # of the last event

    # a dispatch worker's claim: while the lease runs, nobody else carries this prediction out
    lease = models.DateTimeField(null=True)
    worker = models.CharField(max_length=80, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    saved = models.BinaryField(null=True)  # a mode's state for `resume`

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(completed__isnull=True)
                ^ Q(status__in=["certified", "contested", "failed", "expired", "cancelled"]),
                name="completed_exactly_when_ended",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["certified", "contested"]) | Q(certificate__isnull=False),
                name="certified_has_certificate",
            ),
            models.CheckConstraint(
                condition=Q(version__isnull=True) ^ Q(group__isnull=True), name="asked_of_a_model_or_a_group"
            ),
        ]
        indexes = [
            models.Index(fields=["created"], condition=Q(completed__isnull=True), name="prediction_open"),
            models.Index(fields=["organisation", "-created"], name="prediction_by_organisation"),
            models.Index(
                fields=["version", "mode", "-created"],
                condition=Q(status="certified", rows=1),
                name="prediction_of_one_row",
            ),
            models.Index(
                fields=["group", "mode", "-created"], condition=Q(group__isnull=False), name="prediction_of_group"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def asked(self) -> ModelVersion | Group:
        """What the question was put to; its interface is that of the answer."""
        found = self.group if self.version_id is None else self.version
        assert found is not None, "the database knows no prediction of neither"
        return found


class PredictionEvent(models.Model):
    """Something that happened to a prediction; `seq` counts from 1 and is the SSE id. Append-only, by trigger."""

    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    stage = models.CharField(max_length=40)
    detail = models.JSONField(default=dict)
    time = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prediction", "seq"], name="event_seq")]

    def __str__(self) -> str:
        return f"{self.prediction_id} #{self.seq} {self.stage}"


class IdempotencyKey(models.Model):
    """A client's promise that two POSTs are one; kept 24 hours."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    body_sha256 = models.BinaryField(max_length=32)
    prediction = models.ForeignKey(Prediction, on_delete=models.PROTECT, related_name="+", db_index=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "key"], name="idempotency_key")]

    def __str__(self) -> str:
        return self.key


class Outbox(models.Model):
    """Something that must happen outside because a transaction committed; carried out at least once."""

    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    created = models.DateTimeField(auto_now_add=True)
    due = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    done = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "outbox"
        indexes = [models.Index(fields=["due"], condition=Q(done__isnull=True), name="outbox_open")]

    def __str__(self) -> str:
        return f"{self.kind} {self.payload}"
