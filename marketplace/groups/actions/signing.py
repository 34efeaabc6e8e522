"""Signatures under a settled configuration, one by each member's node. With the last one the genesis stands."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from assay import cbor
from assay.agreement import consent
from assay.agreement.group import Epoch, require_genesis
from assay.errors import NotVerified, Refused
from assay.fields import plain
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.catalogue.held import held
from marketplace.errors import Conflict
from marketplace.groups.models import Consent, Group, GroupEpoch, Member
from marketplace.predictions import outbox


@transaction.atomic
def sign(actor: Actor, seat: Member, digest: bytes, signature: bytes) -> GroupEpoch:
    """Keeps the member's signature under the configuration with this digest; handed in again it changes nothing.

    Raises Conflict where another configuration, or none, is to be signed; NotVerified.
    """
    group = held(seat.group, "organisation")
    seat = held(seat, "organisation")
    epoch = group.epochs.filter(number=0).first()
    if epoch is None or seat.position is None:
        raise Conflict("nothing is to be signed yet", code="nothing-to-sign", got=group.state)
    if bytes(epoch.digest) != digest:
        raise Conflict(
            "another configuration is to be signed",
            code="wrong-epoch",
            pointer="/digest",
            expected=epoch.hex,
            got=digest.hex(),
            hint="Fetch it again: a member has been replaced meanwhile.",
        )
    configuration = consent.proposed(bytes(epoch.configuration))
    try:
        consent.check(configuration, configuration.members[seat.position], signature)
    except (NotVerified, Refused) as error:
        error.hint = (
            error.hint or "Sign with the node that you have chosen for the group: its key is the one expected."
        )
        raise error.under("/signature") from error
    _, new = Consent.objects.get_or_create(epoch=epoch, position=seat.position, defaults={"signature": signature})
    if new:
        audit.record(seat.organisation, actor.user, Action.GROUP_SIGNED, f"{group} {epoch.hex}")
        if epoch.consents.count() == configuration.n:
            _begin(actor, group, epoch)
    return epoch


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
