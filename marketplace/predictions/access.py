"""Who may see a prediction: the members of the organisation that asked. A stranger learns nothing, not even that.

The one gate: whatever is read through here has ended if its deadline has passed.
"""

from __future__ import annotations

import json
from uuid import UUID

from django.db.models import Case, QuerySet, When
from django.db.models.functions import Length

from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.accounts.scopes import Scope
from marketplace.billing import costs
from marketplace.certificates.models import Certificate
from marketplace.db.statements import Statement, loaded
from marketplace.errors import NotFound
from marketplace.predictions import actions
from marketplace.predictions.models import Prediction

WITHDRAW = (Role.BUYER, Role.OWNER)
LISTED = 64 * 1024  # bytes of the outputs that a list shows

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
    """What the organisation acted for has asked, newest first, each to be shown `as_listed`. Raises Forbidden."""
    actor.require_scope(Scope.READ)
    mine = Prediction.objects.filter(organisation=actor.organisation).annotate(bytes=Length("outputs"))
    small = mine.annotate(listed=Case(When(bytes__lte=LISTED, then="outputs")))
    return _shown(small).defer("outputs").order_by("-created", "-pk")


def as_listed(prediction: Prediction) -> Prediction:
    """One of the `visible`, without its outputs where they are large: a list of such would fill the memory."""
    prediction.outputs = prediction.listed  # type: ignore[attr-defined]  # annotated by `visible`
    return prediction


def prediction(actor: Actor, identifier: UUID) -> Prediction:
    """Of any organisation the actor is a member of. Raises NotFound, Forbidden."""
    actor.require_scope(Scope.READ)
    found = _one(actor, identifier)
    return again(found) if actions.overdue(found) else found


_PREDICTION = (
    *(
        "id",
        "organisation_id",
        "version_id",
        "group_id",
        "target",
        "mode",
        "rows",
        "salt",
        "status",
        "outputs",
        "error",
    ),
    *("deadline", "created", "dispatched", "answered", "completed", "seq", "certificate_id", "hold_id"),
)
_CERTIFICATE = ("id", "sha256", "mode", "outcome", "anchor_kind", "anchor", "caveats")
_AGAIN = Statement(
    f"""
    SELECT {", ".join(f"p.{name}" for name in _PREDICTION)}, {", ".join(f"c.{name}" for name in _CERTIFICATE)}
        , held.amount, ended.posted, ended.ending, back.detail
    FROM predictions_prediction p LEFT JOIN certificates_certificate c ON c.id = p.certificate_id
    LEFT JOIN billing_hold held ON held.id = p.hold_id LEFT JOIN billing_holdend ended ON ended.hold_id = held.id
    LEFT JOIN billing_transaction back ON back.reverses_id = ended.transaction_id
    WHERE p.id = $1
    """,  # noqa: S608  # nosec B608 - names of columns, from above
    "uuid",
)  # whoever waits reads through this


def again(seen: Prediction) -> Prediction:
    """A prediction that the gate has let through, as it stands now."""
    found = _read(seen)
    if actions.overdue(found):
        actions.expire([found.pk])
        found = _read(seen)
    return found


def _read(seen: Prediction) -> Prediction:
    for row in _AGAIN.rows(str(seen.pk)):
        values = dict(zip(_PREDICTION, row, strict=False))
        values["error"] = values["error"] and json.loads(values["error"])
        found = loaded(Prediction, tuple(values), tuple(values.values()))
        for field in (Prediction.version, Prediction.group):
            if field.is_cached(seen):
                setattr(found, field.field.name, getattr(seen, field.field.name))
        cost = row[-len(costs.NAMES) :]
        vars(found).update(zip(costs.NAMES, cost, strict=True))  # as `_shown` annotates it
        certificate = dict(zip(_CERTIFICATE, row[len(_PREDICTION) : -len(cost)], strict=True))
        if certificate["id"] is not None:
            certificate["caveats"] = json.loads(certificate["caveats"])
            found.certificate = loaded(Certificate, tuple(certificate), tuple(certificate.values()))
        return found
    raise NotFound("no such prediction", got=str(seen.pk))


def cancellable(actor: Actor, identifier: UUID) -> Prediction:
    """The same, for who may withdraw it. Raises NotFound, Forbidden."""
    actor.require_scope(Scope.PREDICT)
    found = _one(actor, identifier)
    actor.require_role(found.organisation_id, *WITHDRAW)
    return found


def may_withdraw(actor: Actor, seen: Prediction) -> bool:
    """Whether `cancellable` gives a person what they see."""
    return actor.has_role(seen.organisation_id, *WITHDRAW)


def _one(actor: Actor, identifier: UUID) -> Prediction:
    found = _shown(Prediction.objects.filter(pk=identifier, organisation__in=list(actor.roles))).first()
    if found is None:
        raise NotFound("no such prediction", got=str(identifier))
    return found


def _shown(predictions: QuerySet[Prediction]) -> QuerySet[Prediction]:
    shown = predictions.select_related("version", "group", "certificate").defer(*_UNSHOWN)
    return shown.annotate(**costs.OF_PREDICTION)
