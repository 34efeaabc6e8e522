"""Who may see and who may change what is in the catalogue: every view and task asks here.

A public model is everybody's to see, in the versions that were published. Anything else is its organisation's.
A stranger who asks for more gets NotFound, whether the thing exists or not.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from assay.keys import PublicKey
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.accounts.scopes import Scope
from marketplace.catalogue.models import Deployment, Evaluation, Model, ModelVersion, Node
from marketplace.errors import NotFound

PUBLIC = Q(visibility=Model.Visibility.PUBLIC, published_version__isnull=False)

# --- seeing -----------------------------------------------------------------------------------------------


def visible_models(actor: Actor | None) -> QuerySet[Model]:
    """The models that `actor` (None: anybody) may see."""
    if actor is None or (actor.key is not None and Scope.READ not in actor.key.scopes):
        return Model.objects.filter(PUBLIC)
    return Model.objects.filter(PUBLIC | Q(organisation__in=list(actor.roles)))


def model(actor: Actor | None, owner: str, name: str) -> Model:
    """Raises NotFound."""
    found = (
        visible_models(actor)
        .select_related("organisation", "published_version")
        .filter(organisation__slug=owner, slug=name)
        .first()
    )
    if found is None:
        raise NotFound("no such model", pointer=f"{owner}/{name}"[:100])
    return found


def visible_versions(actor: Actor | None, of: Model) -> QuerySet[ModelVersion]:
    """The versions of a model (which `actor` may see) that `actor` may see too, newest first."""
    versions = ModelVersion.objects.filter(model=of).order_by("-number")
    if actor is not None and actor.member_of(of.organisation_id):
        return versions
    return versions.filter(state=ModelVersion.State.PUBLISHED)


def version(actor: Actor | None, owner: str, name: str, number: int) -> ModelVersion:
    """Raises NotFound."""
    of = model(actor, owner, name)
    return _version(visible_versions(actor, of), of, number)


# --- changing ---------------------------------------------------------------------------------------------


def managed_model(actor: Actor, owner: str, name: str) -> Model:
    """A model that `actor` may change. Raises NotFound for a stranger, Forbidden for a member who may not."""
    found = Model.objects.select_related("organisation", "published_version").filter(
        organisation__in=list(actor.roles), organisation__slug=owner, slug=name
    )
    for each in found:
        require_models(actor, each.organisation_id)
        return each
    raise NotFound("no such model", pointer=f"{owner}/{name}"[:100])


def managed_version(actor: Actor, owner: str, name: str, number: int) -> ModelVersion:
    """The same for a version."""
    of = managed_model(actor, owner, name)
    return _version(ModelVersion.objects.filter(model=of), of, number)


def managed_deployment(actor: Actor, deployment: int) -> Deployment:
    """The same for a deployment."""
    found = (
        Deployment.objects.select_related("version__model__organisation", "version__upload", "node")
        .filter(pk=deployment, version__model__organisation__in=list(actor.roles))
        .first()
    )
    if found is None:
        raise NotFound("no such deployment", pointer=str(deployment))
    require_models(actor, found.version.model.organisation_id)
    return found


def visible_evaluations(actor: Actor, of: ModelVersion) -> QuerySet[Evaluation]:
    """Evaluations are the organisation's own affair; their results stand on the card."""
    return Evaluation.objects.filter(version=of, version__model__organisation__in=list(actor.roles)).order_by(
        "-pk"
    )


def require_models(actor: Actor, organisation_id: int) -> None:
    """That `actor` may make and change this organisation's models. Raises NotFound, Forbidden."""
    actor.require_role(organisation_id, Role.OWNER)
    actor.require_scope(Scope.MODELS)


# --- nodes ------------------------------------------------------------------------------------------------


def visible_nodes(actor: Actor) -> QuerySet[Node]:
    """The nodes of the organisations acted for, retired ones too."""
    if actor.key is not None and not {Scope.READ, Scope.NODES} & set(actor.key.scopes):
        return Node.objects.none()
    return (
        Node.objects.filter(organisation__in=list(actor.roles))
        .select_related("organisation")
        .prefetch_related("former_keys")
        .order_by("pk")
    )


def node(actor: Actor, node: int) -> Node:
    """Raises NotFound."""
    for each in visible_nodes(actor).filter(pk=node):
        return each
    raise NotFound("no such node", pointer=str(node))


def managed_node(actor: Actor, node: int) -> Node:
    """Raises NotFound for a stranger, Forbidden for a member who may not."""
    found = Node.objects.select_related("organisation").filter(pk=node, organisation__in=list(actor.roles)).first()
    if found is None:
        raise NotFound("no such node", pointer=str(node))
    require_nodes(actor, found.organisation_id)
    return found


def managed_node_of_key(actor: Actor, key: PublicKey) -> Node:
    """The same for a node by its key, or by one it had before."""
    found = (
        Node.objects.select_related("organisation")
        .filter(Q(key=key.raw) | Q(former_keys__key=key.raw), organisation__in=list(actor.roles))
        .first()
    )
    if found is None:
        raise NotFound("no such node", pointer="/old", got=str(key))
    require_nodes(actor, found.organisation_id)
    return found


def require_nodes(actor: Actor, organisation_id: int) -> None:
    """That `actor` may register and retire this organisation's nodes. Raises NotFound, Forbidden."""
    actor.require_role(organisation_id, Role.OWNER)
    actor.require_scope(Scope.NODES)


def _version(versions: QuerySet[ModelVersion], of: Model, number: int) -> ModelVersion:
    found = versions.select_related("model__organisation", "model__published_version", "upload").filter(
        number=number
    )
    for each in found:
        return each
    raise NotFound("no such version", pointer=f"{of}@{number}")
