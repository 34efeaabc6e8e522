"""Models, versions, nodes and what belongs to them, as the API shows them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec

from assay.keys import PublicKey
from assay.model import Interface
from marketplace.accounts.access import Actor
from marketplace.api.amounts import Asked, money
from marketplace.catalogue import interfaces, offers
from marketplace.catalogue.models import Deployment, Evaluation, ModelVersion, Node, Upload
from marketplace.catalogue.offers import Card

VersionState = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ModelVersion.State.values})]
Weights = Annotated[str, msgspec.Meta(extra_json_schema={"enum": ModelVersion.Weights.values})]
DeploymentPhase = Annotated[str, msgspec.Meta(extra_json_schema={"enum": Deployment.State.values})]
EvaluationPhase = Annotated[str, msgspec.Meta(extra_json_schema={"enum": Evaluation.State.values})]
Hex = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Mode(msgspec.Struct, frozen=True):
    """A mode that it may be asked in: what holds, what is not promised, what it costs."""

    name: str
    title: str
    guarantee: str
    caveats: tuple[str, ...]
    inferences: Annotated[int, msgspec.Meta(description="How many times a model runs for each row")]
    price: Annotated[Asked, msgspec.Meta(description="Of a group: of all its members' votes together")]


class Provider(msgspec.Struct, frozen=True):
    """A node that answers for the version. `key` is what `assay verify --provider` takes."""

    name: str
    key: Annotated[str, msgspec.Meta(description="`ed25519:` and 64 hexadecimal digits")]
    serving: bool


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds from receipt to certificate, of the `count` latest certified predictions of one row."""

    mode: str
    p50: float
    p95: float
    count: int


class Metric(msgspec.Struct, frozen=True):
    """Measured by the marketplace through the deployed model, on a set whose SHA-256 is `sha256`."""

    name: Annotated[str, msgspec.Meta(description="accuracy | mean-absolute-error | root-mean-square-error | r2")]
    value: float
    dataset: str
    rows: int
    sha256: Hex


class Version(msgspec.Struct, frozen=True):
    """A file with an interface. `commitment` names both, in certificates and for `assay verify --model`."""

    number: int
    state: VersionState
    weights: Weights
    sha256: Hex | None
    commitment: Hex | None
    size: Annotated[int, msgspec.Meta(description="Bytes")]
    interface: Interface | None
    metrics: list[Metric]
    created: dt.datetime


class ModelCard(msgspec.Struct, frozen=True):
    """A model. `version` is the published one or, for its owners, the newest while none is published."""

    slug: Annotated[str, msgspec.Meta(description="`owner/name`, as predictions take it")]
    owner: str
    owner_name: str
    name: str
    title: str
    summary: str
    task: str
    licence: str
    visibility: str
    serving: Annotated[bool, msgspec.Meta(description="Whether some node serves it now")]
    modes: tuple[Mode, ...]
    version: Version | None
    providers: tuple[Provider, ...]
    latency: tuple[Latency, ...]
    created: dt.datetime
    updated: dt.datetime


class Example(msgspec.Struct, frozen=True):
    """An input to try; tensors as predictions take them."""

    title: str
    inputs: list[dict[str, Any]]


class Model(ModelCard, frozen=True):
    """A model with its description in Markdown, and inputs to try."""

    card: str
    examples: list[Example]


# --- what only its owners see -----------------------------------------------------------------------------


class UploadState(msgspec.Struct, frozen=True):
    """`received` of `size` bytes are here; `deleted` says since when the file is not."""

    size: int
    received: int
    deleted: dt.datetime | None


class DeploymentState(msgspec.Struct, frozen=True):
    """A version on a node. `delivered` bytes are there; `detail` says why it failed."""

    id: int
    node: int
    node_name: str
    state: DeploymentPhase
    delivered: int
    detail: str
    updated: dt.datetime


class EvaluationState(msgspec.Struct, frozen=True):
    """A measurement; its figures appear among the version's `metrics`."""

    id: int
    dataset: str
    rows: int
    state: EvaluationPhase
    detail: str
    created: dt.datetime


class Own(msgspec.Struct, frozen=True):
    """What only a version's owners see: the check's findings, the upload, where it runs, what was measured."""

    report: Annotated[dict[str, Any] | None, msgspec.Meta(description="What the check found; see `findings`")]
    upload: UploadState | None
    deployments: list[DeploymentState]
    evaluations: list[EvaluationState]


