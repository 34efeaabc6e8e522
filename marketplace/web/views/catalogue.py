"""The catalogue: what is for sale, found by text and facets. The address holds the whole state."""

from __future__ import annotations

from dataclasses import replace

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.catalogue.search import ORDERS, Facet, Query, search
from marketplace.groups import access, standing
from marketplace.groups.models import Group
from marketplace.web.pages import actor_of, address, is_partial, page, varying
from verification.registry import MODES

MAX_GROUPS = 6  # shown above the models; all are on a page of their own, and with their mode alone
MAX_ALONE = 100
MAX_WORDS = 12
GROUP_MODES = tuple(mode.name for mode in MODES.values() if mode.asks == standing.KIND)
ORDER_TITLES = {"relevance": "Best match", "newest": "Newest", "title": "Title"}


@require_safe
@page
def home(request: HttpRequest) -> HttpResponse:
    """The list, or with htmx only what a new search changes. Nonsense in the address gives the first page."""
    query = _query(request)
    actor = actor_of(request)
    try:
        found = search(query, actor)
    except Refused:
        query = replace(query, order="relevance", cursor="")
        found = search(query, actor)
    groups = _groups(query, actor)
    of_groups = query.mode in GROUP_MODES
    shown = groups.order_by("-created")[: MAX_ALONE if of_groups else MAX_GROUPS]
    restricted = bool(query.text or query.task or query.licence or query.mode or query.owner)
    context = {
        "query": query,
        "found": found,
        "restricted": restricted,
        "orders": [(order, ORDER_TITLES[order]) for order in ORDERS],
        "more": _address(replace(query, cursor=found.next)) if found.next else "",
        "modes": [*found.modes, *_facets(query, actor)],
        "of_groups": of_groups,
        "groups": [] if query.cursor else [standing.card(each) for each in standing.for_cards(shown)],
        "first": _address(replace(query, cursor="")) if query.cursor else "",
        "unowned": _address(replace(query, owner="", cursor="")),
    }
    template = "catalogue/results.html" if is_partial(request) else "catalogue/page.html"
    return varying(render(request, template, context))


def _groups(query: Query, actor: Actor | None) -> QuerySet[Group]:
    """The groups that serve and fit what is looked for; nobody has licensed or owns one."""
    if query.licence or query.owner or "\0" in query.text:
        return Group.objects.none()
    if query.mode and query.mode not in GROUP_MODES:
        return Group.objects.none()
    found = access.visible_groups(actor).filter(state=Group.State.SERVING)
    if query.task:
        found = found.filter(interface__task=query.task)
    for word in query.text.split()[:MAX_WORDS]:
        found = found.filter(Q(title__icontains=word) | Q(summary__icontains=word) | Q(slug__icontains=word))
    return found


def _facets(query: Query, actor: Actor | None) -> list[Facet]:
    """The modes that groups are asked in, with how many groups there would be."""
    count = _groups(replace(query, mode=""), actor).count()
    return [Facet(mode, count) for mode in GROUP_MODES if count]


def _query(request: HttpRequest) -> Query:
    given = {name: request.GET.get(name, "")[:200] for name in ("q", "task", "licence", "mode", "owner")}
    return Query(
        text=given["q"],
        task=given["task"],
        licence=given["licence"],
        mode=given["mode"],
        owner=given["owner"],
        order=request.GET.get("order", "") or "relevance",
        cursor=request.GET.get("cursor", "")[:2000],
    )


def _address(query: Query) -> str:
    order = "" if query.order == "relevance" else query.order
    return address(
        "home",
        q=query.text,
        task=query.task,
        licence=query.licence,
        mode=query.mode,
        owner=query.owner,
        order=order,
        cursor=query.cursor,
    )
