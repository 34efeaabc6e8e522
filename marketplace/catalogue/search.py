"""Finding models: full text with weights, facets, an order, and pages that hold still while models come and go.

A page's cursor names the last model seen, not a count of rows, so that nothing is shown twice or left out. The
number of queries does not depend on the number of models, and is at most ten.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec
from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Count, F, FloatField, Q, QuerySet
from django.db.models.functions import Cast

from assay.errors import Refused
from assay.jsonform import base64url, from_base64url
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Organisation
from marketplace.catalogue.access import visible_models
from marketplace.catalogue.models import SEARCH_CONFIG, Model
from marketplace.catalogue.offers import Card, cards, for_cards

MAX_TEXT = 200  # characters of a search text that are looked at
MAX_WORDS = 12
PAGE, MAX_PAGE = 24, 100  # models
MAX_FACETS = 50  # values of one facet

Order = Literal["relevance", "newest", "title"]
ORDERS: tuple[Order, ...] = ("relevance", "newest", "title")


@dataclass(frozen=True)
class Query:
    """What to look for. An empty field does not restrict; `relevance` without a text is `newest`."""

    text: str = ""
    task: str = ""
    licence: str = ""
    mode: str = ""
    owner: str = ""
    order: str = "relevance"
    cursor: str = ""
    limit: int = PAGE


@dataclass(frozen=True)
class Facet:
    """How many models there would be with this value, the other restrictions staying as they are."""

    value: str
    count: int


@dataclass(frozen=True)
class Page:
    """Some of the models found, and what is known of all of them."""

    cards: list[Card]
    next: str  # the cursor of the page that follows; empty on the last
    total: int
    tasks: list[Facet]
    licences: list[Facet]
    modes: list[Facet]


def search(query: Query, actor: Actor | None = None) -> Page:
    """The page of `query` among the models that `actor` may see. Raises Refused for what is no query."""
    if "\0" in f"{query.text}{query.task}{query.licence}{query.mode}{query.owner}":
        raise Refused("a character that is not text", pointer="/q", expected="printable characters", got="U+0000")
    owners = _owners(query.text)
    ordered, keys = _ordered(_matching(query, actor, owners), query)
    limit = max(1, min(query.limit, MAX_PAGE))
    rows = list(for_cards(_after(ordered, keys, query.cursor))[: limit + 1])
    shown = rows[:limit]
    counts = _counts(_matching(replace(query, task="", licence=""), actor, owners), "task", "licence")
    modes = _counts(_matching(replace(query, mode=""), actor, owners), "offers__mode")
    return Page(
        cards=cards(shown),
        next=_cursor(shown[-1], keys) if len(rows) > limit else "",
        total=sum(
            n for (task, licence), n in counts if query.task in ("", task) and query.licence in ("", licence)
        ),
        tasks=_facet((task, n) for (task, licence), n in counts if query.licence in ("", licence)),
        licences=_facet((licence, n) for (task, licence), n in counts if query.task in ("", task)),
        modes=_facet((mode, n) for (mode,), n in modes),
    )


# --- restricting ------------------------------------------------------------------------------------------


def _owners(text: str) -> list[int]:
    """The organisations whose name the text begins with: their models are found by it too."""
    words = _words(text)
    found = Organisation.objects.filter(slug__startswith=words[0]) if words else Organisation.objects.none()
    return list(found.values_list("pk", flat=True)[:100])


def _matching(query: Query, actor: Actor | None, owners: list[int]) -> QuerySet[Model]:
    models = visible_models(actor)
    if query.task:
        models = models.filter(task=query.task)
    if query.licence:
        models = models.filter(licence=query.licence)
    if query.mode:
        models = models.filter(offers__mode=query.mode)
    if query.owner:
        models = models.filter(organisation__slug=query.owner)
    if words := _words(query.text):
        found = Q(search=_tsquery(words))
        models = models.filter(found | Q(organisation__in=owners) if owners else found)
    return models


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text[:MAX_TEXT].lower())[:MAX_WORDS]


def _tsquery(words: list[str]) -> SearchQuery:
    """Every word, as typed so far. Only letters, digits and _ are left in `words`: nothing is an operator."""
    return SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config=SEARCH_CONFIG)


def _counts(models: QuerySet[Model], *fields: str) -> list[tuple[tuple[str, ...], int]]:
    """How many models there are with each combination of values."""
    rows = models.order_by().values_list(*fields).annotate(count=Count("pk"))
    return [(tuple(values), count) for *values, count in rows]


def _facet(counted: Iterable[tuple[str, int]]) -> list[Facet]:
    """The commonest values first; models without a value are not counted."""
    totals: Counter[str] = Counter()
    for value, count in counted:
        if value:
            totals[value] += count
    ordered = sorted(totals.items(), key=lambda each: (-each[1], each[0]))
    return [Facet(value, count) for value, count in ordered[:MAX_FACETS]]


# --- ordering and pages -----------------------------------------------------------------------------------


def _ordered(models: QuerySet[Model], query: Query) -> tuple[QuerySet[Model], tuple[str, ...]]:
    """`models` in order, and the fields (`-` for descending) that give it; the last one is unique."""
    if query.order not in ORDERS:
        raise Refused("unknown order", pointer="/order", expected=" | ".join(ORDERS), got=query.order[:40])
    words = _words(query.text)
    if query.order == "relevance" and words:
        rank = Cast(SearchRank(F("headline"), _tsquery(words)), FloatField())
        return models.annotate(rank=rank).order_by("-rank", "-pk"), ("-rank", "-pk")
    keys = ("title", "pk") if query.order == "title" else ("-pk",)
    return models.order_by(*keys), keys


def _after(models: QuerySet[Model], keys: tuple[str, ...], cursor: str) -> QuerySet[Model]:
    if not cursor:
        return models
    condition, equal = Q(), Q()
    for key, value in zip(keys, _values(cursor, keys), strict=True):
        field = key.removeprefix("-")
        beyond = Q(**{f"{field}__{'lt' if key.startswith('-') else 'gt'}": value})
        condition |= equal & beyond
        equal &= Q(**{field: value})
    return models.filter(condition)


def _cursor(model: Model, keys: tuple[str, ...]) -> str:
    return base64url(msgspec.json.encode([getattr(model, key.removeprefix("-")) for key in keys]))


def _values(cursor: str, keys: tuple[str, ...]) -> list[Any]:
    kinds = {"rank": float, "title": str, "pk": int}
    try:
        values = msgspec.json.decode(from_base64url(cursor[:2000]), type=list[float | str | int])
        fits = [type(value) for value in values] == [kinds[key.removeprefix("-")] for key in keys]
    except (Refused, msgspec.DecodeError) as error:
        raise Refused("not a cursor", pointer="/cursor", expected="the `next` of a page") from error
    if not fits or any("\0" in value for value in values if isinstance(value, str)):
        raise Refused("a cursor of another order", pointer="/cursor", expected="the `next` of a page")
    return values
