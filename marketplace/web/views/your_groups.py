"""Groups from the owner's side: found one, answer invitations, sign, change one's model, withdraw."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assay.agreement.group import SIZES
from assay.errors import AssayError, NotVerified, Refused
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Role
from marketplace.api.problems import status_of
from marketplace.billing import accounts, money
from marketplace.catalogue.models import Deployment
from marketplace.groups import access, actions, alerts, configuring, dissent, evidence, standing, withheld
from marketplace.groups.actions.founding import DEFAULT_GRACE, DEFAULT_HORIZON, DEFAULT_SCALE, MAX_STAKE, Rules
from marketplace.groups.models import Group, Member, Proposal, Swap
from marketplace.groups.standing import Card
from marketplace.groups.telling import TOLD
from marketplace.web import prices, proposed
from marketplace.web.pages import MAX_TYPED, address, is_partial, own_page, whole_number
from marketplace.web.views.groups import MAX_LISTED, counting, tolerates

State = Group.State
TONES = {
    State.INVITING: "busy",
    State.SIGNING: "busy",
    State.FORMING: "busy",
    State.SERVING: "good",
}
MOVING = (State.SIGNING, State.FORMING)
TO_ANSWER = (Member.State.INVITED, Member.State.ASKED)
PRICED = (Member.State.ACCEPTED, Member.State.JOINING)  # who answers, or will
TO_COME = (Member.State.ASKED, Member.State.JOINING)  # with the next epoch
NAMED = (
    "member__group",
    "member__organisation",
    "before__model__organisation",
    "after__model__organisation",
)  # what a change is told with
WORDS = (
    *("name", "title", "summary", "model", "aggregator", "size", "scale", "grace", "horizon", "invite"),
    "copy_resistant",
    "stake",
)
AGGREGATORS = {
    "plurality": "Plurality: the label with most votes (for classification)",
    "median": "Median of the numbers (for regression)",
    "trimmed-mean": "Trimmed mean: without the highest and lowest numbers (for regression)",
}
START = {
    "aggregator": "plurality",
    "size": str(SIZES[0]),
    "scale": str(DEFAULT_SCALE),
    "grace": str(DEFAULT_GRACE),
    "horizon": str(DEFAULT_HORIZON),
    "stake": "0",
}


@require_safe
@own_page
def listing(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Invitations first, then the groups that one's organisations belong to, with what is proposed in each."""
    own = {each.group_id: each for each in access.seats(actor).select_related("organisation")}
    found = standing.for_cards(Group.objects.filter(pk__in=own).order_by("-updated")[:MAX_LISTED])
    proposals = {each.group_id: each for each in Proposal.objects.filter(group__in=own, state__in=Proposal.OPEN)}
    rows: dict[bool, list[dict[str, Any]]] = {True: [], False: []}  # by whether an answer is awaited
    for each in found:
        seat, tone = own[each.pk], TONES.get(State(each.state), "")
        row = {"shown": standing.card(each), "seat": seat, "tone": tone, "next": proposals.get(each.pk)}
        rows[seat.state in TO_ANSWER].append(row)
    context = {
        "invited": rows[True],
        "rows": rows[False],
        "alerts": alerts.of_actor(actor),
        "dissents": dissent.of_actor(actor),
    }
    return render(request, "owner/groups.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def found(request: HttpRequest, actor: Actor) -> HttpResponse:
    access.require_groups(actor, actor.organisation.pk)
    given = {field: request.POST.get(field, START.get(field, ""))[:MAX_TYPED] for field in WORDS}
    if request.method != "POST":
        return _founding(request, actor, given)
    try:
        group = actions.found(
            actor,
            given["name"],
            _brought(actor.organisation.pk, given["model"]),
            _rules(given),
            title=given["title"],
            summary=given["summary"],
            invited=given["invite"].replace(",", " ").split(),
        )
    except Refused as error:
        return _founding(request, actor, given, error)
    messages.success(request, "The group is founded. It begins once every owner has chosen a model and signed.")
    return redirect(address("your-group", group.slug))


@require_safe
@own_page
def group(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    """All of one's place in a group; with htmx its state alone, which asks for itself while something moves."""
    return placed(request, actor, _seat(actor, slug))


def placed(request: HttpRequest, actor: Actor, seat: Member, error: Refused | None = None) -> HttpResponse:
    """The page of `group`; with what is wrong with the price that was sent."""
    card = standing.one(seat.group)
    manages = actor.has_role(seat.organisation_id, Role.OWNER)
    state = State(card.group.state)
    waiting = seat.swaps.filter(state=Swap.State.WAITING).select_related(*NAMED).first()
    next_epoch = proposed.under_way(card.group) if card.epochs else {}
    chooses = manages and not waiting and _chooses(card, seat, next_epoch)
    choices = _choices(card, seat) if chooses else []
    context = {
        "card": card,
        "group": card.group,
        "seat": seat,
        "tone": TONES.get(state, ""),
        "moving": state in MOVING or waiting is not None or bool(next_epoch),
        "next": next_epoch,
        "withdraws": bool(next_epoch) and access.may_withdraw(actor, next_epoch["proposal"]),
        "stale": proposed.stale(card.group) if card.epochs and not next_epoch else [],
        "swapping": state == State.SERVING and seat.state not in TO_COME,
        "coming": seat.state in TO_COME,
        "waiting": waiting,
        "reaching": _reaching(card, seat),
        "manages": manages,
        "founds": card.group.organisation_id in actor.roles,
        "before": state in (State.INVITING, State.SIGNING),
        "free": card.group.size - len(card.seats),
        "choices": choices,
        "earlier": _earlier(seat, choices),
        "alerts": alerts.of_actor(actor).filter(group=card.group),
        "dissents": dissent.of_actor(actor).filter(member__group=card.group),
        "asking": actor.roles,
        "roles": actor.roles,
        "strikes": evidence.against(seat.organisation).filter(member=seat)[:MAX_LISTED],
        "withheld": [each for each in withheld.of_group(card.group, 1) if each.member == seat],
        "fitting": any(not each["reason"] for each in choices),
        "signed": _signed(card),
        "command": f"assay-node accept {card.group.slug}",
        "aggregator": counting(card.group.aggregator, card.f),
        "tolerates": tolerates(card),
        "swaps": access.visible_swaps(actor, card.group).order_by("-pk")[:MAX_LISTED],
        "currency": accounts.currency(),
    }
    if is_partial(request):
        return render(request, "owner/group-state.html", context)
    if manages and seat.state in PRICED:
        context["selling"] = prices.selling(seat, "group", request.POST, error)
    return render(request, "owner/group.html", context, status=status_of(error) if error else 200)


# --- changes: each does one thing, says how it went, and returns to the group -----------------------------


@require_POST
@own_page
def edit(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    found = access.founded(actor, slug)
    words = {field: request.POST.get(field, "")[:MAX_TYPED] for field in ("title", "summary")}
    return _done(request, slug, "Saved.", lambda: actions.edit(actor, found, **words))


@require_POST
@own_page
def invite(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    found = access.founded(actor, slug)
    whom = request.POST.get("organisation", "").strip()[:60]
    return _done(request, slug, f"{whom} is invited.", lambda: actions.invite(actor, found, whom))


@require_POST
@own_page
def revoke(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    found = access.founded(actor, slug)
    whom = request.POST.get("organisation", "")[:60]
    return _done(request, slug, f"{whom} has no place any more.", lambda: actions.revoke(actor, found, whom))


@require_POST
@own_page
def accept(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    seat = access.seat(actor, slug, request.POST.get("seat", ""))
    said = "Your model has its place. Once all have chosen, every owner signs."
    brought = request.POST.get("model", "")
    return _done(request, slug, said, lambda: actions.accept(actor, seat, _brought(seat.organisation_id, brought)))


@require_POST
@own_page
def decline(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    seat = access.seat(actor, slug, request.POST.get("seat", ""))
    answer = _done(request, slug, f"You have no place in {slug}.", lambda: actions.decline(actor, seat))
    seat.refresh_from_db()
    return redirect(address("your-groups")) if seat.state == Member.State.DECLINED else answer


@require_POST
@own_page
def swap(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    seat = access.seat(actor, slug, request.POST.get("seat", ""))
    brought = request.POST.get("model", "")
    said = "Your node is told. The group orders the change between requests; until then the old model answers."
    return _done(request, slug, said, lambda: actions.swap(actor, seat, _brought(seat.organisation_id, brought)))


@require_POST
@own_page
def keep(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    seat = access.seat(actor, slug, request.POST.get("seat", ""))
    said = "The change is withdrawn. Your model stays as it is."
    return _done(request, slug, said, lambda: actions.keep(actor, seat))


@require_POST
@own_page
def withdraw(request: HttpRequest, actor: Actor, slug: str) -> HttpResponse:
    found = access.founded(actor, slug)
    return _done(request, slug, "The group is withdrawn.", lambda: actions.withdraw(actor, found))


def _done(request: HttpRequest, slug: str, said: str, do: Callable[[], object]) -> HttpResponse:
    try:
        do()
    except (Refused, NotVerified) as error:
        messages.error(request, _words(error))
    else:
        messages.success(request, said)
    return redirect(address("your-group", slug))


def _words(error: AssayError) -> str:
    """A refusal in a line or two."""
    differs = f": expected {error.expected}, got {error.got or 'nothing'}" if error.expected else ""
    return f"{error.detail[:1].upper()}{error.detail[1:]}{differs}. {error.hint}".strip()


# --- reading ----------------------------------------------------------------------------------------------


def _founding(
    request: HttpRequest, actor: Actor, given: dict[str, str], error: AssayError | None = None
) -> HttpResponse:
    """The form, filled again."""
    context = {
        "error": error,
        "field": error.pointer.strip("/").partition("/")[0] if error else "",
        "fields": WORDS,
        "given": given,
        "choices": [(_value(each), each) for each in configuring.choices(actor.organisation.pk)],
        "sizes": [(str(size), (size - 1) // 3) for size in SIZES],
        "aggregators": AGGREGATORS.items(),
        "currency": accounts.currency(),
    }
    return render(request, "owner/found.html", context, status=status_of(error) if error else 200)


def _rules(given: dict[str, str]) -> Rules:
    size, scale, grace, horizon = (
        whole_number(given[name], f"/{name}") for name in ("size", "scale", "grace", "horizon")
    )
    stake = money.micros(given["stake"], "/stake", MAX_STAKE)
    return Rules(given["aggregator"], size, scale, grace, horizon, bool(given["copy_resistant"]), stake)


def _value(deployment: Deployment) -> str:
    """A choice as forms send it: which version, on which node."""
    return f"{deployment.version}/{deployment.node_id}"


def _brought(organisation: int, value: str) -> Deployment:
    name, _, node = value.rpartition("/")
    if not value:
        raise Refused("no model is chosen", pointer="/model", expected="one of the list")
    return configuring.deployment(organisation, name, whole_number(node, "/model"))


def _seat(actor: Actor, slug: str) -> Member:
    """One's place, whatever one's role: who may not change anything still sees it."""
    access.group(actor, slug)
    return access.own_seat(actor, slug)


def _reaching(card: Card, seat: Member) -> dict[str, str]:
    """How many of the others the member's node reaches, in its own words; nothing where that is not known."""
    if card.group.state not in TOLD or seat.reached is None:
        return {}
    others, needed = card.group.size - 1, card.group.size - card.f - 1
    reached = max(0, seat.reached - 1)  # who has stopped reaches nobody, itself neither
    tone = "good" if reached == others else "warn" if reached >= needed else "bad"
    return {"word": f"Your node reaches {reached} of {others} others", "tone": tone}


def _chooses(card: Card, seat: Member, next_epoch: Mapping[str, Any]) -> bool:
    """Whether another model may be chosen now: for the first time, anew, or to change to."""
    if seat.state in TO_COME:
        return bool(next_epoch) and next_epoch["proposal"].state == Proposal.State.INVITING
    if card.group.state == State.SERVING:
        return not next_epoch
    return card.group.state == State.INVITING and seat.position != 0


def _choices(card: Card, seat: Member) -> list[dict[str, Any]]:
    """What could be brought, with the reason where it does not fit; while serving, from the member's node."""
    found = configuring.choices(seat.organisation_id)
    if card.group.state == State.SERVING and seat.state not in TO_COME:
        found = found.filter(node=seat.node_id).exclude(version=seat.version_id)
    return [
        {
            "value": _value(each),
            "deployment": each,
            "reason": configuring.why_not(card.group, each),
            "chosen": each.version_id == seat.version_id and each.node_id == seat.node_id,
        }
        for each in found
    ]


def _earlier(seat: Member, choices: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Models that the member answered with before, the latest first; `choice` where it can be gone back to."""
    by_version = {each["deployment"].version_id: each for each in choices}
    found: dict[int, dict[str, Any]] = {}
    adopted = seat.swaps.filter(state=Swap.State.ADOPTED).exclude(before=seat.version_id)
    for made in adopted.select_related("before__model__organisation").order_by("-completed", "-pk")[:MAX_LISTED]:
        earlier = {"version": made.before, "until": made.completed, "choice": by_version.get(made.before_id)}
        found.setdefault(made.before_id, earlier)
    return list(found.values())


def _signed(card: Card) -> dict[str, Any]:
    """What is to be signed, and who has."""
    epoch = card.group.epochs.filter(number=0).first()
    if epoch is None:
        return {}
    positions = set(epoch.consents.values_list("position", flat=True))
    return {
        "digest": epoch.hex,
        "owners": [seat.owner for seat in card.seats if seat.member.position in positions],
        "awaited": [seat.owner for seat in card.seats if seat.member.position not in positions],
    }
