"""Which errands of the outbox are the groups'."""

from __future__ import annotations

from marketplace.groups import collecting, ordering, telling
from marketplace.predictions import outbox


def register() -> None:
    """Called once, when Django has loaded its apps."""
    outbox.handler("groups.form", lambda errand: telling.form(errand.payload["member"]))
    outbox.handler("groups.dissolve", lambda errand: telling.dissolve(errand.payload["member"]))
    outbox.handler("groups.reform", lambda errand: ordering.reform(errand.payload["member"]))
    outbox.handler("groups.follow", lambda errand: ordering.follow(errand.payload["member"]))
    outbox.handler("groups.adopt", lambda errand: telling.adopt(errand.payload["swap"]))
    outbox.handler(collecting.KIND, lambda errand: collecting.collect(errand.payload["member"]))
