"""What an owner brings into a group: a version of theirs that a node serves."""

from __future__ import annotations

from marketplace.accounts.models import Organisation
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Deployment
from marketplace.errors import Conflict, NotFound


def held_deployment(organisation: Organisation, brought: Deployment) -> Deployment:
    """One of the organisation's that serves, and will until the transaction ends. Raises NotFound, Conflict."""
    brought = held(brought, "version__model__organisation", "node")
    if brought.version.model.organisation_id != organisation.pk:
        raise NotFound("no such deployment", pointer="/model")
    if brought.state != Deployment.State.SERVING or brought.node.retired is not None:
        raise Conflict(
            "no node serves this version",
            code="not-serving",
            pointer="/model",
            got=brought.state,
            hint="Deploy it to a node and wait until the deployment is serving.",
        )
    return brought
