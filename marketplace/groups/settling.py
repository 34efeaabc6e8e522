"""Keeping a group's counts: added to in the transaction that settles a prediction, so each is counted once.

A batch of settled predictions is one statement for each group's day and one for its whole, in one order for all.
Workers write in lanes of their own, mostly, so that none waits until another has committed; readers add them up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from assay.certificate import AgreementCertificate
from marketplace.certificates.actions import Prepared
from marketplace.db.statements import Statement
from marketplace.groups.counting import Counts, counted
from marketplace.groups.models import LANES

Settled = tuple[int, dt.datetime, Prepared]  # the group, when, and what came of it
_Key = tuple[int, int, dt.date | None]  # group, epoch, day; None: of all days

_ADD = Statement(
    f"""
    INSERT INTO groups_groupcounts AS kept (group_id, epoch, day, lane, requests, rows, members, pairs)
    VALUES ($1, $2, $3, pg_backend_pid() % {LANES}, $4, $5, $6, $7)
    ON CONFLICT (group_id, epoch, day, lane) DO UPDATE SET
        requests = kept.requests + excluded.requests, rows = kept.rows + excluded.rows,
        members = ARRAY(
            SELECT a + b FROM unnest(kept.members, excluded.members) WITH ORDINALITY AS each(a, b, i) ORDER BY i
        ),
        pairs = ARRAY(
            SELECT a + b FROM unnest(kept.pairs, excluded.pairs) WITH ORDINALITY AS each(a, b, i) ORDER BY i
        )
    RETURNING id
    """,  # noqa: S608  # nosec B608 - a number of ours
    *("bigint", "int", "date", "bigint", "bigint", "bigint[]", "bigint[]"),
)


def add(settled: Iterable[Settled]) -> None:
    """To be called once for each, in the transaction in which it is settled."""
    found: dict[_Key, Counts] = {}
    for group, when, prepared in settled:
        certificate = prepared.certificate
        if isinstance(certificate, AgreementCertificate):
            epoch = certificate.evidence.configuration.epoch
            _add(found, (group, epoch, when.astimezone(dt.UTC).date()), counted(certificate.evidence))
    for (group, epoch, _), counts in list(found.items()):
        _add(found, (group, epoch, None), counts)
    for key in sorted(found, key=_order):  # in one order, so that two batches cannot lock each other out
        counts = found[key]
        _ADD.rows(*key, counts.requests, counts.rows, list(counts.members), list(counts.pairs))


def _add(found: dict[_Key, Counts], key: _Key, counts: Counts) -> None:
    found[key] = found[key] + counts if key in found else counts


def _order(key: _Key) -> tuple[int, int, dt.date]:
    group, epoch, day = key
    return group, epoch, day or dt.date.max
