"""What Django looks at before it migrates: that the books are kept in the currency that is set.

Prices, caps and what is under way are amounts of one currency. In another they would be worth something else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import connections

from marketplace.billing import accounts
from marketplace.billing.models import Account


def one_currency(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """billing.E001. Of databases in which there are no books yet, nothing."""
    found: list[str] = []
    for name in databases or ():
        if Account._meta.db_table in connections[name].introspection.table_names():  # noqa: SLF001 - public by documentation
            others = Account.objects.using(name).exclude(currency=accounts.currency())
            found += others.values_list("currency", flat=True)[:1]
    hint = "Set it back: amounts are not converted, and what is under way could not be settled."
    return [
        Error(
            f"ASSAY_CURRENCY is {accounts.currency()}, and there are books in {each}", hint=hint, id="billing.E001"
        )
        for each in found
    ]
