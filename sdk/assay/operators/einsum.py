"""Einsum: products and sums over named axes, as an equation says (section 2), of one operand or two.

The chain of an element of the output runs over the labels that are summed, in the order in which the equation
first names them, the last fastest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from assay.operators.arithmetic import Array, canonical, fma
from assay.operators.products import MULTIPLIED
from assay.operators.reducing import SUMMABLE
from assay.operators.registry import TensorType, operator, unfit
from assay.operators.shapes import alike, allow

Labels = tuple[str, ...]  # of axes: a letter, or ".0", ".1", … for those of an ellipsis

_TERM = r"[A-Za-z]*(?:\.{3})?[A-Za-z]*"
_EQUATION = re.compile(rf"({_TERM})(?:,({_TERM}))?(?:->({_TERM}))?")


@dataclass(frozen=True)
class Equation:
    terms: tuple[Labels, ...]  # of the operands
    output: Labels

    @classmethod
    def of(cls, text: str, ranks: Sequence[int]) -> Equation:
        """Raises Refused."""
        found = _EQUATION.fullmatch(text.replace(" ", ""))
        terms = [each for each in found.groups()[:2] if each is not None] if found else []
        if found is None or len(terms) != len(ranks):
            raise _unfit(text, f"{len(ranks)} terms of letters and …, and -> another")
        spreads = {_spread(text, term, rank) for term, rank in zip(terms, ranks, strict=True) if "..." in term}
        spread = tuple(f".{i}" for i in range(max(spreads, default=0)))
        labels = tuple(_labels(term, spread) for term in terms)
        if any(len(each) != rank for each, rank in zip(labels, ranks, strict=True)):
            raise _unfit(text, f"terms of {list(ranks)} axes, … being as many in each")
        if found[3] is not None and ("..." in found[3]) != bool(spreads):
            raise _unfit(text, "… on both sides or on none")
        return cls(labels, _output(text, labels, found[3], spread))

    @property
    def summed(self) -> Labels:
        named = dict.fromkeys(label for term in self.terms for label in term)
        return tuple(label for label in named if label not in self.output)

    def sizes(self, shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
        """Of each label; 1 is spread only under an ellipsis. Raises Refused."""
        found: dict[str, int] = {}
        for term, shape in zip(self.terms, shapes, strict=True):
            for label, size in zip(term, shape, strict=True):
                known = found.setdefault(label, size)
                if label.startswith(".") and known == 1:
                    found[label] = size
                elif size != known and not (label.startswith(".") and size == 1):
                    raise unfit(f"the axis {label} of the equation", expected=str(known), got=str(size))
        return found


def _unfit(text: str, expected: str) -> Exception:
    return unfit("the equation", expected=expected, got=text[:100])


def _spread(text: str, term: str, rank: int) -> int:
    """How many axes the ellipsis of a term is."""
    named = len(term) - len("...")
    if named > rank:
        raise _unfit(text, f"a term of {rank} axes at most")
    return rank - named


def _labels(term: str, spread: Labels) -> Labels:
    before, dots, after = term.partition("...")
    return (*before, *(spread if dots else ()), *after)


def _output(text: str, terms: Sequence[Labels], given: str | None, spread: Labels) -> Labels:
    """Unless it is given: the ellipsis, then the letters that appear once, by their numbers in ASCII."""
    named = [label for term in terms for label in term if not label.startswith(".")]
    if given is None:
        return (*spread, *sorted(label for label in named if named.count(label) == 1))
    output = _labels(given, spread)
    if len(set(output)) != len(output) or not set(output) <= {*named, *spread}:
        raise _unfit(text, "an output of labels of the operands, each once")
    return output


def _einsum(*operands: TensorType, equation: str) -> TensorType:
    if not 1 <= len(operands) <= 2:
        raise unfit("its inputs", expected="one or two", got=str(len(operands)))
    types = MULTIPLIED if len(operands) == 2 else SUMMABLE
    allow(types, **{f"operand {i}": each for i, each in enumerate(operands)})
    alike(*operands)
    read = Equation.of(equation, [each.rank for each in operands])
    sizes = read.sizes([each.shape for each in operands])
    return TensorType(operands[0].dtype, tuple(sizes[label] for label in read.output))


@operator("Einsum", 12, 28, infer=_einsum)
def einsum(*operands: Array, equation: str) -> Array:
    """Of one operand: the sum, one after the other from +0; where nothing is summed, it only moves."""
    read = Equation.of(equation, [each.ndim for each in operands])
    sizes = read.sizes([each.shape for each in operands])
    axes = (*read.output, *read.summed)
    laid = [_laid_out(each, term, axes) for each, term in zip(operands, read.terms, strict=True)]
    if len(laid) == 1 and not read.summed:
        return laid[0].copy()
    value = np.zeros([sizes[label] for label in read.output], operands[0].dtype)
    for place in product(*(range(sizes[label]) for label in read.summed)):
        value = _link(value, *(_at(each, place) for each in laid))
    return canonical(value)


def _link(value: Array, a: Array, b: Array | None = None) -> Array:
    if b is None:
        return np.asarray(value + a)
    return fma(a, b, value) if a.dtype == np.float32 else np.asarray(value + a * b)


def _laid_out(x: Array, term: Labels, axes: Labels) -> Array:
    """With these axes; those that it does not have are of one element."""
    for label in dict.fromkeys(term):
        while term.count(label) > 1:
            i = term.index(label)
            j = term.index(label, i + 1)
            x = x.diagonal(0, i, j)
            term = (*(each for n, each in enumerate(term) if n not in {i, j}), label)
    x = x.transpose([term.index(label) for label in axes if label in term])
    return x[tuple(slice(None) if label in term else None for label in axes)]


def _at(x: Array, place: tuple[int, ...]) -> Array:
    """Of the last axes, which are those that are summed."""
    sizes = x.shape[x.ndim - len(place) :]
    return x[(..., *(min(i, size - 1) for i, size in zip(place, sizes, strict=True)))]
