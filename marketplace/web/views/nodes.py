"""Nodes: register one's own, see how it does, retire it."""

from __future__ import annotations

import msgspec
from django.conf import settings
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.api.problems import status_of
from marketplace.catalogue import access, peers
from marketplace.catalogue.actions import nodes as actions
from marketplace.catalogue.models import Deployment
from marketplace.groups import alerts, dissent
from marketplace.web.pages import is_partial, own_page

MAX_PASTED = 4000  # characters


class Joining(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `assay-node join` prints."""

    name: str
    key: str
    address: str
    proof: str


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def nodes(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The list and a form to register; with htmx the list alone, which asks for itself again."""
    if request.method != "POST":
        return _page(request, actor)
    pasted = request.POST.get("pasted", "")[:MAX_PASTED]
    try:
        joining = _read(pasted)
        node = actions.register_node(actor, joining.name, joining.key, joining.address, joining.proof)
    except Refused as error:
        return _page(request, actor, {"error": error, "pasted": pasted}, status_of(error))
    messages.success(request, f"{node.name} is registered. It is asked how it does every few seconds.")
    return redirect("web:nodes")


@require_POST
@own_page
def retire(request: HttpRequest, actor: Actor, node: int) -> HttpResponse:
    found = access.managed_node(actor, node)
    try:
        retired = actions.retire_node(actor, found)
    except Refused as error:
        messages.error(request, str(error)[:1].upper() + str(error)[1:])
    else:
        messages.success(request, f"{retired.name} is retired. Registering its key again brings it back.")
    return redirect("web:nodes")


def _read(pasted: str) -> Joining:
    try:
        return msgspec.json.decode(pasted, type=Joining)
    except msgspec.DecodeError as error:
        raise Refused(
            "this is not what the node printed",
            pointer="/pasted",
            expected='{"name": …, "key": …, "address": …, "proof": …}',
            hint="Copy all of it, both braces included.",
        ) from error


def _making() -> str:
    """The command that makes a node which this marketplace may ask."""
    key = peers.public_identity()
    words = ["assay-node init --name NAME", "--backend onnxruntime", f"--marketplace-url {settings.ENV.url}"]
    return " \\\n  ".join([*words, *([f"--marketplace-key {key}"] if key else [])])


def _page(
    request: HttpRequest, actor: Actor, extra: dict[str, object] | None = None, status: int = 200
) -> HttpResponse:
    serving = Count("deployments", filter=Q(deployments__state=Deployment.State.SERVING))
    found = access.visible_nodes(actor).annotate(models_served=serving)
    shown = [(node, actor.has_role(node.organisation_id, Role.OWNER)) for node in found]
    joining = f"assay-node join {actor.organisation.slug} \\\n  --address HOST:PORT"
    context = {
        "nodes": shown,
        "own": actor.organisation,
        "making": _making(),
        "joining": joining,
        "alerts": alerts.of_actor(actor),
        "dissents": dissent.of_actor(actor),
        **(extra or {}),
    }
    return render(
        request, "owner/node-list.html" if is_partial(request) else "owner/nodes.html", context, status=status
    )
