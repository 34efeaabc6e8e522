"""Credit that comes from the platform: free credit for a new account, test credit granted by staff; and earnings
that their earner turns into credit.
"""

from __future__ import annotations

from django.conf import settings

from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation, User
from marketplace.billing import accounts, ledger, money, moving
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Overdrawn, Part, Posting
from marketplace.errors import Conflict

GRANT = "billing.add_transaction"  # a permission of staff


def welcome(organisation: Organisation) -> None:
    """Opens a new organisation's accounts and gives it its free credit. To be called in the transaction that makes
    it; done again, it changes nothing.
    """
    if not settings.ENV.free_credit:
        accounts.open_for([organisation.pk])
        return
    posting = Posting(
        key=f"welcome {organisation.pk}",
        kind=ledger.Kind.GRANTED,
        detail="free credit",
        parts=_given(Kind.FREE, organisation, settings.ENV.free_credit),
    )
    ledger.post([posting])  # which opens the accounts


def on_organisation_made(organisation: Organisation, **_: object) -> None:
    welcome(organisation)


def grant(by: User, organisation: Organisation, amount: int, key: str, reason: str) -> None:
    """Test credit, by staff; the same key grants once. `amount`: micro-units, more than 0. Raises Forbidden."""
    moving.require_finance(by, GRANT)
    moving.require_positive(amount)
    posting = Posting(
        key=f"grant {key}",
        kind=ledger.Kind.GRANTED,
        detail=reason,
        parts=_given(Kind.CREDIT, organisation, amount),
        made_by=by.pk,
    )
    says = f"{money.words(amount, accounts.currency())}: {reason}"
    moving.once(posting, organisation, by, Action.CREDIT_GRANTED, says)


def spend_earnings(actor: Actor, amount: int, key: str) -> None:
    """Turns what has been earned and is available into credit. Raises Conflict where there is less."""
    moving.require_mover(actor)
    moving.require_positive(amount)
    mine = actor.organisation.pk
    posting = Posting(
        key=f"spend {mine} {key}",
        kind=ledger.Kind.SPENT,
        parts=(Part(Where(Kind.PAYABLE, mine), -amount), Part(Where(Kind.CREDIT, mine), amount)),
        made_by=actor.user.pk,
    )
    says = money.words(amount, accounts.currency())
    try:
        moving.once(posting, actor.organisation, actor.user, Action.EARNINGS_SPENT, says)
    except Overdrawn as error:
        raise Conflict("you have not earned so much that is available", code="too-little-earned") from error


def _given(kind: Kind, organisation: Organisation, amount: int) -> tuple[Part, ...]:
    return Part(Where(Kind.GRANTED), -amount), Part(Where(kind, organisation.pk), amount)
