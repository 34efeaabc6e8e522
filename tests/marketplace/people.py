"""The fixed cast of the marketplace's tests, and the things they own.

asha      owns models and a node
tariq     asha's teammate: a buyer in her organisation, who may look and ask but not change
bela      a buyer with an organisation of her own
sam       a stranger to both
staff     runs the site
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from assay.keys import PrivateKey
from marketplace.accounts import access, actions
from marketplace.accounts.access import Actor
from marketplace.accounts.models import Membership, Organisation, Role, User
from marketplace.accounts.scopes import EVERY

PASSWORD = "correct horse battery staple"


@dataclass
class Person:
    """Somebody with a personal organisation and an API key of every scope."""

    name: str
    user: User
    token: str
    organisation: Organisation

    @property
    def actor(self) -> Actor:
        """Signed in."""
        return access.for_user(self.user)

    @property
    def headers(self) -> dict[str, str]:
        """For `client.get(..., headers=…)`."""
        return {"authorization": f"Bearer {self.token}"}

    def key(self, *scopes: str) -> str:
        """Another token, with these scopes only."""
        return actions.create_key(self.actor, "limited", scopes)[1]


@dataclass
class Cast:
    asha: Person
    tariq: Person
    bela: Person
    sam: Person
    staff: User
    node_key: PrivateKey = field(default_factory=lambda: PrivateKey(b"\7" * 32))

    @property
    def everybody(self) -> list[Person]:
        return [self.asha, self.tariq, self.bela, self.sam]


def person(name: str) -> Person:
    user = actions.register(f"{name}@example.org", PASSWORD, name.title())
    organisation = Organisation.objects.get(personal_of=user)
    token = actions.create_key(access.for_user(user), "tests", EVERY)[1]
    return Person(name, user, token, organisation)


def cast() -> Cast:
    """Everybody, freshly registered. Tariq's key and actor are for asha's organisation."""
    asha, tariq, bela, sam = (person(name) for name in ("asha", "tariq", "bela", "sam"))
    Membership.objects.create(organisation=asha.organisation, user=tariq.user, role=Role.BUYER)
    in_team = access.for_user(tariq.user, asha.organisation.slug)
    tariq.token = actions.create_key(in_team, "tests", EVERY)[1]
    staff = User.objects.create_superuser("staff@example.org", PASSWORD, name="Staff")
    return Cast(asha, tariq, bela, sam, staff)


def problem(response: Any) -> dict[str, Any]:
    """The problem document that a refused request came back with."""
    assert response["Content-Type"] == "application/problem+json", response.content
    content: dict[str, Any] = response.json()
    return content
