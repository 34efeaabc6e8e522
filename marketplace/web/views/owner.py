"""The owner's side: models, their versions with findings, deployments, publishing and going back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assay.errors import Refused
from assay.modelfile.modes import Verdict, general, verdicts
from assay.modelfile.report import Finding, Reproducible, alike
from marketplace.accounts.access import Actor
from marketplace.api.problems import status_of
from marketplace.billing import accounts
from marketplace.catalogue import access
from marketplace.catalogue.actions import deployments, drafts, models, versions
from marketplace.catalogue.actions.versions import MAX_FILE
from marketplace.catalogue.interfaces import facts_of
from marketplace.catalogue.labelled import MEASURED
from marketplace.catalogue.models import Deployment, Model, ModelVersion, Node
from marketplace.catalogue.offers import cards, for_cards
from marketplace.groups import alerts, dissent
from marketplace.web import prices
from marketplace.web.pages import MAX_TYPED, address, is_partial, own_page, whole_number

State = ModelVersion.State
MOVING = (State.UPLOADING, State.VALIDATING)
ON_ITS_WAY = (Deployment.State.WAITING, Deployment.State.DELIVERING, Deployment.State.LOADING)
WORDS = ("title", "summary", "licence")
DESCRIPTION = (*WORDS, "card")
TASKS = {
    "classification": "Classification: one of several labels",
    "regression": "Regression: a number",
    "other": "Other",
}
# what `assay-node add --interface` takes, with what the graph cannot say
INTERFACES = {
    "classification": '{"task": "classification", "labels": ["no", "yes"]}',
    "regression": '{"task": "regression"}',
    "other": '{"task": "other"}',
}
MAX_VERSIONS = 50  # shown
TONES = {
    State.UPLOADING: "busy",
    State.VALIDATING: "busy",
    State.REJECTED: "bad",
    State.READY: "good",
    State.PUBLISHED: "good",
    Deployment.State.WAITING: "busy",
    Deployment.State.DELIVERING: "busy",
    Deployment.State.LOADING: "busy",
    Deployment.State.SERVING: "good",
    Deployment.State.FAILED: "bad",
}


@dataclass(frozen=True)
class Shown:
    """A version as the owner sees it."""

    version: ModelVersion
    tone: str
    findings: list[Finding]  # those of no mode in particular
    modes: list[tuple[Verdict, list[list[Finding]]]]  # with what stands in the way, alike things together
    reproducible: Reproducible | None
    deployments: list[tuple[Deployment, str, int]]  # with tone, and per cent delivered
    free: list[Node]  # nodes that it is not on
    current: bool
    draft: bool  # may be discarded

    @property
    def deployable(self) -> bool:
        return self.version.state in (State.READY, State.PUBLISHED)

    @property
    def serving(self) -> bool:
        return any(each.state == Deployment.State.SERVING for each, _, _ in self.deployments)

    @property
    def measurable(self) -> bool:
        return self.serving and (self.version.interface or {}).get("task") in MEASURED

    @property
    def received(self) -> int:
        """Per cent of the upload."""
        upload = getattr(self.version, "upload", None)
        return 100 * upload.received // upload.size if upload else 0


@require_safe
@own_page
def listing(request: HttpRequest, actor: Actor) -> HttpResponse:
    own = Model.objects.filter(organisation=actor.organisation).order_by("-updated")
    context = {
        "cards": cards(list(for_cards(own)[:200])),
        "alerts": alerts.of_actor(actor),
        "dissents": dissent.of_actor(actor),
    }
    return render(request, "owner/models.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def create(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A model whose file stays with its owner: made here, filled by `assay-node add`, as its page says."""
    given = {field: request.POST.get(field, "")[:MAX_TYPED] for field in ("name", "task", *WORDS)}
    if request.method != "POST":
        return _creating(request, actor, given)
    try:
        words = {field: given[field] for field in WORDS}
        model = models.create_model(actor, given["name"], given["task"], **words)
    except Refused as error:
        return _creating(request, actor, given, error)
    messages.success(request, "The model is made. Nobody but you sees it until a version is published.")
    return redirect(address("manage", model.organisation.slug, model.slug))


