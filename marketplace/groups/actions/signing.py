"""Signatures by members' nodes: under the first configuration, with the last of which the genesis stands; or under
that of the next epoch, which the members' nodes are handed once all who must have signed.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from assay import cbor
from assay.agreement import consent
from assay.agreement.group import Configuration, Epoch, require_genesis
from assay.agreement.group import Member as Seated
from assay.errors import AssayError, NotVerified, Refused
from assay.fields import plain
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation
from marketplace.catalogue.held import held
from marketplace.errors import Conflict
from marketplace.groups import ordering, succession
from marketplace.groups.models import Consent, Group, GroupEpoch, Member, Proposal
from marketplace.predictions import outbox

TO_SIGN = (Proposal.State.SIGNING, Proposal.State.ORDERING)


@transaction.atomic
def sign(actor: Actor, seat: Member, digest: bytes, signature: bytes) -> Group:
    """Keeps the member's signature under the configuration with this digest; handed in again it changes nothing.

    Raises Conflict where another configuration, or none, is to be signed; NotVerified.
    """
    group = held(seat.group, "organisation")
    seat = held(seat, "organisation")
    proposal = group.proposals.filter(state__in=TO_SIGN).first()
    if proposal is not None:
        _require_digest(bytes(proposal.digest or b""), digest)
        _sign_next(actor, group, proposal, seat.organisation, signature)
    else:
        epoch = group.epochs.filter(number=0).first()
        if epoch is None or seat.position is None or group.epoch:
            raise Conflict("nothing is to be signed now", code="nothing-to-sign", got=group.state)
        _require_digest(bytes(epoch.digest), digest)
        _sign_first(actor, group, epoch, seat, signature)
    return group


def _require_digest(expected: bytes, got: bytes) -> None:
    if expected != got:
        raise Conflict(
            "another configuration is to be signed",
            code="wrong-epoch",
            pointer="/digest",
            expected=expected.hex(),
            got=got.hex(),
            hint="Fetch it again: a member has been replaced meanwhile.",
        )


def _sign_first(actor: Actor, group: Group, epoch: GroupEpoch, seat: Member, signature: bytes) -> None:
    assert seat.position is not None, "who signs has a place"
    configuration = consent.proposed(bytes(epoch.configuration))
    _require_signed(configuration, [configuration.members[seat.position]], signature)
    _, new = Consent.objects.get_or_create(epoch=epoch, position=seat.position, defaults={"signature": signature})
    if new:
        audit.record(seat.organisation, actor.user, Action.GROUP_SIGNED, f"{group} {epoch.hex}")
        if epoch.consents.count() == configuration.n:
            _begin(actor, group, epoch)


def _sign_next(
    actor: Actor, group: Group, proposal: Proposal, organisation: Organisation, signature: bytes
) -> None:
    """By the owner's key in the epoch to come, or in the present one: after a rotation it hands in one of each."""
    before = succession.present(group)
    after = consent.read(bytes(proposal.configuration or b""))
    own = [each for each in (*after.members, *before.members) if each.owner == organisation.slug]
    member = _require_signed(after, own, signature)
    _, new = proposal.signatures.get_or_create(key=member.key, defaults={"signature": signature})
    if new:
        audit.record(organisation, actor.user, Action.GROUP_SIGNED, proposal)
    if proposal.state == Proposal.State.SIGNING and succession.progress(proposal, before).complete:
        proposal.state = Proposal.State.ORDERING
        proposal.save(update_fields=["state"])
        ordering.begin(proposal)


def _require_signed(configuration: Configuration, members: Sequence[Seated], signature: bytes) -> Seated:
    """The one of these members whose key has signed the configuration. Raises NotVerified, Refused."""
    refusal: AssayError | None = None
    for each in members:
        try:
            consent.check(configuration, each, signature)
        except (NotVerified, Refused) as error:
            refusal = refusal or error
        else:
            return each
    if refusal is None:
        raise Conflict("nothing is to be signed by you", code="nothing-to-sign")
    refusal.hint = (
        refusal.hint or "Sign with the node that you have chosen for the group: its key is the one expected."
    )
    raise refusal.under("/signature")


def _begin(actor: Actor, group: Group, epoch: GroupEpoch) -> None:
    """The genesis stands: it is kept as it is told to every member's node, and checked as every node will."""
    configuration = consent.proposed(bytes(epoch.configuration))
    signatures = tuple(bytes(each.signature) for each in epoch.consents.order_by("position"))
    whole = Epoch(configuration, signatures, ())
    require_genesis(whole)
    epoch.document, epoch.stood = cbor.encode(plain(whole)), timezone.now()
    epoch.save(update_fields=["document", "stood"])
    group.state = Group.State.FORMING
    group.save(update_fields=["state", "updated"])
    for member in group.members.exclude(state=Member.State.DECLINED).order_by("position"):
        outbox.add("groups.form", member=member.pk)
    audit.record(group.organisation, actor.user, Action.GROUP_STANDS, f"{group} {epoch.hex}")
