"""A group's epochs as a history: each configuration that stood, and what it changed of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from assay.agreement.group import Configuration, Member
from marketplace.groups.models import GroupEpoch
from marketplace.groups.standing import decoded

RULES = ("answer", "aggregator", "grace", "horizon")  # of a configuration, besides its members


@dataclass(frozen=True)
class Change:
    """Against the epoch before: owners who came, who went, whose key is another; which of RULES are others."""

    joined: tuple[str, ...]
    left: tuple[str, ...]
    rekeyed: tuple[str, ...]
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Past:
    """An epoch; `change` is None for the genesis. `members` begin with the models that it names."""

    epoch: GroupEpoch
    members: tuple[Member, ...]
    change: Change | None


def history(epochs: Sequence[GroupEpoch]) -> tuple[Past, ...]:
    """`epochs` are those that stand, the genesis first."""
    configurations = [decoded(each).configuration for each in epochs]
    changes = [None, *(_change(before, after) for before, after in pairwise(configurations))]
    return tuple(
        Past(epoch, configuration.members, change)
        for epoch, configuration, change in zip(epochs, configurations, changes, strict=False)
    )


def _change(before: Configuration, after: Configuration) -> Change:
    old, new = ({each.owner: each.key for each in one.members} for one in (before, after))
    return Change(
        joined=tuple(owner for owner in new if owner not in old),
        left=tuple(owner for owner in old if owner not in new),
        rekeyed=tuple(owner for owner, key in new.items() if old.get(owner, key) != key),
        rules=tuple(rule for rule in RULES if getattr(before, rule) != getattr(after, rule)),
    )