@require_safe
@own_page
def upload(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The form; what it sends goes to the API.

    With `?model=` it adds a version to a model that stands, `&owner=` being another organisation that one manages
    models of; with `&version=` it goes on with an upload.
    """
    access.require_models(actor, actor.organisation.pk)
    own = actor.organisation.slug
    owner, name, number = (request.GET.get(*each) for each in (("owner", own), ("model", ""), ("version", "")))
    model = access.managed_model(actor, owner, name) if name else None
    version = (
        access.managed_version(actor, owner, name, whole_number(number, "/version")) if name and number else None
    )
    if version is not None and version.state != State.UPLOADING:
        return redirect(address("manage", owner, name))
    context = {
        "model": model,
        "version": version,
        "organisation": model.organisation if model else actor.organisation,
        "max_file": MAX_FILE,
    }
    return render(request, "owner/upload.html", context)


@require_safe
@own_page
def manage(request: HttpRequest, actor: Actor, owner: str, name: str) -> HttpResponse:
    """All of a model; with htmx its versions alone, which ask for themselves again while something moves."""
    return managing(request, actor, access.managed_model(actor, owner, name))


def managing(request: HttpRequest, actor: Actor, model: Model, error: Refused | None = None) -> HttpResponse:
    """The page of `manage`; with what is wrong with the price that was sent."""
    nodes = list(access.visible_nodes(actor).filter(organisation=model.organisation, retired__isnull=True))
    discardable = set(drafts.draft_versions(model.versions.all()).values_list("pk", flat=True))
    shown = [_shown(each, model, nodes, discardable) for each in _versions(model)]
    moving = any(
        each.version.state in MOVING or any(d.state in ON_ITS_WAY for d, _, _ in each.deployments)
        for each in shown
    )
    context = {
        "model": model,
        "versions": shown,
        "moving": moving,
        "nodes": nodes,
        "draft": drafts.draft_models(Model.objects.filter(pk=model.pk)).exists(),
        "adding": f"assay-node add model.onnx \\\n  --name {model} \\\n  --interface interface.json",
        "interface": INTERFACES[model.task],
        "currency": accounts.currency(),
    }
    if is_partial(request):
        return render(request, "owner/versions.html", context)
    context["selling"] = prices.selling(model, "model", request.POST, error)
    return render(request, "owner/manage.html", context, status=status_of(error) if error else 200)


# --- changes: each does one thing, says how it went, and returns to the model -----------------------------


@require_POST
@own_page
def edit(request: HttpRequest, actor: Actor, owner: str, name: str) -> HttpResponse:
    model = access.managed_model(actor, owner, name)
    words = {field: request.POST.get(field, "").replace("\r\n", "\n") for field in DESCRIPTION}
    return _done(request, model, "Saved.", lambda: models.edit_model(model, **words))


@require_POST
@own_page
def deploy(request: HttpRequest, actor: Actor, owner: str, name: str, number: int) -> HttpResponse:
    version = access.managed_version(actor, owner, name, number)
    node = access.managed_node(actor, whole_number(request.POST.get("node", ""), "/node"))
    said = f"Version {number} is on its way to {node.name}."
    return _done(request, version.model, said, lambda: deployments.deploy(actor, version, node))


@require_POST
@own_page
def undeploy(request: HttpRequest, actor: Actor, deployment: int) -> HttpResponse:
    found = access.managed_deployment(actor, deployment)
    said = f"Version {found.version.number} is no longer served by {found.node.name}."
    return _done(request, found.version.model, said, lambda: deployments.undeploy(actor, found))


@require_POST
@own_page
def publish(request: HttpRequest, actor: Actor, owner: str, name: str, number: int) -> HttpResponse:
    """Going back to an earlier version is publishing that one."""
    version = access.managed_version(actor, owner, name, number)
    said = f"Version {number} now answers to {version.model}."
    return _done(request, version.model, said, lambda: models.publish(actor, version))


@require_POST
@own_page
def unpublish(request: HttpRequest, actor: Actor, owner: str, name: str) -> HttpResponse:
    model = access.managed_model(actor, owner, name)
    said = "The model is withdrawn from the catalogue. Publishing a version brings it back."
    return _done(request, model, said, lambda: models.unpublish(actor, model))


@require_POST
@own_page
def abandon(request: HttpRequest, actor: Actor, owner: str, name: str, number: int) -> HttpResponse:
    version = access.managed_version(actor, owner, name, number)
    return _done(request, version.model, "The upload was given up.", lambda: versions.abandon(version))


def _done(request: HttpRequest, model: Model, said: str, do: Callable[[], object]) -> HttpResponse:
    try:
        do()
    except Refused as error:
        messages.error(request, str(error)[:1].upper() + str(error)[1:])
    else:
        messages.success(request, said)
    return redirect(address("manage", model.organisation.slug, model.slug))


def _creating(
    request: HttpRequest, actor: Actor, given: dict[str, str], error: Refused | None = None
) -> HttpResponse:
    """The form, filled again."""
    context = {
        "error": error,
        "field": error.pointer.strip("/") if error else "",
        "fields": ("name", *WORDS),
        "given": given,
        "organisation": actor.organisation,
        "tasks": TASKS.items(),
    }
    return render(request, "owner/create.html", context, status=status_of(error) if error else 200)


# --- reading ----------------------------------------------------------------------------------------------


def _versions(model: Model) -> list[ModelVersion]:
    held = Deployment.objects.select_related("node").order_by("pk")
    found = ModelVersion.objects.filter(model=model).select_related("upload").defer("examples").order_by("-number")
    return list(found.prefetch_related(Prefetch("deployments", held))[:MAX_VERSIONS])


def _shown(version: ModelVersion, model: Model, nodes: list[Node], discardable: set[int]) -> Shown:
    held = {each.node_id for each in version.deployments.all()}
    facts = facts_of(version)
    return Shown(
        version=version,
        tone=TONES.get(State(version.state), ""),
        findings=sorted(general(facts), key=_gravity),
        modes=[(each, alike(each.obstacles)) for each in verdicts(facts)],
        reproducible=facts.reproducible,
        deployments=[
            (each, TONES.get(Deployment.State(each.state), ""), 100 * each.delivered // max(1, version.size))
            for each in version.deployments.all()
        ],
        free=[node for node in nodes if node.pk not in held],
        current=version.pk == model.published_version_id,
        draft=version.pk in discardable,
    )


def _gravity(finding: Finding) -> int:
    return ("error", "warning", "info").index(finding.level)
