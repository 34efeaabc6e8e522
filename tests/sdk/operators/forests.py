"""Small forests as ONNX writes them, and the same walked one row at a time in plain Python."""

import math
import operator

import numpy as np

ASKS = {
    "BRANCH_LEQ": operator.le,
    "BRANCH_LT": operator.lt,
    "BRANCH_GTE": operator.ge,
    "BRANCH_GT": operator.gt,
    "BRANCH_EQ": operator.eq,
    "BRANCH_NEQ": operator.ne,
}


def stump(weights=(1.0, 2.0), *, of="target", ids=(0, 0), **changed):
    """One branch (feature 0 ≤ 0.5, say) and two leaves: the first weight where it is true."""
    given = {
        "nodes_treeids": (0, 0, 0),
        "nodes_nodeids": (0, 1, 2),
        "nodes_featureids": (0, 0, 0),
        "nodes_modes": ("BRANCH_LEQ", "LEAF", "LEAF"),
        "nodes_values": (0.5, 0.0, 0.0),
        "nodes_truenodeids": (1, 0, 0),
        "nodes_falsenodeids": (2, 0, 0),
        f"{of}_treeids": (0, 0),
        f"{of}_nodeids": (1, 2),
        f"{of}_ids": ids,
        f"{of}_weights": weights,
    }
    given |= {"n_targets": 1} if of == "target" else {"classlabels_int64s": (10, 20)}
    return given | changed


def grown(random, trees, features, targets, *, depth=4, of="target"):
    """A random forest: trees and nodes in no particular order but that a root comes first of its tree."""
    nodes, votes = [], []
    for tree in random.permutation(100)[:trees].tolist():
        names = iter(random.permutation(1000).tolist())
        _grow(random, tree, next(names), names, features, targets, depth, nodes, votes)
    votes = [votes[i] for i in random.permutation(len(votes))]
    fields = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    given = {f"nodes_{name}": tuple(each) for name, each in zip(fields, zip(*nodes, strict=True), strict=True)}
    given["nodes_missing_value_tracks_true"] = tuple(random.integers(0, 2, len(nodes)).tolist())
    fields = ("treeids", "nodeids", "ids", "weights")
    return given | {
        f"{of}_{name}": tuple(each) for name, each in zip(fields, zip(*votes, strict=True), strict=True)
    }


def _grow(random, tree, name, names, features, targets, depth, nodes, votes):
    if depth == 0 or random.random() < 0.2:
        nodes.append((tree, name, 0, "LEAF", 0.0, 0, 0))
        for target in random.integers(0, targets, random.integers(1, 4)).tolist():
            votes.append((tree, name, target, float(np.float32(random.normal()))))
        return
    true, false = next(names), next(names)
    value = float(random.integers(-2, 3))
    nodes.append((tree, name, int(random.integers(features)), str(random.choice(list(ASKS))), value, true, false))
    for child in (true, false):
        _grow(random, tree, child, names, features, targets, depth - 1, nodes, votes)


def walked(given, row, of="target"):
    """For each tree in the order of appearance: what the leaf votes for, as (target, weight)."""
    nodes = {
        (tree, node): place
        for place, (tree, node) in enumerate(zip(given["nodes_treeids"], given["nodes_nodeids"], strict=True))
    }
    ballots = list(zip(*(given[f"{of}_{name}"] for name in ("treeids", "nodeids", "ids", "weights")), strict=True))
    for tree in dict.fromkeys(given["nodes_treeids"]):
        at = given["nodes_treeids"].index(tree)
        while (mode := given["nodes_modes"][at]) != "LEAF":
            value = row[given["nodes_featureids"][at]]
            missing = given["nodes_missing_value_tracks_true"][at] == 1
            true = missing if math.isnan(value) else ASKS[mode](value, given["nodes_values"][at])
            at = nodes[tree, given["nodes_truenodeids" if true else "nodes_falsenodeids"][at]]
        leaf = given["nodes_nodeids"][at]
        yield [(target, weight) for t, node, target, weight in ballots if (t, node) == (tree, leaf)]
