"""Groups, their epochs and members, who has signed, which models members have changed to; counts and alerts."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from assay.agreement.aggregate import AGGREGATORS
from assay.agreement.group import MAX_SCALE, SIZES
from marketplace.accounts.models import SLUG, Organisation, User
from marketplace.catalogue.models import ModelVersion, Node

LANES = 4  # rows in which one group's counts of one day are kept, so that writers seldom meet in one


class Group(models.Model):
    """What one asks as `group:slug`. From its genesis on, all that its configuration says is fixed."""

    class State(models.TextChoices):
        INVITING = "inviting", "Waiting for members"
        SIGNING = "signing", "Waiting for signatures"
        FORMING = "forming", "Members are being told"
        SERVING = "serving", "Serving"
        WITHDRAWN = "withdrawn", "Withdrawn"

    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=240, blank=True)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="groups")  # founded it
    state = models.CharField(max_length=10, choices=State.choices, default=State.INVITING)
    size = models.PositiveSmallIntegerField()  # members that it has, or is to have
    interface = models.JSONField()  # assay.model.Interface, of assay.agreement.group.Configuration
    scale = models.PositiveIntegerField(null=True)  # of values; null where the group answers with labels
    aggregator = models.CharField(max_length=64)
    grace = models.PositiveIntegerField()  # ms
    horizon = models.PositiveIntegerField()  # ms
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__in=SIZES), name="group_size"),
            models.CheckConstraint(condition=Q(aggregator__in=list(AGGREGATORS)), name="group_aggregator"),
            models.CheckConstraint(
                condition=Q(aggregator="plurality", scale__isnull=True)
                | Q(scale__isnull=False, scale__gte=1, scale__lte=MAX_SCALE) & ~Q(aggregator="plurality"),
                name="group_counts_what_it_answers",
            ),
        ]
        indexes = [models.Index(fields=["state", "-created"], name="group_by_state")]

    def __str__(self) -> str:
        return self.slug


class Member(models.Model):
    """An organisation's place in a group. Who declined keeps no place, and may be invited again."""

    class State(models.TextChoices):
        INVITED = "invited", "Invited"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships_of_groups")
    position = models.PositiveSmallIntegerField(null=True)  # in the configuration, the founder at 0
    state = models.CharField(max_length=10, choices=State.choices, default=State.INVITED)
    node = models.ForeignKey(Node, null=True, on_delete=models.PROTECT, related_name="seats")
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="seats")  # now
    formed = models.DateTimeField(null=True)  # when its node said that it takes part
    told = models.JSONField(default=list)  # where its node knows all members' nodes to be: addresses, in order
    detail = models.CharField(max_length=300, blank=True)  # why it does not yet
    reached = models.PositiveSmallIntegerField(null=True)  # members that its node hears, itself included
    created = models.DateTimeField(auto_now_add=True)
    answered = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "organisation"], name="one_place_per_organisation"),
            models.UniqueConstraint(fields=["group", "position"], name="one_member_per_place"),
            models.CheckConstraint(
                condition=Q(position__isnull=True) ^ ~Q(state="declined"), name="place_in_group"
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", node__isnull=False, version__isnull=False)
                | ~Q(state="accepted") & Q(node__isnull=True, version__isnull=True),
                name="accepted_with_a_model",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} in {self.group}"


class GroupEpoch(models.Model):
    """A configuration. Once every member has signed, `document` holds the whole, and the row stands for ever."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="epochs")
    number = models.PositiveIntegerField()
    configuration = models.BinaryField()  # canonical CBOR of assay.agreement.group.Configuration
    digest = models.BinaryField(max_length=32, unique=True)  # of number 0, the genesis: what buyers pin
    document = models.BinaryField(null=True)  # canonical CBOR of assay.agreement.group.Epoch
    created = models.DateTimeField(auto_now_add=True)
    stood = models.DateTimeField(null=True)  # since when it does

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "number"], name="one_epoch_per_number"),
            models.CheckConstraint(
                condition=Q(document__isnull=True) ^ Q(stood__isnull=False), name="stands_with_its_document"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} #{self.number} {self.hex[:16]}"

    @property
    def hex(self) -> str:
        return bytes(self.digest).hex()


class Consent(models.Model):
    """A member's signature under an epoch's configuration, by its node's key; checked before it is kept."""

    epoch = models.ForeignKey(GroupEpoch, on_delete=models.CASCADE, related_name="consents")
    position = models.PositiveSmallIntegerField()  # of the member in the configuration
    signature = models.BinaryField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["epoch", "position"], name="one_consent_per_member")]

    def __str__(self) -> str:
        return f"of member {self.position} to {self.epoch}"


