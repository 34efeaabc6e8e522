"""On whose behalf a request is made, and what that allows: the one place where roles and scopes are looked at.

Whoever is no member of an organisation learns nothing about what it keeps private: the refusal is NotFound, the
same as for a thing that does not exist. A member whose role or key does not suffice is told what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from marketplace.accounts.models import ApiKey, Membership, Organisation, Role, User
from marketplace.accounts.scopes import Scope
from marketplace.errors import Forbidden, NotFound


@dataclass(frozen=True)
class Actor:
    """A person, signed in or through an API key. A key acts for its own organisation alone."""

    user: User
    organisation: Organisation  # for whom new things are made and who pays
    roles: Mapping[int, Role]  # by organisation id, of every organisation acted for
    key: ApiKey | None = None

    def member_of(self, organisation_id: int) -> bool:
        return organisation_id in self.roles

    def has_role(self, organisation_id: int, *roles: Role) -> bool:
        """Whether one of `roles`, or admin."""
        return self.roles.get(organisation_id) in (*roles, Role.ADMIN)

    def require_scope(self, *scopes: Scope) -> None:
        """Raises Forbidden unless signed in or holding a key with one of these scopes."""
        if self.key is not None and not set(scopes) & set(self.key.scopes):
            raise Forbidden(
                "this API key may not do that",
                code="scope-missing",
                pointer="Authorization",
                expected=" | ".join(scopes),
                got=", ".join(self.key.scopes) or "no scope",
                hint="Use a key that has the scope.",
            )

    def require_role(self, organisation_id: int, *roles: Role) -> None:
        """Raises NotFound for a stranger, Forbidden for a member who has none of `roles` and is no admin."""
        role = self.roles.get(organisation_id)
        if role is None:
            raise NotFound("no such organisation, or you are not its member")
        if not self.has_role(organisation_id, *roles):
            raise Forbidden(
                "your role in this organisation does not allow that",
                code="role-missing",
                expected=" | ".join((*roles, Role.ADMIN)),
                got=role,
            )


def for_user(user: User, organisation: str | None = None) -> Actor:
    """The actor for a person who is signed in, for the organisation with this slug or the personal one.

    Raises NotFound when the person is not a member of it.
    """
    memberships = list(Membership.objects.filter(user=user).select_related("organisation"))
    acting_for = [
        each.organisation
        for each in memberships
        if (
            each.organisation.slug == organisation if organisation else each.organisation.personal_of_id == user.pk
        )
    ]
    if not acting_for:
        raise NotFound("no such organisation, or you are not its member")
    return Actor(user, acting_for[0], {each.organisation_id: Role(each.role) for each in memberships})
