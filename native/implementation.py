"""Programs carried out by the kernels; by `assay.operators` where there is none."""

from __future__ import annotations

from collections.abc import Callable

from assay.errors import Unavailable
from assay.program.planning import Implementation
from assay.program.running import Reference


def best(say: Callable[[str], object]) -> Callable[[], Implementation]:
    """What carries out programs on this machine; `say` is told if that is slow, and why."""
    try:
        from native import library

        library.load()
    except Unavailable as error:
        say(f"reproducible models run slowly here: {error}")
        return Reference
    return Reference
