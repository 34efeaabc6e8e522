"""Who may see a prediction: the members of the organisation that asked. A stranger learns nothing, not even that.

The one gate: whatever is read through here has ended if its deadline has passed.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet

from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.accounts.scopes import Scope
from marketplace.errors import NotFound
from marketplace.predictions import actions
from marketplace.predictions.models import Prediction

_UNSHOWN = (
    "version__report",
    "version__metrics",
    "version__examples",
    "inputs",
    "source",
    "saved",
    "certificate__document",
)


def visible(actor: Actor) -> QuerySet[Prediction]:
    """The predictions of the organisation acted for, newest first, with what an answer shows. Raises Forbidden."""
    actor.require_scope(Scope.READ)
    return _shown(Prediction.objects.filter(organisation=actor.organisation)).order_by("-created", "-pk")


def prediction(actor: Actor, identifier: UUID) -> Prediction:
    """Of any organisation the actor is a member of. Raises NotFound, Forbidden."""
    actor.require_scope(Scope.READ)
    found = _one(actor, identifier)
    return again(found) if actions.overdue(found) else found


def again(seen: Prediction) -> Prediction:
    """A prediction that the gate has let through, as it stands now."""
    found = _shown(Prediction.objects.filter(pk=seen.pk)).get()
    if actions.overdue(found):
        actions.expire([found.pk])
        found = _shown(Prediction.objects.filter(pk=seen.pk)).get()
    return found


def cancellable(actor: Actor, identifier: UUID) -> Prediction:
    """The same, for who may withdraw it. Raises NotFound, Forbidden."""
    actor.require_scope(Scope.PREDICT)
    found = _one(actor, identifier)
    actor.require_role(found.organisation_id, Role.BUYER, Role.OWNER)
    return found


def _one(actor: Actor, identifier: UUID) -> Prediction:
    found = _shown(Prediction.objects.filter(pk=identifier, organisation__in=list(actor.roles))).first()
    if found is None:
        raise NotFound("no such prediction", got=str(identifier))
    return found


def _shown(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    return predictions.select_related("version", "certificate").defer(*_UNSHOWN)
