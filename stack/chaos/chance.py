"""Chance that a seed repeats."""

from __future__ import annotations

import random


def chance(*seed: object) -> random.Random:
    """The same for the same seed, in every process."""
    return random.Random(" ".join(map(str, seed)))  # noqa: S311  # nosec B311 - to be repeated, not to be secret
