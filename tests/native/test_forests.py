"""Forests in C against the plain operators, bit by bit."""

import numpy as np
import pytest

from assay.operators.arithmetic import quiet
from assay.operators.registry import ML
from tests.native.carrying_out import agree, declined
from tests.native.comparing import NASTY
from tests.sdk.operators.forests import grown, stump

AGGREGATES = ["SUM", "AVERAGE", "MIN", "MAX"]


@quiet
def rows_of(random, rows, features, dtype=np.float32):
    """Numbers that meet the thresholds, which are small integers, and some that are none."""
    x = random.integers(-3, 4, (rows, features)).astype(dtype)
    x[random.random(x.shape) < 0.1] = np.nan
    return np.where(random.random(x.shape) < 0.1, random.choice(NASTY, x.shape).astype(dtype), x)


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 5000])
def test_regressors(kernels, rows, dtype, aggregate):
    random = np.random.default_rng(rows)
    given = grown(random, trees=6, features=3, targets=4)
    x = rows_of(random, rows, 3, dtype)
    given |= {"n_targets": 4, "aggregate_function": aggregate}
    agree(kernels, "TreeEnsembleRegressor", x, domain=ML, **given)
    weights = np.array(given.pop("target_weights")) + 2.0**-40
    base = np.array([0.1, 0.2, 0.3, 0.4])
    given |= {"target_weights_as_tensor": weights, "base_values_as_tensor": base, "post_transform": "SOFTMAX"}
    agree(kernels, "TreeEnsembleRegressor", x, domain=ML, **given)


@pytest.mark.parametrize("classes", [2, 5])
def test_classifiers(kernels, classes):
    random = np.random.default_rng(classes)
    given = grown(random, trees=9, features=4, targets=classes, of="class")
    given["classlabels_int64s"] = tuple(range(10, 10 + classes))
    for transform in ("NONE", "LOGISTIC"):
        x = rows_of(random, 60, 4)
        agree(kernels, "TreeEnsembleClassifier", x, domain=ML, outputs=2, post_transform=transform, **given)


@pytest.mark.parametrize("weights", [(0.25, 0.75), (-1.0, 2.0)])
def test_two_classes_that_share_a_score(kernels, weights):
    x = np.float32([[0.4], [0.5], [0.6], [np.nan]])
    agree(kernels, "TreeEnsembleClassifier", x, domain=ML, outputs=2, **stump(weights, of="class", ids=(1, 1)))


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"])
@pytest.mark.parametrize("tracks", [0, 1])
def test_what_nodes_ask(kernels, mode, tracks):
    given = stump(nodes_modes=(mode, "LEAF", "LEAF"), nodes_missing_value_tracks_true=(tracks, 0, 0))
    x = np.float32([[0.5], [0.50000006], [0.49999997], [np.nan], [np.inf], [-np.inf]])
    agree(kernels, "TreeEnsembleRegressor", x, domain=ML, **given)


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize("weights", [(0.0, -0.0), (np.nan, 1.0), (-0.0, -0.0), (np.inf, -np.inf)])
def test_votes_of_every_kind(kernels, aggregate, weights):
    for order in (weights, weights[::-1]):
        given = {
            name: tuple(each) * 2 for name, each in stump(order).items() if name.startswith(("nodes_", "target_"))
        }
        given |= {"nodes_treeids": (0, 0, 0, 1, 1, 1), "target_treeids": (0, 0, 1, 1), "n_targets": 1}
        given["nodes_missing_value_tracks_true"] = (0, 0, 0, 1, 0, 0)
        x = np.float32([[0], [1], [np.nan]])
        agree(kernels, "TreeEnsembleRegressor", x, domain=ML, aggregate_function=aggregate, **given)


LISTS = {
    "tree_roots": (0,),
    "nodes_featureids": (0, 1, 1),
    "nodes_truenodeids": (1, 0, 2),
    "nodes_trueleafs": (0, 1, 1),
    "nodes_falsenodeids": (2, 1, 3),
    "nodes_falseleafs": (0, 1, 1),
    "leaf_targetids": (0, 1, 0, 1),
    "n_targets": 2,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nodes_by_place(kernels, dtype):
    given = LISTS | {"nodes_splits": dtype([3, 1, 4]), "leaf_weights": dtype([5, 12, -12, 7])}
    x = dtype([[3, 0], [3, 1], [4, 5], [4, 4], [np.nan, 5]])
    agree(kernels, "TreeEnsemble", x, domain=ML, nodes_modes=np.uint8([0, 1, 3]), **given)
    sets = {"nodes_modes": np.uint8([6, 1, 3]), "membership_values": dtype([1, np.nan])}
    assert declined(kernels, "TreeEnsemble", x, domain=ML, **given, **sets)


def test_what_is_left_to_the_plain_operator(kernels):
    assert declined(kernels, "TreeEnsembleRegressor", np.ones((3, 1), np.int64), domain=ML, **stump())
