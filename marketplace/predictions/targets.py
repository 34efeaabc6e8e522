"""What a prediction may be asked of, and who answers it.

`owner/name` means the published version, `owner/name@3` that one. Members of the owner's organisation may also ask
versions that are ready and not yet published, in any mode.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, F, OuterRef, Value, When
from django.utils import timezone

from assay.errors import Refused
from assay.keys import PublicKey
from marketplace.accounts.access import Actor
from marketplace.catalogue.access import visible_models
from marketplace.catalogue.interfaces import reference_of
from marketplace.catalogue.models import Deployment, ModelVersion, Node, Offer
from marketplace.errors import NotFound
from verification.mode import Provider

_NAME = re.compile(r"([a-z0-9-]{1,40})/([a-z0-9-]{1,40})(?:@([1-9][0-9]{0,8}))?", re.ASCII)
_LONG_AGO = dt.datetime.min.replace(tzinfo=dt.UTC)


def find(actor: Actor, name: str, mode: str, pointer: str = "/model") -> tuple[ModelVersion, str]:
    """The version that `name` means for `actor`, and its name in the statement, `model:owner/name@version`.

    Raises Refused for a malformed name or a mode that the model is not offered in, NotFound otherwise.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise Refused(
            "not a model's name", pointer=pointer, expected="owner/name or owner/name@version", got=name[:100]
        )
    owner, slug, number = match.groups()
    version = _version(actor, owner, slug, number)
    if version is None:
        raise NotFound("no such model", pointer=pointer, got=name, hint="GET /api/v1/models lists what there is.")
    offered: list[str] = version.offered  # type: ignore[attr-defined]  # annotated
    if mode not in offered and not actor.member_of(version.model.organisation_id):
        raise Refused(
            "the model is not offered in this mode",
            code="mode-not-offered",
            pointer="/verification/mode",
            expected=" | ".join(offered) or "none: its owner offers it in no mode now",
            got=mode,
        )
    return version, f"model:{owner}/{slug}@{version.number}"


def _version(actor: Actor, owner: str, slug: str, number: str | None) -> ModelVersion | None:
    """One query. Without a number: the published version, else (for members) the newest that is ready."""
    states = ModelVersion.State
    current = Case(When(pk=F("model__published_version_id"), then=Value(0)), default=Value(1))
    offers = Offer.objects.filter(model=OuterRef("model")).order_by("pk").values("mode")
    found = (
        ModelVersion.objects.filter(
            model__in=visible_models(actor), model__organisation__slug=owner, model__slug=slug
        )
        .filter(state__in=(states.READY, states.PUBLISHED))
        .select_related("model")
        .defer("report", "metrics", "examples", "model__search", "model__card")
        .annotate(offered=ArraySubquery(offers))
        .order_by(current, "-number")
    )
    for version in found.filter(number=number) if number else found[:1]:
        if version.state == states.PUBLISHED or actor.member_of(version.model.organisation_id):
            return version
    return None


@dataclass(frozen=True)
class Candidate:
    """A node that may be asked: `serving` when last asked after its health, `failed` when it last let one down."""

    provider: Provider
    serving: bool
    failed: dt.datetime


def candidates(version: int) -> list[Candidate]:
    """The nodes that a version is deployed on. One query."""
    deployments = (
        Deployment.objects.filter(version=version, state=Deployment.State.SERVING, node__retired__isnull=True)
        .select_related("node", "version")
        .defer("version__report", "version__metrics", "version__examples")
    )
    return [_candidate(each) for each in deployments]


def in_order(among: Iterable[Candidate], request: bytes) -> tuple[Provider, ...]:
    """Preferred first: nodes that are serving, then those that failed longest ago.

    Equals are ordered by a hash of request and node. It spreads the load, and whoever takes over from a worker
    that died asks the same node first, which then gives the answer that it has already given.
    """

    def preference(each: Candidate) -> tuple[bool, dt.datetime, bytes]:
        return not each.serving, each.failed, hashlib.sha256(request + each.provider.key.raw).digest()

    return tuple(each.provider for each in sorted(among, key=preference))


def note_failure(key: PublicKey) -> None:
    """A node could not be reached or could not serve."""
    Node.objects.filter(key=key.raw).update(failed=timezone.now())


def _candidate(deployment: Deployment) -> Candidate:
    node = deployment.node
    provider = Provider(PublicKey(bytes(node.key)), node.address, reference_of(deployment.version))
    return Candidate(provider, node.serving, node.failed or _LONG_AGO)
