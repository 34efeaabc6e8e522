"""Discarding drafts: what nobody else was ever given goes for good, what somebody may rely on stays.

A version is a draft if it was refused, or has never been published nor held by a node; a model, if no version of
it is published. Neither is one that was ever asked: predictions and their certificates keep what they speak of,
and PostgreSQL would refuse the rest. Files on the owner's nodes stay there.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.catalogue.actions import deployments, evaluations, versions
from marketplace.catalogue.held import held
from marketplace.catalogue.models import Deployment, Evaluation, Model, ModelVersion, Upload
from marketplace.errors import Conflict
from marketplace.groups.models import Member, Swap
from marketplace.predictions import outbox
from marketplace.predictions.models import Prediction

State = ModelVersion.State
UNDER_WAY = Q(state__in=deployments.UNDER_WAY)
HELD = Q(acknowledged__isnull=False)  # a node confirmed the file, which comes before it can serve


def draft_versions(of: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Those that may be discarded."""
    deployed = Deployment.objects.filter(UNDER_WAY | HELD, version=OuterRef("pk"))
    asked = Prediction.objects.filter(version=OuterRef("pk"))
    return of.filter(~Exists(deployed), ~Exists(asked), state__in=(State.REJECTED, State.READY))


def draft_models(of: QuerySet[Model]) -> QuerySet[Model]:
    """Those that may be discarded with all their versions."""
    busy = ModelVersion.objects.filter(
        model=OuterRef("pk"), state__in=(State.UPLOADING, State.VALIDATING, State.PUBLISHED)
    )
    deployed = Deployment.objects.filter(UNDER_WAY, version__model=OuterRef("pk"))
    measured = Evaluation.objects.filter(version__model=OuterRef("pk"), state__in=evaluations.OPEN)
    asked = Prediction.objects.filter(version__model=OuterRef("pk"))
    seated = Member.objects.filter(version__model=OuterRef("pk"))
    swapped = Swap.objects.filter(Q(before__model=OuterRef("pk")) | Q(after__model=OuterRef("pk")))
    relied_on = (busy, deployed, measured, asked, seated, swapped)
    return of.filter(*(~Exists(each) for each in relied_on), published_version__isnull=True)


def require_draft_version(version: ModelVersion) -> None:
    """Raises Conflict."""
    if not draft_versions(ModelVersion.objects.filter(pk=version.pk)).exists():
        raise Conflict(
            "this version cannot be discarded",
            code="not-a-draft",
            expected="one that was refused, or is ready and was never published, held by a node or asked",
            got=version.state,
            hint="An upload is given up and a deployment under way stopped first. What was asked stays.",
        )


def require_draft_model(model: Model) -> None:
    """Raises Conflict."""
    if not draft_models(Model.objects.filter(pk=model.pk)).exists():
        raise Conflict(
            "this model cannot be discarded",
            code="not-a-draft",
            expected="not published, never asked, in no group, nothing uploading, deployed or being measured",
            hint="Withdraw it, give uploads up and stop its deployments first. A model that was asked stays.",
        )


@transaction.atomic
def discard_version(actor: Actor, version: ModelVersion) -> None:
    """Removes a draft of a version. Raises NotFound, Conflict."""
    model = held(version.model, "organisation")
    version = held(version)
    require_draft_version(version)
    audit.record(model.organisation, actor.user, Action.VERSION_DISCARDED, f"{model}@{version.number}")
    _remove(ModelVersion.objects.filter(pk=version.pk))


@transaction.atomic
def discard_model(actor: Actor, model: Model) -> None:
    """Removes a draft of a model with all its versions. Raises NotFound, Conflict."""
    model = held(model, "organisation")
    own = ModelVersion.objects.filter(model=model)
    list(own.select_for_update(of=("self",)).order_by("pk").values_list("pk"))  # held, against new deployments
    require_draft_model(model)
    audit.record(model.organisation, actor.user, Action.MODEL_DISCARDED, model)
    _remove(own)
    model.delete()


def _remove(discarded: QuerySet[ModelVersion]) -> None:
    with versions.not_while_sending():
        uploads = Upload.objects.select_for_update(nowait=True, of=("self",)).filter(version__in=discarded)
        for upload in list(uploads):
            outbox.add("catalogue.discard", upload=upload.pk)
    Deployment.objects.filter(version__in=discarded).delete()
    discarded.delete()
