"""Groups, their epochs and members, who has signed, what is to follow, changes of models; counts and alerts."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from assay.agreement.aggregate import AGGREGATORS
from assay.agreement.group import MAX_SCALE, SIZES
from marketplace.accounts.models import SLUG, Organisation, User
from marketplace.catalogue.models import ModelVersion, Node
from marketplace.certificates.models import Certificate

LANES = 4  # rows in which one group's counts of one day are kept, so that writers seldom meet in one


class Group(models.Model):
    """What one asks as `group:slug`. From its genesis on, only epochs change what its configuration says."""

    class State(models.TextChoices):
        INVITING = "inviting", "Waiting for members"
        SIGNING = "signing", "Waiting for signatures"
        FORMING = "forming", "Members are being told"
        SERVING = "serving", "Serving"
        WITHDRAWN = "withdrawn", "Withdrawn"

    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=240, blank=True)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="groups"
    )  # keeps its page
    state = models.CharField(max_length=10, choices=State.choices, default=State.INVITING)
    size = models.PositiveSmallIntegerField()  # members that it has, or is to have
    interface = models.JSONField()  # assay.model.Interface, of assay.agreement.group.Configuration
    scale = models.PositiveIntegerField(null=True)  # of values; null where the group answers with labels
    aggregator = models.CharField(max_length=64)
    grace = models.PositiveIntegerField()  # ms
    horizon = models.PositiveIntegerField()  # ms
    stake = models.BigIntegerField(default=0)  # micro-units that each member has to lock: see billing.stakes
    copy_resistant = models.BooleanField(default=False)  # as in assay.agreement.group.Configuration
    epoch = models.PositiveIntegerField(
        default=0
    )  # in force, by its number: `size`, `grace` and `horizon` are its own
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(size__in=SIZES), name="group_size"),
            models.CheckConstraint(condition=Q(stake__gte=0, stake__lte=10**12), name="group_stake"),
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
    """An organisation's place in a group; or its way there, or what is left of it, where it has no place.

    Who declined may be invited again. A later epoch asks (`asked`) and brings in (`joining`, with a model) its new
    members; who has left keeps the row with what it answered with last.
    """

    class State(models.TextChoices):
        INVITED = "invited", "Invited"
        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        ASKED = "asked", "Asked to join"
        JOINING = "joining", "Comes with the next epoch"
        LEFT = "left", "Has left"

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="members")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships_of_groups")
    position = models.PositiveSmallIntegerField(null=True)  # in the configuration, who keeps the page at 0
    epoch = models.PositiveIntegerField(default=0)  # of whose configuration; of who has left, the first without it
    state = models.CharField(max_length=10, choices=State.choices, default=State.INVITED)
    node = models.ForeignKey(Node, null=True, on_delete=models.PROTECT, related_name="seats")
    version = models.ForeignKey(ModelVersion, null=True, on_delete=models.PROTECT, related_name="seats")  # now
    formed = models.DateTimeField(null=True)  # when its node said that it takes part
    told = models.JSONField(default=list)  # where its node knows all members' nodes to be: addresses, in order
    told_epoch = models.PositiveIntegerField(default=0)  # that its node has been told of, by its number
    detail = models.CharField(max_length=300, blank=True)  # why it does not yet
    reached = models.PositiveSmallIntegerField(null=True)  # members that its node hears, itself included
    created = models.DateTimeField(auto_now_add=True)
    answered = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group", "organisation"], name="one_place_per_organisation"),
            models.UniqueConstraint(
                fields=["group", "position"],
                name="one_member_per_place",
                deferrable=models.Deferrable.IMMEDIATE,  # members change places in one statement
            ),
            models.CheckConstraint(
                condition=Q(position__isnull=True) ^ Q(state__in=("invited", "accepted")), name="place_in_group"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("accepted", "joining", "left"), node__isnull=False, version__isnull=False)
                | Q(state__in=("invited", "declined", "asked"), node__isnull=True, version__isnull=True),
                name="accepted_with_a_model",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation} in {self.group}"


class GroupEpoch(models.Model):
    """A configuration. With what puts it in force, `document` holds the whole, and the row stands for ever.

    Of a later epoch than the first the row is written when it is in force (`Proposal` is what comes before).
    """

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


class Proposal(models.Model):
    """The next epoch of a group, from a member's proposal until it is in force, or comes to nothing.

    inviting    who is to come chooses a model
    signing     its configuration is fixed; all of its members sign, and a quorum of the present ones
    ordering    all have; the members' nodes are told, and order it as the last entry of the present epoch
    in-force
    """

    WAITS = timedelta(days=14)

    class State(models.TextChoices):
        INVITING = "inviting", "Waiting for new members"
        SIGNING = "signing", "Waiting for signatures"
        ORDERING = "ordering", "Being ordered"
        IN_FORCE = "in-force", "In force"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"
        OVERTAKEN = "overtaken", "Another came first"

    OPEN = ("inviting", "signing", "ordering")

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="proposals")
    number = models.PositiveIntegerField()  # of the epoch that it would be
    state = models.CharField(max_length=10, choices=State.choices)
    joining = ArrayField(models.CharField(max_length=60), default=list)  # organisations, in their order
    leaving = ArrayField(models.CharField(max_length=60), default=list)
    grace = models.PositiveIntegerField()  # ms
    horizon = models.PositiveIntegerField()  # ms
    configuration = models.BinaryField(
        null=True
    )  # canonical CBOR of assay.agreement.group.Configuration, once fixed
    digest = models.BinaryField(max_length=32, null=True)  # of that
    detail = models.CharField(max_length=300, blank=True)  # what stands in its way
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")  # proposes it
    proposed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    last_told = models.DateTimeField(null=True)  # when members' nodes were
    created = models.DateTimeField(auto_now_add=True)
    completed = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group"],
                condition=Q(state__in=("inviting", "signing", "ordering")),
                name="one_proposal_at_a_time",
            ),
            models.CheckConstraint(
                condition=Q(completed__isnull=True) ^ ~Q(state__in=("inviting", "signing", "ordering")),
                name="proposal_completed_when_ended",
            ),
            models.CheckConstraint(
                condition=Q(configuration__isnull=True, digest__isnull=True)
                & ~Q(state__in=("signing", "ordering", "in-force"))
                | Q(configuration__isnull=False, digest__isnull=False) & ~Q(state="inviting"),
                name="proposal_fixed_to_be_signed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.group} #{self.number} {self.hex[:16]}".strip()

    @property
    def hex(self) -> str:
        return bytes(self.digest or b"").hex()

    @property
    def command(self) -> str:
        """With which an owner signs it, on the node's machine."""
        return f"assay-node accept {self.group.slug}"

    @property
    def expires(self) -> datetime:
        return self.created + self.WAITS


