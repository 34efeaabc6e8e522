"""Evidence that members of a group have broken their word: checked, kept, shown, and each deed struck once.

Whoever is struck by it loses the stake as well; an outcome that was proven wrong is paid back to who asked.

Anybody who is signed in may hand it in, for it convicts by the signatures in it alone; nothing else is kept. That
is bounded by what can be proven of a group's members: a second piece about the same deed adds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q, QuerySet

from assay.agreement.blame.evidence import AnyEvidence, WrongOutcome, parse
from assay.agreement.blame.guilt import Guilty, require_guilt
from assay.verify.blame import sentence
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation, User
from marketplace.billing import reversing, stakes
from marketplace.errors import Conflict, NotFound
from marketplace.groups import access
from marketplace.groups.models import Evidence, Group, Member, Strike
from verification.ends import DISPUTE_LOST

MOST_STRIKES = 100  # by evidence, of one member in one group; nobody reads on
MOST_NAMELESS = 20  # pieces about one group that name nobody


def group(actor: Actor | None, slug: str) -> Group:
    """A group that the actor may see, or one with evidence or strikes that was withdrawn: that hides neither.

    Raises NotFound.
    """
    proven = Q(evidence__isnull=False) | Q(members__strikes__isnull=False)
    return _withdrawn(slug, proven) or access.group(actor, slug)


def accusable(actor: Actor, slug: str) -> Group:
    """The same, or one that was withdrawn after it had been asked: that does not save its members either."""
    return _withdrawn(slug, Q(predictions__isnull=False)) or group(actor, slug)


def _withdrawn(slug: str, which: Q) -> Group | None:
    return Group.objects.filter(which, slug=slug, state=Group.State.WITHDRAWN).first()


def of_group(of: Group) -> QuerySet[Evidence]:
    """Newest first, with who was struck."""
    found = Evidence.objects.filter(group=of).defer("document").select_related("group")
    return found.prefetch_related("strikes__member__organisation").order_by("-created", "-pk")


def one(actor: Actor | None, slug: str, digest: bytes) -> Evidence:
    """With its document. Raises NotFound."""
    found = Evidence.objects.filter(group=group(actor, slug), digest=digest)
    for each in found.select_related("group").prefetch_related("strikes__member__organisation"):
        return each
    raise NotFound("no such evidence", got=digest.hex())


def strikes(of: Group) -> QuerySet[Strike]:
    """Newest first, whatever they rest on."""
    found = Strike.objects.filter(member__group=of).select_related(
        "member__organisation", "evidence", "certificate"
    )
    return found.defer("evidence__document", "certificate__document").order_by("-created", "-pk")


def against(organisation: Organisation) -> QuerySet[Strike]:
    """Strikes of an owner by evidence, newest first, in every group that is or was everybody's to see."""
    shown = (Group.State.SERVING, Group.State.WITHDRAWN)
    found = Strike.objects.filter(
        member__organisation=organisation, member__group__state__in=shown, evidence__isnull=False
    )
    return found.select_related("evidence__group").defer("evidence__document").order_by("-created", "-pk")


def submit(actor: Actor | None, to: Group, document: bytes) -> tuple[Evidence, bool]:
    """Checks and keeps evidence, and strikes whom it convicts; and whether it was news. No actor: a node has it.

    Where all of it was known, gives the piece that is here. Raises Refused or NotVerified for what proves nothing,
    Conflict where the group, or the epoch, is not one yet, or where enough is known.
    """
    read = parse(document)
    genesis = to.epochs.filter(number=0, document__isnull=False).first()
    if genesis is None:
        raise Conflict("the group's genesis does not stand yet", code="group-not-serving", got=to.state)
    guilty = require_guilt(read, bytes(genesis.digest))
    _require_known(to, read)
    if isinstance(read, WrongOutcome):  # news or not, kept or not: many may have been lied to in one deed
        reversing.reverse_request(read.asked.id, to.pk, DISPUTE_LOST, f"{to}: {read.about}")
    return _keep(actor.user if actor else None, to, read, guilty)


@transaction.atomic
def _keep(user: User | None, to: Group, read: AnyEvidence, guilty: Sequence[Guilty]) -> tuple[Evidence, bool]:
    to = _held(to)
    seats = list(_new(to, guilty, read.about))
    known = Evidence.objects.filter(Q(digest=read.id) | Q(group=to, about=read.about)).order_by("pk").first()
    if known is not None and not seats:
        return known, False
    _require_room(to, seats)
    kept = Evidence.objects.create(
        group=to,
        digest=read.id,
        document=read.to_cbor(),
        kind=read.kind,
        about=read.about,
        sentence=_cut(read),
        submitted_by=user,
    )
    for seat in seats:
        Strike.objects.create(evidence=kept, member=seat, about=read.about)
        audit.record(seat.organisation, user, Action.GROUP_STRUCK, f"{to}: {read.about}")
    stakes.slash(seats, f"{to}: {read.about}")
    return kept, True


def _held(to: Group) -> Group:
    """One piece after the other. Who asks the group meanwhile, with money locked, does not wait."""
    return Group.objects.select_for_update(no_key=True).get(pk=to.pk)


def _require_known(to: Group, read: AnyEvidence) -> None:
    """Whose keys those are, the marketplace says by what it knows: a quorum of liars may well approve an epoch in
    which somebody's name stands beside a key of theirs.
    """
    digest = read.configuration.digest
    if not to.epochs.filter(digest=digest, document__isnull=False).exists():
        raise Conflict(
            "from an epoch of the group that is not known here",
            code="unknown-epoch",
            pointer=f"/epochs/{len(read.epochs) - 1}",
            expected=" | ".join(each.hex for each in to.epochs.filter(document__isnull=False)),
            got=digest.hex(),
        )


def _new(to: Group, guilty: Sequence[Guilty], about: str) -> QuerySet[Member]:
    """Those whom this convicts of something that they have not been struck for."""
    places = to.members.filter(organisation__slug__in=[each.owner for each in guilty])
    return places.exclude(strikes__about=about).select_related("organisation").order_by("position", "pk")


def _require_room(to: Group, seats: Sequence[Member]) -> None:
    full = Strike.objects.filter(member__in=seats, evidence__isnull=False).count() >= MOST_STRIKES * len(seats)
    nameless = Evidence.objects.filter(group=to, strikes__isnull=True).count() >= MOST_NAMELESS
    if full if seats else nameless:
        raise Conflict(
            "enough is proven against these members" if seats else "it is proven often enough",
            code="too-many-strikes",
            expected=f"at most {MOST_STRIKES} strikes of a member in a group",
        )


def _cut(read: AnyEvidence) -> str:
    told = sentence(read)
    return told if len(told) <= 1000 else f"{told[:999]}…"
