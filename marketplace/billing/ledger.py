"""Posting: the only way in which money moves. PostgreSQL judges what is posted (docs/money.md); this writes it.

Any number of postings is one statement, which locks balances in one order. To post twice under one key is to post
once; to post something else under it is refused.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from assay.errors import AssayError
from assay.ids import uuid7
from marketplace.billing import accounts
from marketplace.billing.accounts import Where
from marketplace.billing.models import Account, Transaction
from marketplace.db.statements import Statement
from marketplace.errors import Conflict

Kind = Transaction.Kind

_POST = Statement(
    """
    WITH fresh AS (
        INSERT INTO billing_transaction
            (id, key, fingerprint, kind, detail, day, available, reverses_id, made_by_id, posted)
        SELECT *, now() FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) AS new(id, key) ORDER BY key
        ON CONFLICT (key) DO NOTHING
        RETURNING id
    ), written AS (
        INSERT INTO billing_entry (transaction_id, account_id, amount)
        SELECT part.transaction, account.id, part.amount
        FROM unnest($10, $11, $12, $13) WITH ORDINALITY AS part(transaction, organisation, kind, amount, place)
        JOIN fresh ON fresh.id = part.transaction
        LEFT JOIN billing_account AS account ON account.kind = part.kind AND account.currency = $14
            AND account.organisation_id IS NOT DISTINCT FROM part.organisation
        ORDER BY part.place
    )
    SELECT id FROM fresh
    """,
    *("uuid[]", "text[]", "bytea[]", "text[]", "text[]", "date[]", "date[]", "uuid[]", "bigint[]"),
    *("uuid[]", "bigint[]", "text[]", "bigint[]", "text"),
)


_LOCKED = Statement("SELECT ledger_locked($1)", "bigint")


class Overdrawn(AssayError):
    """An account that may not go below zero would have."""

    default_code = "overdrawn"


class Part(NamedTuple):
    """What one account gains, or loses where it is negative."""

    where: Where
    amount: int


@dataclass(frozen=True)
class Posting:
    """A transaction to be. Parts of one account are added up; accounts that nothing happens to are left out."""

    key: str
    kind: Kind
    parts: Sequence[Part]
    detail: str = ""
    available: dt.date | None = None
    reverses: UUID | None = None
    made_by: int | None = None  # a user
    day: dt.date = field(default_factory=lambda: timezone.now().date())
    id: UUID = field(default_factory=uuid7)

    @property
    def moves(self) -> tuple[Part, ...]:
        """What it comes to, by account, in one order."""
        sums: dict[Where, int] = {}
        for where, amount in self.parts:
            sums[where] = sums.get(where, 0) + amount
        return tuple(Part(where, sums[where]) for where in sorted(sums, key=_order) if sums[where])

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of what is posted, whenever it is: by it a repetition is told from a mistake."""
        reverses = str(self.reverses) if self.reverses else None
        said = (self.key, self.kind.value, self.moves, reverses)
        return hashlib.sha256(msgspec.json.encode(said)).digest()


def post(postings: Sequence[Posting], *, savepoint: bool = True) -> list[UUID]:
    """Posts what has not been posted yet. The transactions' ids, in order, those posted earlier included.

    Raises Overdrawn, and Conflict where another posting has the key. All or nothing; without a savepoint of its
    own, the caller's transaction has to be given up then.
    """
    if not postings:
        return []
    moves = {each.id: each.moves for each in postings}
    with _overdrawing(), transaction.atomic(savepoint=savepoint):
        accounts.open_for(
            where.organisation for where, _ in _all(moves.values()) if where.organisation is not None
        )
        fresh = {row[0] for row in _POST.rows(*_transactions(postings), *_entries(moves), accounts.currency())}
        known = {} if len(fresh) == len(postings) else _known([each for each in postings if each.id not in fresh])
    return [each.id if each.id in fresh else known[each.key] for each in postings]


@contextmanager
def _overdrawing() -> Iterator[None]:
    """Turns PostgreSQL's refusal of a balance below zero into Overdrawn."""
    try:
        yield
    except IntegrityError as error:
        broken = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        if broken != "never_overdrawn":
            raise
        raise Overdrawn("there is not so much on the account") from error


def hold_still(*wheres: Where) -> list[int]:
    """Locks these accounts until the transaction ends, in one order; their balances, in the order given."""
    whose = [where.organisation for where in wheres if where.organisation is not None]
    accounts.open_for(whose)
    found = Account.objects.filter(Q(organisation__in=whose) | Q(organisation=None), currency=accounts.currency())
    ids = {Where(accounts.Kind(each.kind), each.organisation_id): each.pk for each in found}
    locked = {each: _LOCKED.rows(each)[0][0] for each in sorted({ids[where] for where in wheres})}
    return [int(locked[ids[where]]) for where in wheres]


def _known(postings: Iterable[Posting]) -> dict[str, UUID]:
    """Transactions posted before, by key."""
    by_key = {each.key: each for each in postings}
    found = {}
    for known in Transaction.objects.filter(key__in=by_key).only("key", "fingerprint"):
        if bytes(known.fingerprint) != by_key[known.key].fingerprint:
            raise Conflict("another transaction has this key", code="key-of-another", got=known.key)
        found[known.key] = known.pk
    return found


def _transactions(postings: Sequence[Posting]) -> list[list[object]]:
    rows = [
        (
            *(str(each.id), each.key, each.fingerprint, each.kind.value, each.detail[:300], each.day),
            *(each.available, str(each.reverses) if each.reverses else None, each.made_by),
        )
        for each in postings
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _entries(moves: dict[UUID, tuple[Part, ...]]) -> list[list[object]]:
    rows = [
        (str(transaction), where.organisation, where.kind.value, amount)
        for transaction, parts in moves.items()
        for where, amount in parts
    ]
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]


def _all(moves: Iterable[tuple[Part, ...]]) -> Iterator[Part]:
    for parts in moves:
        yield from parts


def _order(where: Where) -> tuple[int, str]:
    return where.organisation or 0, where.kind.value
