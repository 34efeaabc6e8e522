"""What a prediction may be asked of, and who answers it.

A group is asked by its name as long as it serves, whoever asks.

`owner/name` means the published version, `owner/name@3` that one. Members of the owner's organisation may also ask
versions that are ready and not yet published, in any mode.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from django.utils import timezone

from assay.errors import Refused
from assay.keys import PublicKey
from marketplace.accounts.access import Actor
from marketplace.accounts.scopes import Scope
from marketplace.catalogue.interfaces import reference_of
from marketplace.catalogue.models import Deployment, ModelVersion, Node
from marketplace.db.statements import Statement, loaded
from marketplace.errors import NotFound
from marketplace.groups.models import Group
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
    version, organisation, offered = _version(actor, owner, slug, number)
    if version is None:
        raise NotFound("no such model", pointer=pointer, got=name, hint="GET /api/v1/models lists what there is.")
    if mode not in offered and not actor.member_of(organisation):
        raise Refused(
            "the model is not offered in this mode",
            code="mode-not-offered",
            pointer="/verification/mode",
            expected=" | ".join(offered) or "none: its owner offers it in no mode now",
            got=mode,
        )
    return version, f"model:{owner}/{slug}@{version.number}"


# The version with that number; or the published one; or, for members, the newest that is ready.
_VERSION = Statement(
    """
    SELECT v.id, v.model_id, v.number, v.state, v.interface, m.organisation_id,
           ARRAY(SELECT mode::text FROM catalogue_offer WHERE model_id = m.id ORDER BY id)
    FROM catalogue_model m
    JOIN accounts_organisation o ON o.id = m.organisation_id
    JOIN catalogue_modelversion v ON v.model_id = m.id
    WHERE o.slug = $1 AND m.slug = $2 AND ($3 IS NULL OR v.number = $3) AND (
        v.state = 'published' AND m.visibility = 'public' AND m.published_version_id IS NOT NULL
        OR v.state IN ('ready', 'published') AND m.organisation_id = ANY($4)
    )
    ORDER BY v.id = m.published_version_id DESC NULLS LAST, v.number DESC
    LIMIT 1
    """,
    *("text", "text", "bigint", "bigint[]"),
)  # every prediction comes through here; `catalogue.access` says the same in the ORM's words


def _version(
    actor: Actor, owner: str, slug: str, number: str | None
) -> tuple[ModelVersion | None, int, list[str]]:
    """The version, whose it is, and the modes it is offered in."""
    sees_own = actor.key is None or Scope.READ in actor.key.scopes
    acting_for = list(actor.roles) if sees_own else []
    for *version, interface, organisation, offered in _VERSION.rows(owner, slug, number, acting_for):
        values = (*version, msgspec.json.decode(interface) if interface else None)
        return (
            loaded(ModelVersion, ("id", "model_id", "number", "state", "interface"), values),
            organisation,
            offered,
        )
    return None, 0, []


_GROUP = Statement(
    "SELECT id, slug, interface, horizon FROM groups_group WHERE slug = $1 AND state = 'serving'", "text"
)


def find_group(slug: str, pointer: str = "/group") -> tuple[Group, str]:
    """The group with this name, and its name in the statement, `group:slug`. Raises NotFound."""
    for *group, interface, horizon in _GROUP.rows(slug):
        values = (*group, msgspec.json.decode(interface), horizon)
        return loaded(Group, ("id", "slug", "interface", "horizon"), values), f"group:{slug}"
    raise NotFound(
        "no such group", pointer=pointer, got=slug[:100], hint="GET /api/v1/groups lists what there is."
    )


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
