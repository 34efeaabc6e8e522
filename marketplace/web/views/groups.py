"""Groups for those who ask: the list, and a group's page with its playground, members, programs and changes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketplace.catalogue.interfaces import interface_of
from marketplace.groups import access, alerts, evidence, standing, statistics, withheld
from marketplace.groups.counting import STRAY
from marketplace.groups.history import history
from marketplace.groups.models import Group, Proposal
from marketplace.groups.standing import Card
from marketplace.web import prices
from marketplace.web.diversity import CAUTION, diversity
from marketplace.web.pages import actor_of, page
from marketplace.web.playground import playground
from marketplace.web.snippets import Target, snippets

TABS = (
    ("web:group", "Playground"),
    ("web:group-members", "Members"),
    ("web:group-api", "API"),
    ("web:group-updates", "Changes"),
)
MAX_LISTED = 100
MAX_PROOFS = 5  # of one member's withheld answers, the latest
COMMITTING = "Members commit to their answers before any is shown, so that none can copy another’s."
NUMBERS = (
    *("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
)


@require_safe
@page
def listing(request: HttpRequest) -> HttpResponse:
    serving = access.visible_groups(actor_of(request)).filter(state=Group.State.SERVING)
    found = standing.for_cards(serving.order_by("title", "pk")[:MAX_LISTED])
    return render(request, "group/list.html", {"groups": [standing.card(each) for each in found]})


@require_safe
@page
def group(request: HttpRequest, slug: str) -> HttpResponse:
    context = _context(request, slug, "web:group")
    card: Card = context["card"]
    founder = card.founder.version
    if card.group.state == Group.State.SERVING:
        examples = founder.examples if founder else []
        context["playground"] = playground(interface_of(card.group), examples, group=slug)
        context["latencies"] = standing.latencies(card.group)
        context["missing"] = _missing(card)
        context["tags"] = prices.tags(context["actor"], card.group, card.modes)
        context["costs"] = prices.for_script(context["tags"])
    return render(request, "group/playground.html", context)


@require_safe
@page
def members(request: HttpRequest, slug: str) -> HttpResponse:
    context = _context(request, slug, "web:group-members")
    card: Card = context["card"]
    context["command"] = f"assay verify certificate.json --group {card.genesis}" if card.genesis else ""
    context["statistics"] = [diversity(each) for each in statistics.windows(card.group, card.epochs)]
    context["caution"] = CAUTION
    context["here"] = {seat.owner for seat in card.seats}
    context["first"] = _founder(card)
    context["stray"] = NUMBERS[STRAY]
    context["evidence"] = evidence.of_group(card.group)[:MAX_LISTED]
    context["withheld"] = withheld.of_group(card.group, MAX_PROOFS)
    context["roles"] = context["actor"].roles if context["actor"] else {}
    return render(request, "group/members.html", context)


@require_safe
@page
def api(request: HttpRequest, slug: str) -> HttpResponse:
    context = _context(request, slug, "web:group-api")
    card: Card = context["card"]
    interface = context["interface"] = interface_of(card.group)
    if card.modes:
        target = Target("group", slug, card.genesis)
        founder = card.founder.version
        examples = founder.examples if founder else []
        context["examples"] = snippets(settings.ENV.url, target, interface, examples, mode=card.modes[0].name)
    return render(request, "group/api.html", context)


@require_safe
@page
def updates(request: HttpRequest, slug: str) -> HttpResponse:
    context = _context(request, slug, "web:group-updates")
    found = access.visible_swaps(context["actor"], context["card"].group)
    context["swaps"] = found.order_by("-pk")[:MAX_LISTED]
    proposals = Proposal.objects.filter(group=context["card"].group, state__in=Proposal.OPEN)
    context["next"] = proposals.select_related("organisation").first() if context["seated"] else None
    context["epochs"] = history(context["card"].epochs)[::-1]
    context["own"] = context["actor"].roles if context["actor"] else {}
    return render(request, "group/updates.html", context)


def _context(request: HttpRequest, slug: str, tab: str) -> dict[str, Any]:
    """What all four have in common."""
    actor = actor_of(request)
    found = access.group(actor, slug)
    card = standing.one(found)
    return {
        "actor": actor,
        "card": card,
        "group": card.group,
        "founder": found.organisation,
        "seated": actor is not None and access.seats(actor).filter(group=found).exists(),
        "aggregator": counting(found.aggregator, card.f),
        "tolerates": tolerates(card),
        "withstands": withstands(card),
        "committing": COMMITTING,
        "alert": alerts.of_group(found),
        "tabs": TABS,
        "tab": tab,
    }


def tolerates(card: Card) -> str:
    """What 3f + 1 members are for."""
    return f"Any {NUMBERS[card.f]} of the {NUMBERS[card.group.size]} may fail or lie"


def withstands(card: Card) -> str:
    """What then still holds."""
    if card.group.aggregator == "plurality":
        return "the answer is still one that an honest member gave."
    return "the answer still lies between numbers that honest members gave."


def counting(aggregator: str, f: int) -> str:
    """An aggregator in one line."""
    extremes = "the highest and the lowest" if f == 1 else f"the {NUMBERS[f]} highest and the {NUMBERS[f]} lowest"
    nobody = "no single member can" if f == 1 else f"no {NUMBERS[f]} members can"
    return {
        "plurality": f"The label with most votes is the answer, if at least {NUMBERS[f + 1]} members gave it"
        " and no other has as many.",
        "median": f"The median of the numbers is the answer: {nobody} move it beyond what the others said.",
        "trimmed-mean": f"The mean without {extremes} of the numbers is the answer: {nobody} move it beyond"
        " what the others said.",
    }[aggregator]


def _founder(card: Card) -> str:
    """Who founded it, though another may keep its page since."""
    if not card.epochs:
        return card.founder.owner
    return standing.decoded(card.epochs[0]).configuration.members[0].owner


def _missing(card: Card) -> str:
    quorum = card.group.size - card.f
    if card.reachable >= quorum:
        return ""
    return (
        f"{card.reachable} of {card.group.size} members can be reached at the moment, and it takes {quorum};"
        " a prediction waits for them until its deadline."
    )
