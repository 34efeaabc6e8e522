"""The audit log: one line for each change to keys, nodes, models, groups, in the transaction that makes it."""

from __future__ import annotations

from django.db import models

from marketplace.accounts.models import AuditEntry, Organisation, User


class Action(models.TextChoices):
    """What may be recorded."""

    REGISTERED = "account.registered", "Account registered"
    CREDIT_GRANTED = "credit.granted", "Credit granted"
    CAP_SET = "cap.set", "Spending cap set"
    CAP_REMOVED = "cap.removed", "Spending cap removed"
    PRICE_SET = "price.set", "Price set"
    EARNINGS_SPENT = "earnings.spent", "Earnings turned into credit"
    STAKE_MOVED = "stake.moved", "Stake deposited or withdrawn"
    STAKE_SLASHED = "stake.slashed", "Stake slashed"
    PERIOD_CLOSED = "period.closed", "Period of the books closed"
    ADJUSTMENT_PROPOSED = "adjustment.proposed", "Adjustment of an account proposed"
    ADJUSTMENT_DECIDED = "adjustment.decided", "Adjustment of an account approved or refused"
    KEY_CREATED = "key.created", "API key created"
    KEY_REVOKED = "key.revoked", "API key revoked"
    NODE_REGISTERED = "node.registered", "Node registered"
    NODE_KEY_ROTATED = "node.key-rotated", "Node's key replaced"
    NODE_RETIRED = "node.retired", "Node retired"
    DEPLOYED = "version.deployed", "Version deployed"
    UNDEPLOYED = "version.undeployed", "Version taken off a node"
    PUBLISHED = "model.published", "Model published"
    UNPUBLISHED = "model.unpublished", "Model withdrawn from the catalogue"
    VERSION_DISCARDED = "version.discarded", "Version discarded"
    MODEL_DISCARDED = "model.discarded", "Model discarded"
    GROUP_FOUNDED = "group.founded", "Group founded"
    GROUP_EDITED = "group.edited", "Group's title or summary changed"
    GROUP_INVITED = "group.invited", "Owner invited to a group"
    GROUP_REVOKED = "group.revoked", "Invitation to a group taken back"
    GROUP_ACCEPTED = "group.accepted", "Place in a group taken"
    GROUP_DECLINED = "group.declined", "Place in a group given up"
    GROUP_SIGNED = "group.signed", "Group's configuration signed"
    GROUP_STANDS = "group.stands", "Group's genesis stands"
    GROUP_SERVES = "group.serves", "Group serves"
    GROUP_SWAPPED = "group.swapped", "Model in a group changed"
    GROUP_KEPT = "group.kept", "Change of model in a group withdrawn"
    GROUP_PROPOSED = "group.proposed", "Next epoch of a group proposed"
    GROUP_UNPROPOSED = "group.unproposed", "Proposal for a group withdrawn"
    GROUP_EPOCH = "group.epoch", "Next epoch of a group in force"
    GROUP_JOINED = "group.joined", "Member of a group with its next epoch"
    GROUP_LEFT = "group.left", "No member of a group any more, from its next epoch on"
    GROUP_WITHDRAWN = "group.withdrawn", "Group withdrawn"
    GROUP_MARGINAL = "group.marginal", "Group one failure from stopping"
    GROUP_STOPPED = "group.stopped", "Group stopped: too few of its members work"
    GROUP_RECOVERED = "group.recovered", "Group has members to spare again"
    GROUP_DISSENTS = "group.dissents", "Member answers otherwise than its group on most rows"
    GROUP_AGREES = "group.agrees", "Member that answered otherwise does no more"
    GROUP_STRUCK = "group.struck", "Strike given: proven to have broken its word in a group"


def record(organisation: Organisation | None, user: User | None, action: Action, subject: object) -> None:
    """`subject` is written as its text, cut to fit; it must never hold a secret.

    `organisation`: None for what is done to the platform's own accounts.
    """
    AuditEntry.objects.create(organisation=organisation, user=user, action=action, subject=str(subject)[:200])
