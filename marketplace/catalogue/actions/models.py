"""Creating, describing, publishing and withdrawing models.

Publishing makes one version the answer to `owner/name`; earlier ones stay callable by their number, for buyers
who pin them, until the model is withdrawn. Going back to an earlier version is publishing that one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypedDict, Unpack, cast

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from assay.errors import Refused
from marketplace import text
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import SLUG
from marketplace.catalogue.access import require_models
from marketplace.catalogue.held import held
from marketplace.catalogue.interfaces import modes_of
from marketplace.catalogue.models import Deployment, Model, ModelVersion, Offer
from marketplace.errors import Conflict

TASKS = ("classification", "regression", "other")  # of assay.model.Interface
MAX_MODELS = 1000  # of one organisation

State = ModelVersion.State


class Description(TypedDict, total=False):
    """What an owner says of a model in words; what is left out stays as it is."""

    title: str
    summary: str
    card: str  # Markdown
    licence: str


def create_model(actor: Actor, slug: str, task: str, **description: Unpack[Description]) -> Model:
    """A private model of the actor's organisation. Raises Refused, Forbidden, Conflict."""
    require_models(actor, actor.organisation.pk)
    if task not in TASKS:
        raise Refused("unknown task", pointer="/task", expected=" | ".join(TASKS), got=task[:40])
    words = _checked({"title": "", **description})
    try:
        SLUG(slug)
    except ValidationError as error:
        raise Refused("not a name", pointer="/name", expected=str(SLUG.message), got=repr(slug[:60])) from error
    if Model.objects.filter(organisation=actor.organisation).count() >= MAX_MODELS:
        raise Conflict("too many models", code="too-many-models", expected=f"at most {MAX_MODELS}")
    try:
        with transaction.atomic():
            return Model.objects.create(organisation=actor.organisation, slug=slug, task=task, **words)
    except IntegrityError as error:
        raise Conflict("you have a model of this name", code="name-taken", pointer="/name", got=slug) from error


def edit_model(model: Model, **description: Unpack[Description]) -> Model:
    """Changes what was given. The caller has passed the model through `access.managed_model`."""
    words = _checked(description)
    for name, value in words.items():
        setattr(model, name, value)
    model.save(update_fields=[*words, "updated"])
    return model


@transaction.atomic
def publish(actor: Actor, version: ModelVersion) -> Model:
    """Makes `version` the one that answers to `owner/name`; doing it again changes nothing.

    Raises Conflict unless it is ready, serving on a node, and can be asked in some mode.
    """
    model = held(version.model, "organisation")
    version = held(version)
    if version.state not in (State.READY, State.PUBLISHED):
        raise Conflict(
            "only a version that passed its check can be published",
            code="version-not-ready",
            expected=f"{State.READY} | {State.PUBLISHED}",
            got=version.state,
        )
    if not version.deployments.filter(state=Deployment.State.SERVING, node__retired__isnull=True).exists():
        raise Conflict(
            "no node serves this version",
            code="not-serving",
            hint="Deploy it to a node and wait until the deployment is serving.",
        )
    modes = modes_of(version)
    if not modes:
        raise Conflict("the check ruled out every mode", code="no-mode", hint="See the version's report.")
    Offer.objects.filter(model=model).exclude(mode__in=modes).delete()
    Offer.objects.bulk_create((Offer(model=model, mode=mode) for mode in modes), ignore_conflicts=True)
    if model.published_version_id != version.pk or model.visibility != Model.Visibility.PUBLIC:
        audit.record(model.organisation, actor.user, Action.PUBLISHED, f"{model}@{version.number}")
    version.state = State.PUBLISHED
    version.save(update_fields=["state"])
    model.published_version, model.visibility = version, Model.Visibility.PUBLIC
    model.task = version.interface["task"] if version.interface else model.task
    model.save(update_fields=["published_version", "visibility", "task", "updated"])
    return model


@transaction.atomic
def unpublish(actor: Actor, model: Model) -> Model:
    """Withdraws the model and all its versions from the public; publishing undoes it."""
    model = held(model, "organisation")
    if model.published_version_id is not None:
        audit.record(model.organisation, actor.user, Action.UNPUBLISHED, model)
    model.versions.filter(state=State.PUBLISHED).update(state=State.READY)
    model.published_version, model.visibility = None, Model.Visibility.PRIVATE
    model.save(update_fields=["published_version", "visibility", "updated"])
    return model


def _checked(description: Description) -> dict[str, str]:
    """Raises Refused naming the field."""
    words = cast("dict[str, str]", dict(description))
    return {name: _CHECKS[name](value) for name, value in words.items()}


_CHECKS: dict[str, Callable[[str], str]] = {
    "title": partial(text.line, pointer="/title", most=120, least=1),
    "summary": partial(text.line, pointer="/summary", most=240),
    "licence": partial(text.line, pointer="/licence", most=60),
    "card": partial(text.block, pointer="/card", most=50_000),
}
