"""API keys: make, see once, revoke."""

from __future__ import annotations

import datetime as dt

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from assay.errors import Refused
from marketplace.accounts import actions
from marketplace.accounts.access import Actor
from marketplace.accounts.scopes import BUYER, Scope
from marketplace.api.problems import status_of
from marketplace.web.pages import own_page

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year", "": "no end"}  # days


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def keys(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _make(request, actor) if request.method == "POST" else _page(request, actor)


@require_POST
@own_page
def revoke(request: HttpRequest, actor: Actor, key: int) -> HttpResponse:
    revoked = actions.revoke_key(actor, key)
    messages.success(request, f"{revoked.name} is revoked: requests with it are refused from now on.")
    return redirect("web:keys")


@sensitive_variables("token")
def _make(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Shown in the answer to the POST itself, so that the token is in no address, session or second page."""
    days = request.POST.get("lifetime", "")
    expires = timezone.now() + dt.timedelta(days=int(days)) if days in LIFETIMES and days else None
    try:
        key, token = actions.create_key(
            actor, request.POST.get("name", ""), request.POST.getlist("scopes"), expires
        )
    except Refused as error:
        return _page(request, actor, error=error, status=status_of(error))
    return _page(request, actor, made=key, token=token, status=201)


def _page(request: HttpRequest, actor: Actor, status: int = 200, **context: object) -> HttpResponse:
    asked = request.POST if "error" in context else None
    context |= {
        "keys": actions.keys_of(actor).order_by("-created"),
        "scopes": [(scope, scope in (asked.getlist("scopes") if asked else BUYER)) for scope in Scope],
        "lifetimes": list(LIFETIMES.items()),
        "now": timezone.now(),
        "given": asked.get("name", "") if asked else "",
        "lifetime": asked.get("lifetime", "") if asked else "90",
    }
    return render(request, "owner/keys.html", context, status=status)
