"""What can go wrong, by code: the title and explanation that stand on the page /problems/<code>."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProblemType:
    title: str
    explanation: str


PROBLEMS: dict[str, ProblemType] = {}
