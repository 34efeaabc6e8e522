"""Billing and Earnings: what an organisation has, spends and earns; caps; earnings turned into credit; as CSV too.

Whoever belongs to an organisation sees its money, and whoever has the role moves it. `?organisation=` names one
that is not the person's own.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assay.errors import AssayError, Refused
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Membership, Role
from marketplace.api.problems import status_of
from marketplace.billing import accounts, caps, credit, maturing, money, statement
from marketplace.billing.ledger import Kind
from marketplace.billing.statement import Movement
from marketplace.predictions.models import Status
from marketplace.web.charts import around, chart, month_of, named
from marketplace.web.pages import MAX_TYPED, acting_for, address, once, own_page, whole_number
from marketplace.web.sheets import sheet
from verification.ends import ENDINGS

TONES = {Status.CERTIFIED: "verified", Status.CONTESTED: "warn", Status.FAILED: "bad", Status.EXPIRED: "bad"}
HISTORY = (
    *("time", "what", "asked", "mode", "rows", "quoted", "charged", "returned", "end", "ended", "refunded"),
    *("change", "currency", "prediction", "certificate"),
)
EARNINGS = ("day", "asked", "predictions", "earned", "currency")


# --- billing ----------------------------------------------------------------------------------------------------


@require_safe
@own_page
def billing(request: HttpRequest, actor: Actor) -> HttpResponse:
    return _billing(request, acting_for(request, actor))


@require_POST
@own_page
def cap(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Sets the cap of the organisation or, with `key`, of a key; an empty amount removes it."""
    acting = acting_for(request, actor)
    named_key, typed = request.POST.get("key", ""), request.POST.get("amount", "")[:MAX_TYPED].strip()
    key = caps.key_of(acting, whole_number(named_key, "/key")) if named_key else None
    removed = not typed or "remove" in request.POST
    try:
        caps.set_cap(acting, key, None if removed else money.micros(typed, "/amount"))
    except Refused as error:
        if error.pointer != "/amount":
            raise
        given = {"key": key.pk if key else None, "amount": typed}
        return _billing(request, acting, given, error)
    messages.success(request, "The cap is removed." if removed else "The cap is set, from the next request on.")
    return redirect(_own(acting, "billing"))


