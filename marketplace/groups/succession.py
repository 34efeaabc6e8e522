"""From a proposal to the configuration that its members sign, and from their signatures to what nodes are handed.

What may follow an epoch is for `consensus.judging` to say, here as on every node. Each member to come consents,
and 2f + 1 present ones give their word; one signature is both for who stays with its key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from django.utils import timezone

from assay import cbor
from assay.agreement import consent
from assay.agreement.group import MAX_EPOCHS, SIZES, Configuration, Epoch, Signed
from assay.agreement.group import Member as Seated
from assay.errors import Refused
from assay.fields import plain
from consensus.durable import Standing
from consensus.judging import Group as Judged
from consensus.judging import require_successor
from consensus.messages import Successor
from consensus.serving import Serving
from marketplace.catalogue.interfaces import reference_of
from marketplace.catalogue.models import ModelVersion, Node
from marketplace.groups.configuring import require_apart
from marketplace.groups.models import Group, Member, Proposal
from marketplace.groups.standing import decoded


def chain(group: Group) -> tuple[Epoch, ...]:
    """The group's epochs that stand, genesis first."""
    return tuple(decoded(each) for each in group.epochs.filter(document__isnull=False).order_by("number"))


def present(group: Group) -> Configuration:
    """The configuration in force."""
    return chain(group)[-1].configuration


def require_possible(before: Configuration, joining: Sequence[str], leaving: Sequence[str]) -> None:
    """That a group may go on with these owners more and those fewer. Raises Refused, which says why not."""
    if before.epoch + 1 >= MAX_EPOCHS:
        raise Refused(
            "a group has no more epochs than a certificate can name",
            code="too-many-epochs",
            expected=f"at most {MAX_EPOCHS}",
            hint="Found another group.",
        )
    owners = [member.owner for member in before.members]
    for name, given in (("join", joining), ("leave", leaving)):
        for i, owner in enumerate(given):
            if (owner in owners) == (name == "join") or owner in given[:i]:
                known = "is a member already" if owner in owners else "is no member"
                raise Refused(
                    "named twice" if owner in given[:i] else known,
                    code="same-member",
                    pointer=f"/{name}/{i}",
                    expected="a member" if name == "leave" else "an owner who is not a member",
                    got=owner[:60],
                )
    if len(leaving) > before.f:
        raise Refused(
            "too many members leave at a time",
            code="too-many-leave",
            pointer="/leave",
            expected=f"at most {before.f} of {before.n}",
            got=str(len(leaving)),
            hint="The others must be a quorum: go by several epochs.",
        )
    if (n := before.n + len(joining) - len(leaving)) not in SIZES:
        raise Refused(
            "not a size that a group can have",
            code="wrong-size",
            pointer="/join",
            expected=" | ".join(map(str, SIZES)),
            got=str(n),
            hint="For each member that comes another leaves, or three come or leave together.",
        )


def following(proposal: Proposal) -> Configuration:
    """The configuration of a proposal whose new members have chosen, as things are now; judged. Raises Refused.

    Who stays keeps its order, with the key and the address that its node has now; then come the new ones.
    """
    before = present(proposal.group)
    seats, to_come = _seats(proposal), _to_come(proposal, before)
    after = msgspec.structs.replace(
        before,
        epoch=before.epoch + 1,
        previous=before.digest,
        members=tuple(each for each in to_come.values() if each is not None),
        grace=proposal.grace,
        horizon=proposal.horizon,
    )
    require_apart(after)
    serving = tuple(_serving(seats[member.owner]) for member in before.members)
    genesis = bytes(proposal.group.epochs.get(number=0).digest)
    require_successor(Judged(genesis, before), Standing(0, before.digest, 0, serving, before.epoch), after)
    if msgspec.structs.replace(before, epoch=after.epoch, previous=after.previous) == after:
        raise Refused(
            "nothing would change",
            code="nothing-changes",
            expected="members that come or go, a node with another key or address, other times",
        )
    return consent.read(consent.encoded(after))


def _seats(proposal: Proposal) -> dict[str, Member]:
    """By owner, those who have brought a node and a model."""
    rows = proposal.group.members.select_related("organisation", "node", "version")
    return {each.organisation.slug: each for each in rows.filter(node__isnull=False)}


def _seated(seat: Member) -> Seated:
    node, version = _brought(seat)
    return Seated(seat.organisation.slug, bytes(node.key), node.address, reference_of(version))


def _serving(seat: Member) -> Serving:
    model = reference_of(_brought(seat)[1])
    return Serving(model.commitment, model, 0, ())


