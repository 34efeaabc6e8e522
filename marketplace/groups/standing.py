"""Groups as they are shown and asked: their members in order, with the epochs that put them into force.

What a list needs is fetched for all of it at once, in a number of queries that does not depend on its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db import connection
from django.db.models import Prefetch, QuerySet

from assay import cbor, jsonform
from assay.agreement.group import Epoch
from assay.keys import PublicKey
from marketplace.billing import pricing
from marketplace.billing.models import Price
from marketplace.catalogue.interfaces import reference_of
from marketplace.catalogue.models import ModelVersion, Node
from marketplace.catalogue.offers import RECENT, Latency, ModeOffer
from marketplace.groups.models import Dissent, Group, GroupEpoch, Member
from verification.mode import Provider, Target
from verification.registry import MODES

KIND = "group"  # of a mode that can be asked of a group
REMEMBERED = 256  # epochs, which never change, as they were decoded


@dataclass(frozen=True)
class Seat:
    """A member as it is shown. `node` and `version` are None before it has accepted.

    `signed`: the key in the epoch in force; a node that has another by now is no longer that member.
    """

    member: Member
    owner: str
    node: Node | None
    version: ModelVersion | None
    signed: bytes | None = None

    @property
    def prices(self) -> dict[str, Price]:
        """What it asks for its vote, by mode."""
        return {price.mode: price for price in self.member.asked}  # type: ignore[attr-defined]

    @property
    def key(self) -> str:
        raw = self.signed or (bytes(self.node.key) if self.node else None)
        return "" if raw is None else str(PublicKey(raw))

    @property
    def commitment(self) -> str:
        """Of the model that it answers with, in hexadecimal; empty where there is none."""
        return "" if self.version is None else bytes(self.version.commitment or b"").hex()

    @property
    def dissent(self) -> Dissent | None:
        """That lately it answers otherwise than the group, which serves, on most rows."""
        found: Dissent | None = getattr(self.member, "dissent", None)
        serving = self.member.group.state == Group.State.SERVING
        return found if serving and found is not None and found.stands else None

    @property
    def reachable(self) -> bool:
        """Whether its node, with the key that it signed with, answered and served when it was last asked."""
        if self.node is None or (self.signed is not None and bytes(self.node.key) != self.signed):
            return False
        return self.node.serving and self.node.retired is None


@dataclass(frozen=True)
class Card:
    """A group as it is shown: `seats` in order, `epochs` that stand, `modes` that it may be asked in."""

    group: Group
    seats: tuple[Seat, ...]
    epochs: tuple[GroupEpoch, ...]
    modes: tuple[ModeOffer, ...]

    @property
    def f(self) -> int:
        """How many members may fail or lie."""
        return (self.group.size - 1) // 3

    @property
    def quorum(self) -> int:
        """2f + 1."""
        return 2 * self.f + 1

    @property
    def genesis(self) -> str:
        """64 hexadecimal digits; empty before it stands."""
        return self.epochs[0].hex if self.epochs else ""

    @property
    def grace(self) -> float:
        """Seconds that a member waits for the slower ones."""
        return self.group.grace / 1000

    @property
    def horizon(self) -> float:
        """Seconds ahead that a deadline may lie."""
        return self.group.horizon / 1000

    @property
    def alike(self) -> tuple[tuple[str, ...], ...]:
        """Owners who answer with one and the same model, by model: their votes are no more than one's."""
        owners: dict[str, tuple[str, ...]] = {}
        for seat in self.seats:
            if seat.commitment:
                owners[seat.commitment] = (*owners.get(seat.commitment, ()), seat.owner)
        return tuple(each for each in owners.values() if len(each) > 1)

    @property
    def copies(self) -> frozenset[str]:
        """The owners among these."""
        return frozenset(owner for owners in self.alike for owner in owners)

    @property
    def dissenting(self) -> tuple[Seat, ...]:
        """Who lately answers otherwise than the group."""
        return tuple(seat for seat in self.seats if seat.dissent)

    @property
    def founder(self) -> Seat:
        """Who founded it, or has taken that place since."""
        return self.seats[0]

    @property
    def reachable(self) -> int:
        return sum(seat.reachable for seat in self.seats)


