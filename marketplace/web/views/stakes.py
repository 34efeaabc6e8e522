"""What one's organisation has at stake: deposit, take back, and which place locks what."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.api.problems import status_of
from marketplace.billing import accounts, money, stakes, statement
from marketplace.billing.accounts import Kind
from marketplace.web.pages import MAX_TYPED, once, own_page

MAX_SHOWN = 200  # locks
SOURCES = {Kind.CREDIT: "credit", Kind.PAYABLE: "earnings that are available"}


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def page(request: HttpRequest, actor: Actor) -> HttpResponse:
    if request.method != "POST":
        return _page(request, actor)
    given = {name: request.POST.get(name, "")[:MAX_TYPED] for name in ("amount", "source", "once", "move")}
    try:
        said = _move(actor, given, once(request))
    except Refused as error:
        return _page(request, actor, given, error)
    messages.success(request, said)
    return redirect("web:stakes")


def _move(actor: Actor, given: dict[str, str], once: str) -> str:
    """Does what was asked, once for each form that was filled in, and says so."""
    amount = money.micros(given["amount"], "/amount")
    words = money.words(amount, accounts.currency())
    if given["move"] == "withdraw":
        stakes.withdraw(actor, amount, once)
        return f"{words} is no stake any more."
    stakes.deposit(actor, amount, stakes.source(given["source"]), once)
    return f"{words} is deposited as stake."


def _page(
    request: HttpRequest, actor: Actor, given: dict[str, str] | None = None, error: Refused | None = None
) -> HttpResponse:
    balances = statement.balances(actor.organisation.pk)
    context = {
        "balance": stakes.balance(actor.organisation),
        "locks": stakes.of_organisation(actor.organisation)[:MAX_SHOWN],
        "may_move": actor.has_role(actor.organisation.pk, Role.BILLING),
        "sources": [(kind, words, getattr(balances, kind)) for kind, words in SOURCES.items()],
        "days": stakes.RELEASED_AFTER.days,
        "currency": accounts.currency(),
        "once": (given or {}).get("once") or uuid.uuid4(),
        "given": given or {"source": Kind.CREDIT},
        "error": error,
        "field": error.pointer.strip("/") if error else "",
    }
    return render(request, "owner/stakes.html", context, status=status_of(error) if error else 200)
