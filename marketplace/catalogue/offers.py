"""What a model offers, as cards, pages and the API show it: modes with their guarantees, providers, latency.

Everything is fetched for a whole list at once, in a number of queries that does not depend on its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from assay.keys import PublicKey
from marketplace.billing import pricing
from marketplace.billing.models import Price
from marketplace.catalogue.models import Deployment, Model, ModelVersion, Offer
from verification.metering import Unit
from verification.mode import Mode, Target
from verification.registry import MODES

RECENT = 200  # predictions of one row, by version and mode, from which its latency is told


@dataclass(frozen=True)
class ModeOffer:
    """A mode a model or group may be asked in: what it gives, what it does not promise, what it costs.

    `micros`: micro-units for one `unit`, of all sellers together; 0 where it is free. `free_rows`: how many rows a
    month cost each buyer nothing at all.
    """

    name: str
    title: str
    guarantee: str
    caveats: tuple[str, ...]
    inferences: int
    unit: Unit
    micros: int = 0
    free_rows: int = 0

    @classmethod
    def of(cls, mode: Mode[Any], target: Target, prices: Iterable[Price]) -> ModeOffer:
        """With what its sellers ask in this mode."""
        quote, asked = mode.quote(target, mode.Params()), [price for price in prices if price.micros]
        return cls(
            *(mode.name, mode.title, quote.guarantee, quote.caveats, quote.inferences, mode.meter.unit),
            micros=sum(price.micros for price in asked),
            free_rows=min((price.free_rows for price in asked), default=0),
        )


@dataclass(frozen=True)
class Provider:
    """A node that holds a version; `key` is what buyers pin, `ed25519:<hex>`."""

    deployment: int
    node: int
    name: str
    key: str
    state: str  # Deployment.State
    serving: bool  # the deployment and its node, now
    detail: str


@dataclass(frozen=True)
class Latency:
    """Seconds from receipt to certificate, of the last `count` (at most RECENT) certified predictions."""

    mode: str
    p50: float
    p95: float
    count: int


@dataclass(frozen=True)
class Card:
    """A model as it is shown. `version` is the published one or, before there is one, the newest."""

    model: Model
    version: ModelVersion | None
    modes: tuple[ModeOffer, ...]
    providers: tuple[Provider, ...]
    latency: tuple[Latency, ...]

    @property
    def serving(self) -> bool:
        return any(provider.serving for provider in self.providers)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return self.version.metrics if self.version else []


def for_cards(models: QuerySet[Model]) -> QuerySet[Model]:
    """`models` with what `cards` needs and without what lists do not show."""
    return models.select_related("organisation", "published_version").defer(
        "search", "headline", "card", "published_version__report", "published_version__examples"
    )


def cards(models: Sequence[Model]) -> list[Card]:
    """One card for each model, in order; four or five queries, whatever their number."""
    newest = _newest([model.pk for model in models if model.published_version_id is None])
    shown = {model.pk: model.published_version or newest.get(model.pk) for model in models}
    versions = [version.pk for version in shown.values() if version]
    offered = modes(models)
    hosts, times = providers(versions), latencies(versions)
    return [
        Card(
            model=model,
            version=version,
            modes=offered.get(model.pk, ()),
            providers=hosts.get(version.pk, ()) if version else (),
            latency=times.get(version.pk, ()) if version else (),
        )
        for model in models
        for version in (shown[model.pk],)
    ]


def modes(models: Iterable[Model]) -> dict[int, tuple[ModeOffer, ...]]:
    """By model: what it may be asked in, of the modes that stand."""
    names = {model.pk: f"model:{model}" for model in models}
    prices = pricing.standing_of_models(names)
    found: dict[int, list[ModeOffer]] = {}
    for model, name in Offer.objects.filter(model__in=names).order_by("pk").values_list("model_id", "mode"):
        if mode := MODES.get(name):
            asked = [prices[model, name]] if (model, name) in prices else []
            offer = ModeOffer.of(mode, Target(name=names[model], providers=()), asked)
            found.setdefault(model, []).append(offer)
    return {model: tuple(offered) for model, offered in found.items()}


def providers(versions: Iterable[int]) -> dict[int, tuple[Provider, ...]]:
    """By version: where it is deployed, or on its way, or failed to be; not where it was stopped."""
    found: dict[int, list[Provider]] = {}
    deployments = Deployment.objects.filter(version__in=list(versions)).exclude(state=Deployment.State.STOPPED)
    for each in deployments.select_related("node").order_by("pk"):
        provider = Provider(
            deployment=each.pk,
            node=each.node_id,
            name=each.node.name,
            key=str(PublicKey(bytes(each.node.key))),
            state=each.state,
            serving=each.state == Deployment.State.SERVING and each.node.serving and each.node.retired is None,
            detail=each.detail or each.node.detail,
        )
        found.setdefault(each.version_id, []).append(provider)
    return {version: tuple(there) for version, there in found.items()}


_LATENCIES = """
SELECT version, mode, p[1], p[2], count
FROM unnest(%s::bigint[]) AS wanted(version), unnest(%s::text[]) AS m(mode), LATERAL (
    SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds) AS p, count(*) AS count
    FROM (
        SELECT extract(epoch FROM completed - created)::float8 AS seconds FROM predictions_prediction
        WHERE version_id = wanted.version AND status = 'certified' AND predictions_prediction.mode = m.mode
            AND rows = 1 -- as most requests are; one of a thousand says nothing about how long they take
        ORDER BY created DESC LIMIT %s
    ) AS recent
) AS measured WHERE count > 0
"""


def latencies(versions: Iterable[int]) -> dict[int, tuple[Latency, ...]]:
    """By version: latency of one row, as measured, in each mode that has been used."""
    found: dict[int, list[Latency]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_LATENCIES, [list(versions), list(MODES), RECENT])
        for version, mode, p50, p95, count in cursor.fetchall():
            found.setdefault(version, []).append(Latency(mode, p50, p95, count))
    return {version: tuple(each) for version, each in found.items()}


def _newest(models: Sequence[int]) -> dict[int, ModelVersion]:
    newest = ModelVersion.objects.filter(model__in=models).order_by("model", "-number").distinct("model")
    return {version.model_id: version for version in newest.defer("report", "examples")}
