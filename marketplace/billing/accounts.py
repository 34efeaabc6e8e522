"""The chart of accounts: which account an amount is on, and that everybody has theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from marketplace.billing.models import Account
from marketplace.db.statements import Statement

Kind = Account.Kind
REMEMBERED = 100_000  # organisations whose accounts are known to be there

_OPEN = Statement(
    """
    INSERT INTO billing_account (organisation_id, kind, currency)
    SELECT organisation, kind, $3 FROM unnest($1) AS organisation, unnest($2) AS kind
    ORDER BY organisation, array_position($2, kind)
    ON CONFLICT DO NOTHING RETURNING id
    """,
    *("bigint[]", "text[]", "text"),
)

_opened: set[int] = set()  # organisations


class Where(NamedTuple):
    """An account by what it is. `organisation`: None for the platform's own."""

    kind: Kind
    organisation: int | None = None


def currency() -> str:
    """The one in which this marketplace sells."""
    return str(settings.ENV.currency)


def open_for(organisations: Iterable[int]) -> None:
    """Sees to it that these organisations have their accounts, and the platform its own."""
    missing = sorted({*organisations} - _opened)
    if not missing:
        return
    _OPEN.rows(missing, list(Account.OF_ORGANISATIONS), currency())
    _OPEN.rows([None], list(Account.OF_PLATFORM), currency())
    transaction.on_commit(lambda: _remember(missing))


def _remember(organisations: Iterable[int]) -> None:
    if len(_opened) > REMEMBERED:
        _opened.clear()
    _opened.update(organisations)
