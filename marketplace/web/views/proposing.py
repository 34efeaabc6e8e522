"""Proposing the next epoch of a group from its owners' pages, and withdrawing the proposal."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from assay.agreement.group import SIZES
from assay.errors import AssayError, Refused
from marketplace.accounts.access import Actor
from marketplace.api.problems import status_of
from marketplace.errors import Conflict
from marketplace.groups import access, actions, standing
from marketplace.groups.models import Group, Member, Proposal
from marketplace.web import proposed
from marketplace.web.pages import MAX_TYPED, address, own_page, whole_number

FIELDS = ("join", "leave", "grace", "horizon")


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def propose(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    """The form; what is refused comes back with the reason at its field, and nobody has been asked anything."""
    seat = access.seat(actor, slug)
    if seat.group.state != Group.State.SERVING or seat.state != Member.State.ACCEPTED:
        raise Conflict("the group does not serve", code="group-not-serving", got=seat.group.state)
    group = seat.group
    given: dict[str, Any] = {"join": "", "leave": [], "grace": str(group.grace), "horizon": str(group.horizon)}
    if request.method != "POST":
        return _form(request, seat, given)
    given = {name: request.POST.get(name, "")[:MAX_TYPED] for name in FIELDS} | {
        "leave": [each[:60] for each in request.POST.getlist("leave")][: SIZES[-1]]
    }
    try:
        made = actions.propose(
            actor,
            seat,
            joining=given["join"].replace(",", " ").split(),
            leaving=given["leave"],
            grace=whole_number(given["grace"], "/grace"),
            horizon=whole_number(given["horizon"], "/horizon"),
        )
    except Refused as error:
        return _form(request, seat, given, error)
    waits = made.state == Proposal.State.INVITING
    next_ = "Who is to come chooses a model now; then all sign." if waits else "Each owner signs it now."
    messages.success(request, f"Epoch {made.number} is proposed. {next_}")
    return redirect(address("your-group", slug))


@require_POST
@own_page
def withdraw(request: HttpRequest, actor: Actor, slug: str, identifier: int) -> HttpResponse:
    found = access.own_proposal(actor, slug, identifier)
    try:
        made = actions.withdraw_proposal(actor, found)
    except Refused as error:
        messages.error(request, f"{error.detail[:1].upper()}{error.detail[1:]}. {error.hint}".strip())
    else:
        messages.success(request, f"The proposal of epoch {made.number} is withdrawn.")
    return redirect(address("your-group", slug))


def _form(
    request: HttpRequest, seat: Member, given: dict[str, Any], error: AssayError | None = None
) -> HttpResponse:
    card = standing.one(seat.group)
    context = {
        "card": card,
        "group": card.group,
        "given": given,
        "error": error,
        "field": error.pointer.strip("/").partition("/")[0] if error else "",
        "fields": FIELDS,
        "sizes": ", ".join(map(str, SIZES)),
        "stale": proposed.stale(card.group),
        "number": card.group.epoch + 1,
    }
    return render(request, "owner/propose.html", context, status=status_of(error) if error else 200)
