"""Adjusting accounts by hand: one of the staff proposes, another approves, and only then something moves.

Nobody approves what they have proposed: refused here, and by PostgreSQL. Money that is held, locked or not yet
available is not adjusted, for what it is there for goes by it.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from assay.errors import Refused
from marketplace.accounts import audit
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation, User
from marketplace.billing import accounts, ledger, money, moving
from marketplace.billing.accounts import Kind, Where
from marketplace.billing.ledger import Part, Posting
from marketplace.billing.models import Account, Adjustment
from marketplace.errors import Conflict, Forbidden, NotFound

State = Adjustment.State
NOT_BY_HAND = frozenset({Kind.HELD, Kind.LOCKED, Kind.EARNED})
PROPOSE, DECIDE = "billing.add_adjustment", "billing.change_adjustment"  # permissions of staff


@transaction.atomic
def propose(by: User, to: Where, of: Where, amount: int, reason: str) -> Adjustment:
    """That `amount` micro-units go from account `of` to account `to`. Raises Refused, Forbidden, NotFound."""
    moving.require_finance(by, PROPOSE)
    if amount <= 0:
        raise Refused("not an amount to move", pointer="/amount", expected="more than 0", got=str(amount))
    if not reason.strip():
        raise Refused("an adjustment has a reason", pointer="/reason", expected="why", got="nothing")
    if to == of:
        raise Refused("an adjustment is between two accounts", pointer="/of", expected="another account")
    made = Adjustment.objects.create(
        account=_account(to, "/to"),
        against=_account(of, "/of"),
        amount=amount,
        reason=reason.strip()[:300],
        proposed_by=by,
    )
    _record(made, by, Action.ADJUSTMENT_PROPOSED, "proposed")
    return made


@transaction.atomic
def approve(by: User, adjustment: int) -> Adjustment:
    """Moves it. Raises Forbidden for who proposed it, Conflict where it is decided already, Overdrawn."""
    found = _open(by, adjustment)
    if found.proposed_by_id == by.pk:
        raise Forbidden("an adjustment needs a second person: somebody else has to approve this", got=by.email)
    to, of = (Where(Kind(each.kind), each.organisation_id) for each in (found.account, found.against))
    (posted,) = ledger.post(
        [
            Posting(
                key=f"adjust {found.pk}",
                kind=ledger.Kind.ADJUSTED,
                detail=found.reason,
                parts=(Part(to, found.amount), Part(of, -found.amount)),
                made_by=by.pk,
            )
        ]
    )
    found.transaction_id = posted
    return _decide(found, by, State.APPROVED)


@transaction.atomic
def refuse(by: User, adjustment: int) -> Adjustment:
    """Lets nothing come of it; who proposed it may do so too. Raises Forbidden, Conflict."""
    return _decide(_open(by, adjustment), by, State.REFUSED)


def _open(by: User, adjustment: int) -> Adjustment:
    moving.require_finance(by, DECIDE)
    rows = Adjustment.objects.select_for_update(of=("self",)).select_related(
        *("account__organisation", "against__organisation")
    )
    found = rows.filter(pk=adjustment).first()
    if found is None:
        raise NotFound("no such adjustment", got=str(adjustment))
    if found.state != State.PROPOSED:
        raise Conflict("this adjustment is decided already", expected=State.PROPOSED, got=found.state)
    return found


def _decide(adjustment: Adjustment, by: User, state: State) -> Adjustment:
    adjustment.state, adjustment.decided_by, adjustment.decided = state, by, timezone.now()
    adjustment.save(update_fields=["state", "decided_by", "decided", "transaction"])
    _record(adjustment, by, Action.ADJUSTMENT_DECIDED, str(state.value))
    return adjustment


def _account(where: Where, pointer: str) -> Account:
    kinds = Account.OF_PLATFORM if where.organisation is None else Account.OF_ORGANISATIONS
    allowed = [kind for kind in kinds if kind not in NOT_BY_HAND]
    if where.kind not in allowed:
        raise Refused(
            "this account is not adjusted by hand", pointer=pointer, expected=" | ".join(allowed), got=where.kind
        )
    accounts.open_for([] if where.organisation is None else [where.organisation])
    found = Account.objects.filter(
        kind=where.kind, organisation=where.organisation, currency=accounts.currency()
    ).first()
    if found is None:
        raise NotFound("no such account", pointer=pointer, got=where.kind)
    return found


def _record(adjustment: Adjustment, by: User, action: Action, what: str) -> None:
    """In the log of every organisation concerned, or else in the platform's own."""
    says = f"{what}: {money.words(adjustment.amount, adjustment.account.currency)} to {adjustment.account.kind}"
    says += f" of {adjustment.against.kind}: {adjustment.reason}"
    concerned = Q(accounts=adjustment.account) | Q(accounts=adjustment.against)
    for organisation in Organisation.objects.filter(concerned).distinct().order_by("pk") or [None]:
        audit.record(organisation, by, action, says)
