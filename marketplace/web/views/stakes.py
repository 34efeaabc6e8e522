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
from marketplace.web.pages import MAX_TYPED, address, once, own_page, whole_number

PER_PAGE = 50  # locks
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
    match given["move"]:
        case "deposit":
            stakes.deposit(actor, amount, stakes.source(given["source"]), once)
            return f"{words} is deposited as stake."
        case "withdraw":
            stakes.withdraw(actor, amount, once)
            return f"{words} is no stake any more."
    raise Refused("not a move", pointer="/move", expected="deposit | withdraw", got=given["move"][:40])


def _page(
    request: HttpRequest, actor: Actor, given: dict[str, str] | None = None, error: Refused | None = None
) -> HttpResponse:
    balances = statement.balances(actor.organisation.pk)
    locks, before = stakes.of_organisation(actor.organisation), request.GET.get("before", "")
    if before:
        locks = locks.filter(pk__lt=whole_number(before, "/before"))
    found = list(locks[: PER_PAGE + 1])
    context = {
        "balance": stakes.balance(actor.organisation),
        "locks": found[:PER_PAGE],
        "first": address("stakes") if before else "",
        "older": address("stakes", before=str(found[PER_PAGE - 1].pk)) if len(found) > PER_PAGE else "",
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
