"""Later epochs for tests: proposed and signed by the same actions as in earnest, ordered as nodes would."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from assay import cbor, jsonform
from assay.agreement import consent
from assay.agreement.group import Approved, Configuration, Epoch
from assay.digest import Tag
from assay.fields import plain
from assay.keys import PrivateKey
from consensus.messages import Successor
from marketplace.groups import actions, following, succession
from marketplace.groups.models import Group, Proposal
from tests.marketplace.groups.founded import Owner


def proposed(
    group: Group, by: Owner, *, joining: Iterable[Owner] = (), leaving: Iterable[Owner] = (), **times: Any
):
    """A proposal for which everybody who is to come has chosen."""
    names = {"joining": [each.slug for each in joining], "leaving": [each.slug for each in leaving]}
    made = actions.propose(by.actor, by.seat(group), **names, **times)
    for each in joining:
        actions.accept(each.actor, each.seat(group), each.deployment)
    made.refresh_from_db()
    return made


def sign(proposal: Proposal, owner: Owner, key: PrivateKey | None = None) -> Group:
    """Hands in what the owner's key, or an older one of its, signs."""
    after = to_sign(proposal)
    before = succession.present(proposal.group)
    word = consent.word(key or owner.key, before, after)
    return actions.sign(owner.actor, owner.seat(proposal.group), after.digest, word)


def signed(proposal: Proposal, owners: Iterable[Owner]) -> Proposal:
    for each in owners:
        sign(proposal, each)
    proposal.refresh_from_db()
    return proposal


def to_sign(proposal: Proposal) -> Configuration:
    return consent.read(bytes(proposal.configuration))


def ordered(proposal: Proposal, keys: Iterable[PrivateKey | None], last: int = 3) -> bytes:
    """What nodes tell once the present members with these keys, None for who has not, have approved it."""
    chain = succession.chain(proposal.group)
    document = succession.successor(proposal, chain[-1].configuration)
    successor = jsonform.convert(cbor.decode(document), Successor)
    return approved(chain, successor.configuration, successor.consents, keys, last)


def approved(
    chain: tuple[Epoch, ...],
    after: Configuration,
    consents: Iterable[bytes],
    keys: Iterable[PrivateKey | None],
    last: int,
) -> bytes:
    entry = bytes([last]) * 32
    said = Approved.signed(chain[0].configuration.digest, after.digest, last, entry)
    words = ((i, key.sign(Tag.GROUP_APPROVAL, said)) for i, key in enumerate(keys) if key)
    approvals = tuple(Approved(i, last, entry, signature) for i, signature in words)
    return cbor.encode(plain(Epoch(after, tuple(consents), approvals)))


def succeeded(
    group: Group, by: Owner, signing: Iterable[Owner], keys: Iterable[PrivateKey | None], **changes: Any
) -> Group:
    """In its next epoch: `signing` sign it, and the present members with these keys have ordered it."""
    proposal = signed(proposed(group, by, **changes), signing)
    following.install(group, [ordered(proposal, keys, last=3 + group.epoch)])
    group.refresh_from_db()
    return group
