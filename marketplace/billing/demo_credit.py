"""Test credit for those of the demo who ask, granted by its staff: once, however often it is set up."""

from __future__ import annotations

from collections.abc import Iterable

from marketplace.accounts.demo_users import DemoUser
from marketplace.accounts.models import Organisation, User
from marketplace.billing import credit
from marketplace.billing.money import UNIT

AMOUNT = 1_000 * UNIT


def give(users: Iterable[DemoUser]) -> None:
    """To the organisations of the buyers and teammates among them."""
    everybody = list(users)
    staff = User.objects.get(email=next(user.email for user in everybody if user.role == "staff"))
    for slug in {user.organisation for user in everybody if user.role in ("buyer", "teammate")}:
        organisation = Organisation.objects.get(slug=slug)
        credit.grant(staff, organisation, AMOUNT, f"demo {organisation.pk}", "for the demo")