class VersionDetail(Version, frozen=True):
    """`own` is null for anybody but the version's owners."""

    own: Own | None


class NodeState(msgspec.Struct, frozen=True):
    """A node, and how it was when last asked (`seen`)."""

    id: int
    organisation: str
    name: str
    key: str
    former_keys: Annotated[list[str], msgspec.Meta(description="Keys that it had before, and signed with")]
    address: str
    serving: bool
    detail: str
    seen: dt.datetime | None
    retired: dt.datetime | None
    created: dt.datetime


# --- from the database ------------------------------------------------------------------------------------


def card(shown: Card) -> ModelCard:
    return ModelCard(**_card(shown))


def model(shown: Card) -> Model:
    examples = [Example(**each) for each in shown.version.examples] if shown.version else []
    return Model(**_card(shown), card=shown.model.card, examples=examples)


def version(shown: ModelVersion) -> Version:
    return Version(**_version(shown))


def detail(actor: Actor | None, shown: ModelVersion) -> VersionDetail:
    """All of it for members, what is public for anybody else."""
    member = actor is not None and actor.member_of(shown.model.organisation_id)
    return VersionDetail(**_version(shown), own=_own(shown) if member else None)


def mode(shown: offers.ModeOffer) -> Mode:
    price = Asked(money(shown.micros), shown.unit, shown.free_rows)
    return Mode(shown.name, shown.title, shown.guarantee, shown.caveats, shown.inferences, price)


def deployments(shown: Iterable[Deployment]) -> list[DeploymentState]:
    return [
        DeploymentState(
            id=each.pk,
            node=each.node_id,
            node_name=each.node.name,
            state=each.state,
            delivered=each.delivered,
            detail=each.detail,
            updated=each.updated,
        )
        for each in shown
    ]


def evaluation(shown: Evaluation) -> EvaluationState:
    return EvaluationState(
        id=shown.pk,
        dataset=shown.dataset,
        rows=shown.rows,
        state=shown.state,
        detail=shown.detail,
        created=shown.created,
    )


def node(shown: Node) -> NodeState:
    return NodeState(
        id=shown.pk,
        organisation=shown.organisation.slug,
        name=shown.name,
        key=str(PublicKey(bytes(shown.key))),
        former_keys=[str(PublicKey(bytes(each.key))) for each in shown.former_keys.all()],
        address=shown.address,
        serving=shown.serving,
        detail=shown.detail,
        seen=shown.seen,
        retired=shown.retired,
        created=shown.created,
    )


def _own(shown: ModelVersion) -> Own:
    upload = Upload.objects.filter(version=shown).first()
    return Own(
        report=shown.report,
        upload=UploadState(upload.size, upload.received, upload.deleted) if upload else None,
        deployments=deployments(shown.deployments.select_related("node").order_by("pk")),
        evaluations=[evaluation(each) for each in shown.evaluations.defer("data").order_by("pk")],
    )


def _card(shown: Card) -> dict[str, Any]:
    found = shown.model
    return {
        "slug": str(found),
        "owner": found.organisation.slug,
        "owner_name": found.organisation.name,
        "name": found.slug,
        "title": found.title,
        "summary": found.summary,
        "task": found.task,
        "licence": found.licence,
        "visibility": found.visibility,
        "serving": shown.serving,
        "modes": tuple(mode(each) for each in shown.modes),
        "version": version(shown.version) if shown.version else None,
        "providers": tuple(Provider(each.name, each.key, each.serving) for each in shown.providers),
        "latency": tuple(_latency(each) for each in shown.latency),
        "created": found.created,
        "updated": found.updated,
    }


def _version(shown: ModelVersion) -> dict[str, Any]:
    return {
        "number": shown.number,
        "state": shown.state,
        "weights": shown.weights,
        "sha256": _hex(shown.digest),
        "commitment": _hex(shown.commitment),
        "size": shown.size,
        "interface": interfaces.interface_of(shown) if shown.interface is not None else None,
        "metrics": [Metric(**metric) for metric in shown.metrics],
        "created": shown.created,
    }


def _latency(shown: offers.Latency) -> Latency:
    return Latency(shown.mode, round(1000 * shown.p50, 1), round(1000 * shown.p95, 1), shown.count)


def _hex(digest: bytes | memoryview | None) -> str | None:
    return None if digest is None else bytes(digest).hex()