@require_safe
@own_page
def history(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """All of it as CSV."""
    acting = acting_for(request, actor)
    found = statement.whole_history(acting.organisation.pk)
    return sheet(f"{acting.organisation.slug}-billing.csv", HISTORY, (_cells(each) for each in found))


def _billing(
    request: HttpRequest, acting: Actor, given: Mapping[str, Any] | None = None, error: AssayError | None = None
) -> HttpResponse:
    mine = acting.organisation
    month = month_of(request.GET.get("month", ""))
    found = statement.history(mine.pk, _before(request), statement.PAGE + 1)
    capped = caps.caps_of(acting)
    context = {
        **_common(acting, "billing"),
        **_month(acting, "billing", month),
        "balances": statement.balances(mine.pk),
        "spent": capped[0].used,
        "chart": chart(statement.spent_by_day(mine.pk, month), month),
        "rows": [_told(each) for each in found[: statement.PAGE]],
        **_places(request, acting, "billing", found),
        "export": _own(acting, "billing-csv"),
        "caps": capped,
        "alerts": [each for each in capped if each.level],
        "given": given,
        "error": error,
        "field": error.pointer.strip("/") if error else "",
    }
    return render(request, "billing/page.html", context, status=status_of(error) if error else 200)


def _told(moved: Movement) -> dict[str, Any]:
    """A movement in words: what it was, and what became of it."""
    ending = ENDINGS.get(moved.ending)
    hold = moved.kind == Kind.HELD
    return {
        "moved": moved,
        "hold": hold,
        "what": Kind(moved.kind).label,
        "asked": named(moved.target),
        "change": _change(moved),
        "word": "Refunded" if hold and moved.refunded else moved.ending.replace("-", " ").capitalize(),
        "why": ending.when if ending else "",
        "tone": TONES.get(Status(ending.status), "") if ending and not moved.refunded else "",
    }


def _change(moved: Movement) -> int:
    """What it did to the available balance up to now."""
    return moved.amount if moved.kind != Kind.HELD else moved.amount + (moved.returned or 0)


def _cells(moved: Movement) -> tuple[object, ...]:
    hold = moved.kind == Kind.HELD
    amounts = (moved.quoted, moved.charged, moved.returned) if hold else (None, None, None)
    return (
        moved.time.isoformat(timespec="seconds"),
        " ".join((Kind(moved.kind).label, "" if hold else moved.detail)).strip(),
        named(moved.target),
        moved.mode,
        moved.rows or "",
        *("" if amount is None else money.number(amount) for amount in amounts),
        moved.ending if hold else "",
        moved.ended.isoformat(timespec="seconds") if hold and moved.ended else "",
        "yes" if hold and moved.refunded else "",
        money.number(_change(moved)),
        accounts.currency(),
        moved.prediction or "",
        moved.certificate,
    )


# --- earnings ---------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def earnings(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What was earned; a POST turns what is available into credit."""
    acting = acting_for(request, actor)
    if request.method != "POST":
        return _earnings(request, acting)
    typed = request.POST.get("amount", "")[:MAX_TYPED]
    try:
        amount = money.micros(typed, "/amount")
        credit.spend_earnings(acting, amount, once(request))
    except Refused as error:
        if error.pointer not in ("/amount", "/once") and error.code != "too-little-earned":
            raise
        return _earnings(request, acting, {"amount": typed, "once": request.POST.get("once", "")}, error)
    messages.success(request, f"{money.words(amount, accounts.currency())} of your earnings are credit now.")
    return redirect(_own(acting, "earnings"))


@require_safe
@own_page
def earned(request: HttpRequest, actor: Actor) -> HttpResponseBase:
    """A month as CSV."""
    acting = acting_for(request, actor)
    month = month_of(request.GET.get("month", ""))
    found = statement.earned_by_day(acting.organisation.pk, month)
    rows = (
        (each.day, named(each.by), each.count, money.number(each.amount), accounts.currency()) for each in found
    )
    return sheet(f"{acting.organisation.slug}-earnings-{month:%Y-%m}.csv", EARNINGS, rows)


def _earnings(
    request: HttpRequest, acting: Actor, given: Mapping[str, str] | None = None, error: AssayError | None = None
) -> HttpResponse:
    mine, month = acting.organisation, month_of(request.GET.get("month", ""))
    found = statement.history(mine.pk, _before(request), statement.PAGE + 1, statement.EARNED)
    balances = statement.balances(mine.pk)
    context = {
        **_common(acting, "earnings"),
        **_month(acting, "earnings", month),
        "balances": balances,
        "chart": chart(statement.earned_by_day(mine.pk, month), month),
        "lots": maturing.lots(mine.pk),
        "rows": [{"moved": each, "what": Kind(each.kind).label} for each in found[: statement.PAGE]],
        **_places(request, acting, "earnings", found),
        "export": _own(acting, "earnings-csv", month=f"{month:%Y-%m}"),
        "given": given or {"amount": money.number(balances.payable), "once": str(uuid.uuid4())},
        "error": error,
        "field": "amount" if error else "",
    }
    return render(request, "billing/earnings.html", context, status=status_of(error) if error else 200)


# --- both -------------------------------------------------------------------------------------------------------


def _common(acting: Actor, tab: str) -> dict[str, Any]:
    """Whose money it is, and whose one may look at besides."""
    mine = (
        Membership.objects.filter(user=acting.user).select_related("organisation").order_by("organisation__slug")
    )
    personal = acting.organisation.personal_of_id == acting.user.pk
    return {
        "organisation": acting.organisation,
        "personal": personal,
        "members_of": [
            (each.organisation, address(tab, organisation=each.organisation.slug))
            for each in (mine if len(acting.roles) > 1 else ())
        ],
        "may_move": acting.has_role(acting.organisation.pk, Role.BILLING),
        "whose": "" if personal else f"?organisation={acting.organisation.slug}",
        "currency": accounts.currency(),
    }


def _month(acting: Actor, name: str, month: Any) -> dict[str, Any]:
    before, after = around(month, acting.organisation.created.date())
    return {
        "month": month,
        "month_before": _own(acting, name, month=before) if before else "",
        "month_after": _own(acting, name, month=after) if after else "",
    }


def _places(request: HttpRequest, acting: Actor, name: str, found: Sequence[Movement]) -> dict[str, str]:
    """Where the history goes on after a page of what was `found`, and back to its beginning; the month stays."""
    month, shown = request.GET.get("month", ""), found[: statement.PAGE]
    return {
        "first": _own(acting, name, month=month) if _before(request) != statement.NEWEST else "",
        "older": _own(acting, name, month=month, before=str(shown[-1].id)) if len(found) > len(shown) else "",
    }


def _own(acting: Actor, name: str, **query: str) -> str:
    """A page's address for the organisation acted for."""
    personal = acting.organisation.personal_of_id == acting.user.pk
    return address(name, organisation="" if personal else acting.organisation.slug, **query)


def _before(request: HttpRequest) -> int:
    text = request.GET.get("before", "")
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused("not a place in the history", pointer="/before", expected="a whole number", got=text[:40])
    return int(text) if text else statement.NEWEST