def _brought(seat: Member) -> tuple[Node, ModelVersion]:
    assert seat.node is not None, "who has a place brought a node"
    assert seat.version is not None, "who has a place brought a model"
    return seat.node, seat.version


def end(group: Group, proposal: Proposal, state: Proposal.State, detail: str = "") -> None:
    """A proposal of a group that is held comes to nothing, and so do the places that it offered."""
    proposal.state, proposal.detail, proposal.completed = state, detail[:300], timezone.now()
    proposal.save(update_fields=["state", "detail", "completed"])
    coming = group.members.filter(state__in=(Member.State.ASKED, Member.State.JOINING))
    coming.update(state=Member.State.DECLINED, node=None, version=None)


# --- what is signed ---------------------------------------------------------------------------------------


Change = Literal["comes", "goes", "stays"]


@dataclass(frozen=True)
class Party:
    """An owner whom a proposal concerns: its member as it is and as it would be, None where there is none.

    Who comes and has not chosen a model yet has none in either.
    """

    owner: str
    change: Change
    before: Seated | None
    after: Seated | None
    signed: frozenset[bytes]  # keys that have

    @property
    def has_consented(self) -> bool:
        """As a member to come, which all must."""
        return self.after is not None and self.after.key in self.signed

    @property
    def has_said(self) -> bool:
        """Given its word as a present member, of which there must be a quorum."""
        return self.before is not None and self.before.key in self.signed

    @property
    def rekeyed(self) -> bool:
        return self.before is not None and self.after is not None and self.before.key != self.after.key

    @property
    def moved(self) -> bool:
        return self.before is not None and self.after is not None and self.before.address != self.after.address


@dataclass(frozen=True)
class Progress:
    """What a proposal changes, and how far it has come."""

    before: Configuration
    fixed: bool  # who comes has chosen
    n: int  # members to come
    parties: tuple[Party, ...]  # in the order of those to come, then those who go

    @property
    def f(self) -> int:
        return (self.n - 1) // 3

    @property
    def quorum(self) -> int:
        """Present members whose words it takes."""
        return self.before.quorum

    @property
    def words(self) -> int:
        return sum(each.has_said for each in self.parties)

    @property
    def consents(self) -> int:
        return sum(each.has_consented for each in self.parties)

    @property
    def complete(self) -> bool:
        return self.consents == self.n and self.words >= self.quorum

    @property
    def awaited(self) -> tuple[str, ...]:
        """Owners without whom it cannot go on: who is to choose a model, then who is to sign.

        Where words are wanting, those are all who have not given theirs.
        """
        if not self.fixed:
            return tuple(each.owner for each in self.parties if each.change == "comes" and each.after is None)
        wanting = self.words < self.quorum
        return tuple(
            each.owner
            for each in self.parties
            if (each.change != "goes" and not each.has_consented)
            or (wanting and each.before is not None and not each.has_said)
        )


def progress(proposal: Proposal, before: Configuration) -> Progress:
    """`before` is the configuration that the proposal follows."""
    keys = frozenset(bytes(each.key) for each in proposal.signatures.all())
    now = {member.owner: member for member in before.members}
    to_come = _to_come(proposal, before)
    comes = [
        Party(owner, "stays" if owner in now else "comes", now.get(owner), to_come[owner], keys)
        for owner in to_come
    ]
    goes = [Party(owner, "goes", now[owner], None, keys) for owner in now if owner not in to_come]
    return Progress(before, proposal.configuration is not None, len(comes), (*comes, *goes))


def _to_come(proposal: Proposal, before: Configuration) -> dict[str, Seated | None]:
    """By owner, in their order: as it is to be signed, or would be if all who have not chosen yet had."""
    if proposal.configuration is not None:
        after = consent.read(bytes(proposal.configuration))
        return {member.owner: member for member in after.members}
    seats = _seats(proposal)
    stay = [member.owner for member in before.members if member.owner not in proposal.leaving]
    return {owner: _seated(seats[owner]) if owner in seats else None for owner in (*stay, *proposal.joining)}


def successor(proposal: Proposal, before: Configuration) -> bytes:
    """What members' nodes are handed: canonical CBOR of a `consensus.messages.Successor`."""
    after = consent.read(bytes(proposal.configuration or b""))
    by_key = {bytes(each.key): bytes(each.signature) for each in proposal.signatures.all()}
    consents = tuple(by_key[member.key] for member in after.members)
    words = tuple(_words(before.members, by_key))
    return cbor.encode(plain(Successor(after, consents, words)))


def _words(members: Iterable[Seated], by_key: dict[bytes, bytes]) -> Iterable[Signed]:
    return (Signed(i, by_key[member.key]) for i, member in enumerate(members) if member.key in by_key)
