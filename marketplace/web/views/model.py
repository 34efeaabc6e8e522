"""A model's page: its playground and card, how to ask it from a program, its versions, and who signs for it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketplace.accounts.models import Role
from marketplace.catalogue import access
from marketplace.catalogue.interfaces import interface_of
from marketplace.catalogue.models import ModelVersion
from marketplace.catalogue.offers import Card, cards, latencies, providers
from marketplace.errors import NotFound
from marketplace.groups import evidence, withheld
from marketplace.web import prices
from marketplace.web.pages import actor_of, page
from marketplace.web.playground import playground
from marketplace.web.snippets import Target, snippets
from verification.registry import MODES

MAX_STRIKES = 20  # on one page
TABS = (
    ("web:model", "Playground"),
    ("web:model-api", "API"),
    ("web:model-versions", "Versions"),
    ("web:model-provider", "Provider"),
)


MISSING = "No node serves this model at the moment; a prediction waits for one until its deadline."


@require_safe
@page
def model(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    context = _context(request, owner, name, "web:model")
    version = context["version"]
    context["playground"] = (
        playground(interface_of(version), version.examples, model=context["asked"]) if _askable(version) else None
    )
    context["missing"] = "" if context["card"].serving else MISSING
    context["tags"] = prices.tags(context["actor"], context["card"].model, context["card"].modes)
    context["costs"] = prices.for_script(context["tags"])
    return render(request, "model/playground.html", context)


@require_safe
@page
def api(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    context = _context(request, owner, name, "web:model-api")
    if _askable(context["version"]):
        card: Card = context["card"]
        interface = context["interface"] = interface_of(context["version"])
        context["examples"] = snippets(
            settings.ENV.url,
            Target("model", context["asked"], card.providers[0].key if card.providers else ""),
            interface,
            context["version"].examples,
            mode=card.modes[0].name if card.modes else next(iter(MODES)),
        )
    return render(request, "model/api.html", context)


@require_safe
@page
def versions(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    context = _context(request, owner, name, "web:model-versions")
    visible = access.visible_versions(context["actor"], context["card"].model)
    context["versions"] = visible.defer("report", "examples", "interface")[:100]
    return render(request, "model/versions.html", context)


@require_safe
@page
def provider(request: HttpRequest, owner: str, name: str) -> HttpResponse:
    context = _context(request, owner, name, "web:model-provider")
    provides, actor = context["card"].model.organisation, context["actor"]
    context["strikes"] = evidence.against(provides)[:MAX_STRIKES]
    context["withheld"] = withheld.against(provides, 1)
    context["roles"] = actor.roles if actor else {}
    return render(request, "model/provider.html", context)


def _context(request: HttpRequest, owner: str, name: str, tab: str) -> dict[str, Any]:
    """What all four have in common. `?version=` asks for another version than the published one."""
    actor = actor_of(request)
    found = access.model(actor, owner, name)
    card = cards([found])[0]
    pinned = request.GET.get("version", "")
    if pinned:
        card = _with_version(card, access.version(actor, owner, name, _number(pinned)))
    version = card.version
    return {
        "actor": actor,
        "card": card,
        "version": version,
        "asked": f"{found}@{version.number}" if version else str(found),
        "pinned": bool(pinned),
        "manages": actor is not None and actor.has_role(found.organisation_id, Role.OWNER),
        "tabs": TABS,
        "tab": tab,
    }


def _with_version(card: Card, version: ModelVersion) -> Card:
    return Card(
        model=card.model,
        version=version,
        modes=card.modes,
        providers=providers([version.pk]).get(version.pk, ()),
        latency=latencies([version.pk]).get(version.pk, ()),
    )


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise NotFound("no such version", got=text[:40])
    return int(text)


def _askable(version: ModelVersion | None) -> bool:
    return version is not None and version.state in (ModelVersion.State.READY, ModelVersion.State.PUBLISHED)
