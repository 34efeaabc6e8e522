"""The catalogue: what is for sale, found by text and facets. The address holds the whole state."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from assay.errors import Refused
from marketplace.catalogue.search import ORDERS, Query, search
from marketplace.web.pages import actor_of, address, is_partial, page, varying

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
    restricted = bool(query.text or query.task or query.licence or query.mode or query.owner)
    context = {
        "query": query,
        "found": found,
        "restricted": restricted,
        "orders": [(order, ORDER_TITLES[order]) for order in ORDERS],
        "more": _address(replace(query, cursor=found.next)) if found.next else "",
        "first": _address(replace(query, cursor="")) if query.cursor else "",
        "unowned": _address(replace(query, owner="", cursor="")),
    }
    template = "catalogue/results.html" if is_partial(request) else "catalogue/page.html"
    return varying(render(request, template, context))


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
