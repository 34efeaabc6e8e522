"""Setting prices: of a model, and of one's vote in a group. What is wrong is said beside its field."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.billing import pricing
from marketplace.catalogue import access as catalogue
from marketplace.groups import access as groups
from marketplace.web import prices
from marketplace.web.pages import MAX_TYPED, address, own_page
from marketplace.web.views import owner as models
from marketplace.web.views import your_groups

SET = "The price is set. Quotes that were given before keep theirs until they expire."
FIELDS = ("/amount", "/free_rows")


@require_POST
@own_page
def of_model(request: HttpRequest, actor: Actor, owner: str, name: str) -> HttpResponse:
    model = catalogue.managed_model(actor, owner, name)
    try:
        pricing.set_for_model(actor, model, _mode(request), prices.asking(request.POST))
    except Refused as error:
        if error.pointer not in FIELDS:
            raise
        return models.managing(request, actor, model, error)
    messages.success(request, SET)
    return redirect(address("manage", owner, name) + "#prices")


@require_POST
@own_page
def of_vote(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    seat = groups.seat(actor, slug, request.POST.get("seat", ""))
    try:
        pricing.set_for_member(actor, seat, _mode(request), prices.asking(request.POST))
    except Refused as error:
        if error.pointer not in FIELDS:
            raise
        return your_groups.placed(request, actor, seat, error)
    messages.success(request, SET)
    return redirect(address("your-group", slug) + "#prices")


def _mode(request: HttpRequest) -> str:
    return request.POST.get("mode", "")[:MAX_TYPED]
