"""Dissent lately: a member that answers otherwise than its group on most of the last rows is marked, before all.

Who serves another model than it said, or prepares its inputs otherwise, is outvoted and breaks no word: nothing
else would show it before the counts of all time do. So the last rows are weighed, whenever all nodes have been
asked how they are: ROWS with an answer on which the member voted, in the epoch in force, with the model that it
answers with now. A mark begins above BEGINS of them and ends by itself, at ENDS; both are told once, in the audit
log of every member's organisation. All of it follows from stored certificates, so what is interrupted is found
again. A mark decides nothing, and says nothing of who is right: a group has blind spots, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from assay.agreement.votes import Answered
from assay.certificate import AgreementCertificate, parse
from assay.errors import AssayError
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.catalogue.held import held
from marketplace.certificates.models import Certificate
from marketplace.groups import standing
from marketplace.groups.counting import dissented
from marketplace.groups.models import Dissent, Group, GroupCounts, Member
from marketplace.groups.standing import Card, Seat
from marketplace.predictions.models import Status
from verification.registry import MODES

ROWS = 100  # of a member that are weighed, the last ones
LEAST = 20  # below which nothing is said: a few hard rows are no news
BEGINS = 0.5  # above this share a mark begins: who is right less often than not is no use to the group
ENDS = 0.4  # at this share it ends: somewhat below, so that who errs on about half is not told of again and again
LOOKED_AT = 200  # predictions, the last ones, whoever is silent in them
AT_ONCE = 20  # certificates that are fetched together


@dataclass(frozen=True)
class Voted:
    """A member in one certificate: with which model, and whether it dissented, 1 or 0, on its last ROWS rows."""

    model: bytes
    rows: bytes


@dataclass(frozen=True)
class Ballots:
    """One certificate: in which epoch (its digest), and who voted, by place. Of none that is unreadable now."""

    epoch: bytes
    voted: Mapping[int, Voted]


@dataclass(frozen=True)
class Weighed:
    """What this process remembers of a group: how much there was to weigh, and the certificates among it."""

    requests: int
    ballots: Mapping[int, Ballots]


_remembered: dict[int, Weighed] = {}  # spares reading what was read; nothing depends on it


def check() -> None:
    """Weighs every group in which a prediction has ended since, or a member is marked."""
    kept = GroupCounts.objects.filter(day__isnull=True, group__state=Group.State.SERVING)
    ended = dict(kept.values("group").annotate(Sum("requests")).values_list("group", "requests__sum"))
    marked = set(Dissent.objects.values_list("member__group", flat=True))
    known = {group: each.requests for group, each in _remembered.items()}
    for pk in sorted(marked | {group for group in ended if known.get(group) != ended[group]}):
        _remembered[pk] = Weighed(ended.get(pk, 0), _weigh(pk))
    for pk in _remembered.keys() - ended.keys():
        del _remembered[pk]


def of_actor(actor: Actor) -> QuerySet[Dissent]:
    """Marks in all groups that the actor's organisations are members of, the oldest first; `own`: on their own."""
    own = list(actor.roles)
    seats = Member.objects.filter(organisation__in=own, state=Member.State.ACCEPTED)
    stand = Dissent.objects.filter(epoch=F("member__epoch"), version=F("member__version"))
    found = stand.filter(member__group__in=seats.values("group"), member__group__state=Group.State.SERVING)
    marks = found.annotate(own=Q(member__organisation__in=own)).order_by("since", "pk")
    return marks.select_related("member__group", "member__organisation")


@transaction.atomic
def _weigh(pk: int) -> Mapping[int, Ballots]:
    """Marks a group's members by what is stored, under its lock: whoever weighs later knows more."""
    card, ballots = standing.one(held(Group(pk=pk))), dict[int, Ballots]()
    weighed = _last_rows(card, ballots) if card.group.state == Group.State.SERVING else {}
    marked = set()
    for mark in Dissent.objects.filter(member__group=pk).select_related("member__organisation"):
        rows = weighed.get(mark.member_id, b"") if mark.stands else b""
        if sum(rows) > ENDS * len(rows):
            Dissent.objects.filter(pk=mark.pk).update(rows=len(rows), dissented=sum(rows))
            marked.add(mark.member_id)
        else:
            mark.delete()
            _tell(card, Action.GROUP_AGREES, mark.member.organisation.slug)
    for seat in card.seats:
        rows = weighed.get(seat.member.pk, b"")
        if seat.member.pk not in marked and len(rows) >= LEAST and sum(rows) > BEGINS * len(rows):
            _begin(card, seat, rows)
    return ballots


def _begin(card: Card, seat: Seat, rows: bytes) -> None:
    counts = {"rows": len(rows), "dissented": sum(rows)}
    here = {"epoch": seat.member.epoch, "version_id": seat.member.version_id}
    mark = Dissent.objects.create(member=seat.member, since=timezone.now(), **here, **counts)
    _tell(card, Action.GROUP_DISSENTS, f"{seat.owner} {mark}")


def _tell(card: Card, action: Action, what: str) -> None:
    for seat in card.seats:
        audit.record(seat.member.organisation, None, action, f"{card.group}: {what}")


# --- the last rows ----------------------------------------------------------------------------------------


def _last_rows(card: Card, ballots: dict[int, Ballots]) -> dict[int, bytes]:
    """By member, its last ROWS rows, the newest first: 1 if it dissented. Fills `ballots` with what was read."""
    modes = [mode.name for mode in MODES.values() if mode.asks == standing.KIND]
    ended = card.group.predictions.filter(mode__in=modes, status__in=(Status.CERTIFIED, Status.CONTESTED))
    latest = list(ended.order_by("-created").values_list("certificate", flat=True)[:LOOKED_AT])
    found = {seat.member.pk: b"" for seat in card.seats}
    for i in range(0, len(latest), AT_ONCE):
        read = _read(card.group.pk, latest[i : i + AT_ONCE])
        ballots |= read
        for each in read.values():
            _add(found, card, each)
        if all(len(each) >= ROWS for each in found.values()):
            break
    return {member: each[:ROWS] for member, each in found.items()}


def _add(found: dict[int, bytes], card: Card, ballots: Ballots) -> None:
    """What each has voted in the epoch in force, with the model that it answers with now."""
    if ballots.epoch == bytes(card.epochs[-1].digest):
        for place, seat in enumerate(card.seats):
            voted = ballots.voted.get(place)
            if voted is not None and voted.model.hex() == seat.commitment:
                found[seat.member.pk] += voted.rows[::-1]


def _read(group: int, certificates: Sequence[int]) -> dict[int, Ballots]:
    """In the same order."""
    known = _remembered[group].ballots if group in _remembered else {}
    unread = Certificate.objects.filter(pk__in=[pk for pk in certificates if pk not in known])
    read = {pk: _ballots(bytes(document)) for pk, document in unread.values_list("pk", "document")}
    return {pk: known[pk] if pk in known else read[pk] for pk in certificates}


def _ballots(document: bytes) -> Ballots:
    """What a stored certificate, which was checked, says of dissent; of an earlier version's that is nothing."""
    try:
        certificate = parse(document)
    except AssayError:
        return Ballots(b"", {})
    if not isinstance(certificate, AgreementCertificate):
        return Ballots(b"", {})
    evidence = certificate.evidence
    voted = {
        place: Voted(said.model, rows[-ROWS:])
        for place, (said, rows) in enumerate(zip(evidence.ended.said, dissented(evidence), strict=True))
        if isinstance(said, Answered)
    }
    return Ballots(evidence.configuration.digest, voted)
