"""What the examining process is told and says: limits, and how far it has come."""

from __future__ import annotations

from typing import Literal

from assay.modelfile import report

MAX_REPORT = 4 * 1024 * 1024  # what the examining process may say in all, bytes

Stage = Literal["parse", "check", "run", "reproduce", ""]


class Limits(report.Limits, frozen=True, forbid_unknown_fields=True):
    """What a model may be at most, and what one examination may cost."""

    memory_bytes: int = 3 * 1024 * 1024 * 1024  # address space of the examining process
    cpu_s: int = 30
    wall_s: float = 45.0


LIMITS = Limits()


class Outcome(report.Facts, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How far the examination has come: the stage that comes next, empty when it is over."""

    next: Stage
