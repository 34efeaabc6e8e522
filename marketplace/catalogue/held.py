"""Rows held for a change until the transaction ends.

Whoever needs several takes the model first, then its version, then the upload or deployment: nobody waits in a
circle. What was discarded while one waited is not found.
"""

from __future__ import annotations

from typing import TypeVar

from django.db import models

from marketplace.errors import NotFound

M = TypeVar("M", bound=models.Model)


def held(thing: M, *related: str) -> M:
    """`thing` as it stands now, changed by nobody else before the transaction ends. Raises NotFound."""
    rows = type(thing)._default_manager.select_for_update(of=("self",)).select_related(*related or (None,))  # noqa: SLF001 - public by documentation
    for each in rows.filter(pk=thing.pk):
        return each
    raise NotFound(f"no such {thing._meta.verbose_name}")  # noqa: SLF001