class Swap(models.Model):
    """That a member changes, or changed, to another of its models: asked for, then ordered by the group.

    Its node does so at its owner's word alone, which is waited for, but not for ever.
    """

    WAITS = timedelta(days=7)

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        ADOPTED = "adopted", "Adopted"
        FAILED = "failed", "Failed"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="swaps")
    before = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    detail = models.CharField(max_length=300, blank=True)  # why it failed, or has not happened yet
    last_told = models.DateTimeField(null=True)  # when its node was, and asked to
    awaits_owner = models.BooleanField(default=False)  # the node has said that its owner has to allow it
    asked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)
    completed = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member"], condition=Q(state="waiting"), name="one_swap_at_a_time"),
            models.CheckConstraint(
                condition=Q(completed__isnull=True) ^ ~Q(state="waiting"), name="swap_completed_when_ended"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.before} to {self.after}"

    @property
    def command(self) -> str:
        """With which the owner allows it, on the node's machine."""
        return f"assay-node adopt {self.member.group.slug} {bytes(self.after.commitment or b'').hex()}"

    @property
    def expires(self) -> datetime:
        return self.created + self.WAITS


class Evidence(models.Model):
    """That members of a group have broken their word; checked before it is kept, and kept for ever."""

    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="evidence")
    digest = models.BinaryField(max_length=32, unique=True)  # SHA-256 of the document
    document = models.BinaryField()  # canonical CBOR of assay.agreement.blame.evidence.AnyEvidence
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=200)  # what was done where: a member is struck for it once
    sentence = models.CharField(max_length=1000)
    submitted_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "evidence"
        indexes = [models.Index(fields=["group", "-created"], name="evidence_of_group")]

    def __str__(self) -> str:
        return f"{self.kind} {self.hex[:16]}"

    @property
    def hex(self) -> str:
        return bytes(self.digest).hex()


class Strike(models.Model):
    """Against a member of a group, for something that it is proven to have done."""

    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="strikes")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="strikes")
    about = models.CharField(max_length=200)  # as of the evidence
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "about"], name="one_strike_for_a_deed")]

    def __str__(self) -> str:
        return f"{self.member} for {self.evidence}"


class GroupCounts(models.Model):
    """What settled predictions have added up to, by epoch and day (UTC); no day: of all days together.

    `marketplace.groups.settling` alone writes it, `marketplace.groups.counting` says what the numbers are.
    """

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="counts")
    epoch = models.PositiveIntegerField()
    day = models.DateField(null=True)
    lane = models.PositiveSmallIntegerField()  # below LANES
    requests = models.BigIntegerField()
    rows = models.BigIntegerField()
    members = ArrayField(models.BigIntegerField())
    pairs = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name_plural = "counts"
        constraints = [
            models.UniqueConstraint(
                fields=["group", "epoch", "day", "lane"], name="one_count_in_a_lane", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.group} #{self.epoch} {self.day or 'ever'}"


class Alert(models.Model):
    """That so few members of a group work that one failure more stops it, or that it has stopped.

    Noticed at once; raised, which is when anybody is told, if it lasts; cleared when it is over.
    """

    class Level(models.TextChoices):
        MARGINAL = "marginal", "One failure from stopping"
        STOPPED = "stopped", "Stopped"

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="alerts")
    level = models.CharField(max_length=10, choices=Level.choices)
    working = models.PositiveSmallIntegerField()  # members, when it was last looked
    noticed = models.DateTimeField()
    raised = models.DateTimeField(null=True)
    cleared = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group"], condition=Q(cleared__isnull=True), name="one_alert_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(cleared__isnull=True) | Q(raised__isnull=False), name="cleared_once_raised"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group}: {self.get_level_display()}"

    @property
    def needed(self) -> int:
        """2f + 1 of 3f + 1."""
        return 2 * ((self.group.size - 1) // 3) + 1
