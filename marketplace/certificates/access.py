"""Who may see a certificate: the members of the organisation it was made for."""

from __future__ import annotations

from marketplace.accounts.access import Actor
from marketplace.accounts.scopes import Scope
from marketplace.certificates.models import Certificate
from marketplace.errors import NotFound


def certificate(actor: Actor, sha256: bytes) -> Certificate:
    """Raises NotFound for a stranger, Forbidden for a key that may not read."""
    actor.require_scope(Scope.READ)
    found = Certificate.objects.filter(sha256=sha256, organisation__in=list(actor.roles)).first()
    if found is None:
        raise NotFound("no such certificate", got=sha256.hex())
    return found
