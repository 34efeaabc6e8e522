"""Putting a version on a node, and taking it off.

A deployment's `attempt` grows each time it is asked for anew, so that a task which still works on an earlier
wish finds out, and stops.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import F, Q

from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.catalogue.actions.nodes import require_not_in_group, require_not_last
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Deployment, ModelVersion, Node, Upload
from marketplace.errors import Conflict, NotFound
from marketplace.groups.models import Member, Swap
from marketplace.predictions import outbox

State = Deployment.State
UNDER_WAY = (State.WAITING, State.DELIVERING, State.LOADING, State.SERVING)


@transaction.atomic
def deploy(actor: Actor, version: ModelVersion, node: Node) -> Deployment:
    """Has the version brought to the node and served there; a deployment that failed is tried again.

    Raises NotFound for another organisation's node, Conflict for a version that is not ready or whose file has
    been deleted here.
    """
    if node.organisation_id != version.model.organisation_id:
        raise NotFound("no such node", pointer="/node")
    version = held(version)
    node = held(node)
    if version.state not in (ModelVersion.State.READY, ModelVersion.State.PUBLISHED):
        raise Conflict("this version is not ready", code="version-not-ready", got=version.state)
    if node.retired is not None:
        raise Conflict("this node is retired", code="node-retired", pointer="/node")
    deployment, _ = Deployment.objects.get_or_create(
        version=version, node=node, runtime="onnx", defaults={"state": State.STOPPED}
    )
    if deployment.state in UNDER_WAY:
        return deployment
    _require_file(deployment)
    deployment.state, deployment.detail, deployment.attempt = State.WAITING, "", deployment.attempt + 1
    deployment.save(update_fields=["state", "detail", "attempt", "updated"])
    outbox.add("catalogue.deploy", deployment=deployment.pk, attempt=deployment.attempt)
    audit.record(version.model.organisation, actor.user, Action.DEPLOYED, deployment)
    return deployment


@transaction.atomic
def undeploy(actor: Actor, deployment: Deployment) -> Deployment:
    """Stops serving; the node keeps the file, so that deploying there again needs no delivery.

    Raises Conflict where a published version would be left without a provider, or a group answers with this one.
    """
    deployment = held(deployment, "version__model__organisation", "node")
    if deployment.state == State.STOPPED:
        return deployment
    require_not_last(deployment)
    wanted = Q(swaps__after=deployment.version, swaps__state=Swap.State.WAITING)
    require_not_in_group(Member.objects.filter(Q(version=deployment.version) | wanted, node=deployment.node))
    deployment.state, deployment.detail, deployment.attempt = State.STOPPED, "", deployment.attempt + 1
    deployment.save(update_fields=["state", "detail", "attempt", "updated"])
    outbox.add("catalogue.undeploy", deployment=deployment.pk, attempt=deployment.attempt)
    audit.record(deployment.version.model.organisation, actor.user, Action.UNDEPLOYED, deployment)
    return deployment


def _require_file(deployment: Deployment) -> None:
    """That the file is here, or on the node already, or was never meant to be here."""
    version = deployment.version
    if version.weights == ModelVersion.Weights.NEVER_HERE or deployment.acknowledged is not None:
        return
    if not Upload.objects.filter(version=version, deleted__isnull=True, received=F("size")).exists():
        raise Conflict(
            "the file was deleted here once it had been delivered",
            code="file-gone",
            hint="Upload the same file once more (POST …/file, then PUT), or add it on the node itself.",
        )
