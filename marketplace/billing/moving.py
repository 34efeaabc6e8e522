"""Looking at an organisation's own money, and moving it: by who may, more than nothing, once for each key, and on
record.
"""

from __future__ import annotations

from django.db import transaction

from assay.errors import Refused
from marketplace.accounts import audit
from marketplace.accounts.access import Actor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import Organisation, Role, User
from marketplace.accounts.scopes import Scope
from marketplace.billing import ledger
from marketplace.billing.ledger import Posting
from marketplace.errors import Forbidden


def require_viewer(actor: Actor) -> None:
    """Raises Forbidden unless the actor may look at its organisation's money: every member may, and so a key."""
    actor.require_scope(Scope.READ, Scope.BILLING)


def require_mover(actor: Actor) -> None:
    """Raises Forbidden unless the actor may move its organisation's money."""
    actor.require_scope(Scope.BILLING)
    actor.require_role(actor.organisation.pk, Role.BILLING)


def require_finance(by: User, permission: str) -> None:
    """Raises Forbidden unless this is somebody of the staff who has the permission (see `finance`)."""
    if not (by.is_active and by.is_staff and by.has_perm(permission)):
        raise Forbidden("only finance staff may do that", expected=permission, got=by.email)


def require_positive(amount: int) -> None:
    """Raises Refused."""
    if amount <= 0:
        raise Refused("nothing to move", pointer="/amount", expected="more than 0", got=str(amount))


@transaction.atomic
def once(posting: Posting, organisation: Organisation, by: User, action: Action, says: str) -> None:
    """Posts it and records it, unless its key has been posted before. Raises Overdrawn, Conflict."""
    (posted,) = ledger.post([posting])
    if posted == posting.id:
        audit.record(organisation, by, action, says)