def for_cards(groups: QuerySet[Group]) -> QuerySet[Group]:
    """`groups` with what `card` needs; four queries for all of them.

    Members come last, those who have left too: whatever epochs were read, their members are found.
    """
    known = (
        Member.objects.exclude(state=Member.State.DECLINED)
        .select_related("organisation", "node", "version__model__organisation", "dissent")
        .defer("version__report", "version__model__card", "version__model__search", "version__model__headline")
        .order_by("position")
        .prefetch_related(Prefetch("prices", pricing.standing(), "asked"))
    )
    stood = GroupEpoch.objects.filter(document__isnull=False).defer("configuration").order_by("number")
    return groups.select_related("organisation").prefetch_related(
        Prefetch("epochs", stood, "stood"), Prefetch("members", known, "known")
    )


def one(group: Group) -> Card:
    """A single group, as it is now."""
    return card(for_cards(Group.objects.filter(pk=group.pk)).get())


def card(group: Group) -> Card:
    """`group` comes from `for_cards`."""
    members, epochs = seats(group), _stood(group)
    return Card(group, members, epochs, _modes(group, members, epochs))


def seats(group: Group) -> tuple[Seat, ...]:
    """The newest epoch's members in their order; before the genesis, who is invited. `group` is of `for_cards`."""
    known, epochs = group.known, _stood(group)  # type: ignore[attr-defined]
    if not epochs:
        placed = (each for each in known if each.position is not None)
        return tuple(Seat(each, each.organisation.slug, each.node, each.version) for each in placed)
    by_owner = {each.organisation.slug: each for each in known}
    places = [(by_owner[place.owner], place) for place in decoded(epochs[-1]).configuration.members]
    return tuple(Seat(each, place.owner, each.node, each.version, place.key) for each, place in places)


def _stood(group: Group) -> tuple[GroupEpoch, ...]:
    return tuple(group.stood)  # type: ignore[attr-defined]


def target(group: Group, seats: Sequence[Seat], epochs: Sequence[GroupEpoch]) -> Target:
    """A group whose genesis stands, as modes ask it: keys as in the newest epoch, nodes where they are now."""
    signed = tuple(decoded(each) for each in epochs)
    providers = tuple(
        Provider(PublicKey(place.key), seat.node.address, reference_of(seat.version))
        for place, seat in zip(signed[-1].configuration.members, seats, strict=True)
        if seat.node is not None and seat.version is not None
    )
    return Target(f"{KIND}:{group.slug}", providers, signed)


def standing(group: int) -> Target | None:
    """The same for a group by its id, if it can be asked now; four queries."""
    for found in for_cards(Group.objects.filter(pk=group, state=Group.State.SERVING)):
        shown = card(found)
        return target(found, shown.seats, shown.epochs)
    return None


_LATENCIES = """
SELECT m.mode, p[1], p[2], count
FROM unnest(%s::text[]) AS m(mode), LATERAL (
    SELECT percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds) AS p, count(*) AS count
    FROM (
        SELECT extract(epoch FROM completed - created)::float8 AS seconds FROM predictions_prediction
        WHERE group_id = %s AND status = 'certified' AND predictions_prediction.mode = m.mode AND rows = 1
        ORDER BY created DESC LIMIT %s
    ) AS recent
) AS measured WHERE count > 0
"""


def latencies(group: Group) -> tuple[Latency, ...]:
    """How long it takes to answer one row, as measured, in each mode that has been used."""
    with connection.cursor() as cursor:
        cursor.execute(_LATENCIES, [list(MODES), group.pk, RECENT])
        return tuple(Latency(mode, p50, p95, count) for mode, p50, p95, count in cursor.fetchall())


def _modes(group: Group, seats: Sequence[Seat], epochs: Sequence[GroupEpoch]) -> tuple[ModeOffer, ...]:
    if not epochs:
        return ()
    asked = target(group, seats, epochs)
    return tuple(
        ModeOffer.of(mode, asked, [seat.prices[mode.name] for seat in seats if mode.name in seat.prices])
        for mode in MODES.values()
        if mode.asks == KIND
    )


def decoded(epoch: GroupEpoch) -> Epoch:
    """One that stands, as it was signed."""
    return _epoch(bytes(epoch.document or b""))


@lru_cache(REMEMBERED)
def _epoch(document: bytes) -> Epoch:
    return jsonform.convert(cbor.decode(document), Epoch)
