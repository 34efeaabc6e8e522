"""Whose word a certificate's evidence rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Anchor:
    """A provider's key or a group's digest (32 bytes), and its written form."""

    kind: Literal["provider", "group"]
    raw: bytes
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"
