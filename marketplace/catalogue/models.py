"""Models, versions, uploads, evaluations, nodes, deployments, offers."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models

from marketplace.accounts.models import SLUG, Organisation, User

SEARCH_CONFIG = "english"  # stemming and stop words, of what is indexed and of what is asked
HEADLINE = SearchVector("title", "slug", weight="A", config=SEARCH_CONFIG) + SearchVector(
    "summary", "task", weight="B", config=SEARCH_CONFIG
)


class Model(models.Model):
    """Something one can ask: `owner/name`. Its versions do the answering."""

    class Visibility(models.TextChoices):
        PRIVATE = "private", "Private"
        PUBLIC = "public", "Public"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="models")
    slug = models.CharField(max_length=40, validators=[SLUG])
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=240, blank=True)
    card = models.TextField(max_length=50_000, blank=True)  # Markdown, rendered without raw HTML
    task = models.CharField(max_length=20)  # of assay.model.Interface
    licence = models.CharField(max_length=60, blank=True)
    visibility = models.CharField(max_length=10, choices=Visibility.choices, default=Visibility.PRIVATE)
    published_version = models.ForeignKey(
        "ModelVersion", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    # what is found by; and the short part of it, by which it is ranked: PostgreSQL reads that without a detour
    search = models.GeneratedField(
        expression=HEADLINE + SearchVector("card", weight="C", config=SEARCH_CONFIG),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    headline = models.GeneratedField(expression=HEADLINE, output_field=SearchVectorField(), db_persist=True)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "slug"], name="model_slug_per_owner")]
        indexes = [
            GinIndex(fields=["search"], name="model_search"),
            models.Index(fields=["visibility", "-updated"]),
        ]

    def __str__(self) -> str:
        return f"{self.organisation.slug}/{self.slug}"


class ModelVersion(models.Model):
    """One file with one interface. Its digest and interface never change; its state does."""

    class State(models.TextChoices):
        UPLOADING = "uploading", "Uploading"
        VALIDATING = "validating", "Being checked"
        REJECTED = "rejected", "Refused"
        READY = "ready", "Ready"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    class Weights(models.TextChoices):
        DELIVERED = "delivered", "Uploaded here, delivered to the owner's node, then deleted here"
        NEVER_HERE = "never-here", "Never on the marketplace: added on the owner's own node"

    model = models.ForeignKey(Model, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=State.choices)
    weights = models.CharField(max_length=12, choices=Weights.choices)
    digest = models.BinaryField(max_length=32, null=True)  # SHA-256 of the ONNX file
    commitment = models.BinaryField(max_length=32, null=True)  # assay.model.ModelReference.commitment
    interface = models.JSONField(null=True)  # assay.model.Interface
    size = models.PositiveBigIntegerField(default=0)  # bytes
    report = models.JSONField(null=True)  # inference.validation.Report
    metrics = models.JSONField(default=list)  # [{name, value, dataset, rows, sha256}]: measured (see Evaluation)
    examples = models.JSONField(default=list)  # [{title, inputs}] for the playground; tensors as in the API
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "number"], name="version_number_per_model")]

    def __str__(self) -> str:
        return f"{self.model}@{self.number}"


class Upload(models.Model):
    """A file on its way in: spooled, validated, delivered, deleted."""

    version = models.OneToOneField(ModelVersion, on_delete=models.CASCADE, related_name="upload")
    size = models.PositiveBigIntegerField()  # announced, bytes
    digest = models.BinaryField(max_length=32, null=True)  # announced SHA-256 of the file
    declared = models.JSONField(default=dict)  # catalogue.interfaces.Declaration, announced
    received = models.PositiveBigIntegerField(default=0)  # bytes known to be on disk
    deleted = models.DateTimeField(null=True, blank=True)  # when the spooled file was removed here
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.received} of {self.size} bytes of {self.version}"


class Evaluation(models.Model):
    """A labelled set that the platform puts to the deployed model, to measure what the card shows."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        MEASURED = "measured", "Measured"
        FAILED = "failed", "Failed"

    version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="evaluations")
    dataset = models.CharField(max_length=120)  # what the owner calls it
    rows = models.PositiveIntegerField()
    digest = models.BinaryField(max_length=32)  # SHA-256 of the set as sent
    data = models.BinaryField(null=True)  # catalogue.labelled; removed once measured
    predictions = models.JSONField(default=list)  # ids, one per batch of rows, in order
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    detail = models.CharField(max_length=300, blank=True)  # why it failed
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.version} on {self.dataset}"


class Node(models.Model):
    """An owner's `assay-node`, known by its public key."""

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="nodes")
    name = models.CharField(max_length=60)
    key = models.BinaryField(max_length=32, unique=True)  # Ed25519, public
    address = models.CharField(max_length=200)  # host:port
    serving = models.BooleanField(default=False)  # as of `seen`
    detail = models.CharField(max_length=300, blank=True)  # why not serving
    seen = models.DateTimeField(null=True, blank=True)  # last answer to a health question
    failed = models.DateTimeField(null=True, blank=True)  # last time a prediction could not be carried out there
    retired = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "name"], name="node_name_per_owner")]

    def __str__(self) -> str:
        return f"{self.organisation.slug}/{self.name}"


class FormerKey(models.Model):
    """A key that a node had before. What it signed stays signed, and it becomes nobody's key again."""

    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="former_keys")
    key = models.BinaryField(max_length=32, unique=True)
    statement = models.TextField()  # assay.rotation.KeyRotation, as JSON
    replaced = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{bytes(self.key).hex()} of {self.node}"


class Deployment(models.Model):
    """A version on a node, in a runtime."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERING = "delivering", "Being delivered"
        LOADING = "loading", "Loading"
        SERVING = "serving", "Serving"
        FAILED = "failed", "Failed"
        STOPPED = "stopped", "Stopped"

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="deployments")
    node = models.ForeignKey(Node, on_delete=models.PROTECT, related_name="deployments")
    runtime = models.CharField(max_length=20, default="onnx")
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveIntegerField(default=0)  # how often it was asked for or withdrawn
    delivered = models.PositiveBigIntegerField(default=0)  # bytes
    acknowledged = models.DateTimeField(null=True, blank=True)  # when the node confirmed the file's commitment
    detail = models.CharField(max_length=300, blank=True)  # why it failed
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "node", "runtime"], name="one_deployment")]

    def __str__(self) -> str:
        return f"{self.version} on {self.node}"


class Offer(models.Model):
    """That a model may be asked in a mode."""

    model = models.ForeignKey(Model, on_delete=models.CASCADE, related_name="offers")
    mode = models.CharField(max_length=32)  # verification.registry

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "mode"], name="one_offer_per_mode")]

    def __str__(self) -> str:
        return f"{self.model} in {self.mode}"
