"""One node each, on inputs that anyone can make: what the known hashes are of. Every definition has some."""

from __future__ import annotations

from assay.program.cases import elements, integers, learned, moves, products, reductions
from assay.program.cases.making import Case

CASES: tuple[Case, ...] = (
    *elements.CASES,
    *reductions.CASES,
    *products.CASES,
    *integers.CASES,
    *moves.CASES,
    *learned.CASES,
)