class ProposalSignature(models.Model):
    """Under a proposal's configuration, by one key; checked before it is kept.

    Of a member to come it is consent, of a present one its word, of who stays with its key both.
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.CASCADE, related_name="signatures")
    key = models.BinaryField(max_length=32)
    signature = models.BinaryField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proposal", "key"], name="one_signature_per_key")]

    def __str__(self) -> str:
        return f"of {bytes(self.key).hex()[:16]} under {self.proposal}"


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
    """Against a member of a group, for something that it is proven to have done: by evidence, or by a certificate,
    in which 2f + 1 members have signed that this one withheld its answer.
    """

    evidence = models.ForeignKey(Evidence, null=True, on_delete=models.PROTECT, related_name="strikes")
    certificate = models.ForeignKey(Certificate, null=True, on_delete=models.PROTECT, related_name="strikes")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="strikes")
    about = models.CharField(max_length=200)  # what was done where: as of the evidence, or the request
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["member", "about"], name="one_strike_for_a_deed"),
            models.CheckConstraint(
                condition=Q(evidence__isnull=True) ^ Q(certificate__isnull=True), name="strike_with_a_proof"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member} for {self.about}"


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


class Dissent(models.Model):
    """That a member lately answers otherwise than its group on most rows; there is none once that is over.

    `marketplace.groups.dissent` alone writes it. Of an earlier epoch or model of the member it says nothing.
    """

    member = models.OneToOneField(Member, on_delete=models.CASCADE, related_name="dissent")
    epoch = models.PositiveIntegerField()
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+")
    rows = models.PositiveIntegerField()  # of the last ones, those with an answer on which it voted
    dissented = models.PositiveIntegerField()  # on how many
    since = models.DateTimeField()  # noticed

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(dissented__lte=F("rows")), name="dissents_on_its_rows")]

    def __str__(self) -> str:
        return f"answers otherwise than the group on {self.dissented} of the last {self.rows} rows"

    @property
    def stands(self) -> bool:
        """Whether it is of the epoch and the model in which the member answers now."""
        return (self.epoch, self.version_id) == (self.member.epoch, self.member.version_id)
