"""Who may see a certificate: whom it was made for, and owners who are struck for what it says of them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q, QuerySet

from marketplace.accounts.access import Actor
from marketplace.accounts.scopes import Scope
from marketplace.certificates.models import Certificate
from marketplace.errors import NotFound


def certificate(actor: Actor, sha256: bytes) -> Certificate:
    """Raises NotFound for a stranger, Forbidden for a key that may not read."""
    actor.require_scope(Scope.READ)
    found = visible(actor).filter(sha256=sha256).first()
    if found is None:
        raise NotFound("no such certificate", got=sha256.hex())
    return found


def visible(actor: Actor) -> QuerySet[Certificate]:
    """A struck member's node has been told all that stands in it; question and salt, which it lacks, are apart."""
    own = list(actor.roles)
    accused = Certificate.objects.filter(pk=OuterRef("pk"), strikes__member__organisation__in=own)
    return Certificate.objects.filter(Q(organisation__in=own) | Exists(accused))
