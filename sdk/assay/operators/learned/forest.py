"""Decision trees as parallel arrays, and what they make of rows: the walk from root to leaf, the votes of leaves.

A model file is hostile: a forest that was checked has trees and nothing else. Each root leads through its own
branches, no more than DEPTH below one another, to leaves; so every walk ends, and none leaves the arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from assay.operators.arithmetic import Array, canonical, greatest, least
from assay.operators.registry import unfit

MODES = (  # a mode is its place here, which is ONNX's number for it in TreeEnsemble
    "BRANCH_LEQ",
    "BRANCH_LT",
    "BRANCH_GTE",
    "BRANCH_GT",
    "BRANCH_EQ",
    "BRANCH_NEQ",
    "BRANCH_MEMBER",
    "LEAF",
)
COMPARISONS = (np.less_equal, np.less, np.greater_equal, np.greater, np.equal, np.not_equal)
MEMBER, LEAF = 6, 7
DEPTH = 1000  # branches from a root to a leaf

AGGREGATES: dict[str, tuple[Callable[[Array, Array], Array], float]] = {  # how, and from where on
    "SUM": (np.add, 0.0),
    "AVERAGE": (np.add, 0.0),
    "MIN": (least, np.inf),
    "MAX": (greatest, -np.inf),
}


@dataclass(frozen=True)
class Members:
    """Of sets, each that of a node: which values they have."""

    values: Array  # all there are, ascending
    keys: Array  # node × number of values + place among them, ascending

    @classmethod
    def of(cls, node: Array, value: Array) -> Members:
        values, place = np.unique(value, return_inverse=True)
        return cls(values, np.sort(node * len(values) + place))

    def hold(self, node: Array, value: Array) -> Array:
        place, known = _places(self.values, value)
        return known & _places(self.keys, node * len(self.values) + place)[1]


def _places(among: Array, wanted: Array) -> tuple[Array, Array]:
    """Where it is in what is ascending; and whether it is."""
    if not len(among):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    place = np.minimum(np.searchsorted(among, wanted), len(among) - 1)
    return place, among[place] == wanted


NO_MEMBERS = Members(np.zeros(0), np.zeros(0, np.int64))


@dataclass(frozen=True)
class Forest:
    """`roots`: one per tree, in the order of the sum. The next six go by node, the last two by vote."""

    roots: Array
    mode: Array
    feature: Array
    threshold: Array  # float32 or float64, as is `weight`
    missing: Array  # whether a NaN goes where what is true goes
    children: Array  # (nodes, 2): of what is false, of what is true
    first: Array  # vote; those of a leaf follow one another
    votes: Array  # how many
    target: Array
    weight: Array
    members: Members = NO_MEMBERS

    # --- before anything runs ---------------------------------------------------------------------------------

    def check(self, features: int, targets: int) -> None:
        """Raises Refused if it is no forest, or one for other features or targets."""
        self._check_values(features, targets)
        self._check_parents()
        self._check_descent()

    def _check_values(self, features: int, targets: int) -> None:
        branch = self.mode != LEAF
        self._check_each(
            "the feature of", branch & ((self.feature < 0) | (self.feature >= features)), self.feature
        )
        unordered = branch & (self.mode != MEMBER) & np.isnan(self.threshold)
        self._check_each("the threshold of", unordered, self.threshold)
        self._check_each("votes of", np.where(branch, self.votes != 0, self.votes == 0), self.votes)
        outside = (self.target < 0) | (self.target >= targets)
        if outside.any():
            at = int(outside.argmax())
            raise unfit(f"the target of vote {at}", expected=f"0 … {targets - 1}", got=str(self.target[at]))

    def _check_parents(self) -> None:
        parents = np.bincount(self.children[self.mode != LEAF].ravel(), minlength=len(self.mode))
        root = np.zeros(len(self.mode), bool)
        root[self.roots] = True
        if not len(self.roots) or root.sum() != len(self.roots):
            raise unfit("the roots", expected="one or more, each once", got=str(len(self.roots)))
        wrong = np.where(root, parents != 0, np.where(self.mode == LEAF, parents == 0, parents != 1))
        self._check_each("the number of parents (a root has none, a branch one) of", wrong, parents)

    def _check_descent(self) -> None:
        """Branches that are no root have one parent: those that no root leads to go round in a circle."""
        reached, level = 0, self.roots
        for _ in range(DEPTH):
            level = level[self.mode[level] != LEAF]
            reached += len(level)
            level = self.children[level].ravel()
        if reached < np.count_nonzero(self.mode != LEAF):
            raise unfit("branches that no root leads to", expected=f"trees, at most {DEPTH} branches deep")

    def _check_each(self, what: str, wrong: Array, found: Array) -> None:
        if wrong.any():
            at = int(wrong.argmax())
            raise unfit(f"{what} node {at} ({MODES[self.mode[at]]})", got=str(found[at]))

    # --- on rows ----------------------------------------------------------------------------------------------

    def scores(self, x: Array, targets: int, aggregate: str) -> Array:
        """(rows, targets), in float64 if rows or weights are; 0 where no tree has voted. NaNs are canonical."""
        form = np.result_type(x.dtype, self.weight.dtype)
        combine, start = AGGREGATES[aggregate]
        scores = np.full((len(x), targets), start, form)
        voted = np.zeros(scores.shape, bool)
        for leaves in self.leaves(x):
            for k in range(self.votes[leaves].max(initial=0)):
                row = np.flatnonzero(self.votes[leaves] > k)
                vote = self.first[leaves[row]] + k
                place = row, self.target[vote]
                scores[place] = combine(scores[place], self.weight[vote].astype(form))
                voted[place] = True
        scores = np.where(voted, scores, form.type(0))
        return canonical(scores / form.type(len(self.roots)) if aggregate == "AVERAGE" else scores)

    def leaves(self, x: Array) -> Iterator[Array]:
        """Tree by tree: where each row ends."""
        for root in self.roots:
            at = np.full(len(x), root)
            walking = np.arange(len(x))
            while (walking := walking[self.mode[at[walking]] != LEAF]).size:
                node = at[walking]
                at[walking] = self.children[node, self._true(node, x[walking, self.feature[node]])]
            yield at

    def _true(self, node: Array, value: Array) -> Array:
        """1 where what the node asks is true of the value, 0 where not."""
        mode, threshold = self.mode[node], self.threshold[node]
        true = np.zeros(len(node), bool)
        for each, compare in enumerate(COMPARISONS):
            true |= (mode == each) & compare(value, threshold)
        true |= (mode == MEMBER) & self.members.hold(node, value)
        return np.where(np.isnan(value), self.missing[node], true).astype(np.int64)
