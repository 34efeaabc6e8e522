"""Whose word a certificate's evidence rests on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Anchor:
    """A provider's key or a group's digest (32 bytes), and its written form.

    `epochs`: the digests of a group's configurations, the first `raw` itself. By any of them it may be named, and
    whoever names one need not trust the keys of the epochs before.
    """

    kind: Literal["provider", "group"]
    raw: bytes
    text: str
    epochs: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"

    def is_among(self, named: Collection[bytes]) -> bool:
        """Whether it is one of those, of its kind, that a caller has named."""
        return any(each in named for each in (self.raw, *self.epochs))

    def trusted(self, named: Collection[bytes]) -> tuple[int, ...]:
        """The epochs of which 2f + 1 members' keys are trusted: from the last one that is named, or else all."""
        since = max((i for i, each in enumerate(self.epochs) if each in named), default=0)
        return tuple(range(since, len(self.epochs)))
