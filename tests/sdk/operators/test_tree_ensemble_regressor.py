"""Trees that give numbers: modes, missing values, the order of sums; and what is no forest."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.learned.forest import DEPTH
from assay.operators.registry import ML
from tests.sdk.operators.forests import grown, stump, walked
from tests.sdk.operators.operating import bits, operate

NAN, INF = np.nan, np.inf


def regress(x, *, version=3, **given):
    return operate("TreeEnsembleRegressor", np.asarray(x), version=version, domain=ML, **given)


def column(*values):
    return np.float32(values).reshape(-1, 1)


@pytest.mark.parametrize("version", [1, 3, 5])
def test_a_row_goes_where_its_feature_leads(version):
    assert regress(column(0, 0.5, 1), version=version, **stump()).tolist() == [[1], [1], [2]]


@pytest.mark.parametrize(
    ("mode", "true"),
    [
        ("BRANCH_LEQ", [1, 1, 0, 1, 0]),
        ("BRANCH_LT", [1, 0, 0, 1, 0]),
        ("BRANCH_GTE", [0, 1, 1, 0, 1]),
        ("BRANCH_GT", [0, 0, 1, 0, 1]),
        ("BRANCH_EQ", [0, 1, 0, 0, 0]),
        ("BRANCH_NEQ", [1, 0, 1, 1, 1]),
    ],
)
def test_modes(mode, true):
    x = column(0, 0.5, 0.50000006, -INF, INF)
    made = regress(x, **stump((1.0, 0.0), nodes_modes=(mode, "LEAF", "LEAF")))
    assert made[:, 0].tolist() == true


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"])
@pytest.mark.parametrize("tracks", [0, 1])
def test_a_missing_value_goes_where_the_node_says_whatever_it_asks(mode, tracks):
    given = stump((1.0, 0.0), nodes_modes=(mode, "LEAF", "LEAF"), nodes_missing_value_tracks_true=(tracks, 0, 0))
    assert regress(column(NAN), **given).tolist() == [[tracks]]


def test_zeros_are_equal_and_an_infinite_threshold_is_one():
    assert regress(column(-0.0), **stump(nodes_values=(0.0, 0.0, 0.0))).tolist() == [[1]]
    given = stump(nodes_values=(INF, 0.0, 0.0))  # tells what is missing from what is there
    assert regress(column(INF, NAN), **given).tolist() == [[1], [2]]


def test_weights_are_added_in_the_order_in_which_trees_appear():
    """Numbers of trees do not matter: 2²⁴ + 1 + 1 is 2²⁴, and 1 + 1 + 2²⁴ is 2²⁴ + 2."""

    def leaves(*trees):
        weights = dict(zip(trees, (2.0**24, 1.0, 1.0), strict=True))
        order = sorted(trees, reverse=True)  # the order of the votes matters as little
        return {
            "nodes_treeids": trees,
            "nodes_nodeids": (0, 0, 0),
            "nodes_featureids": (0, 0, 0),
            "nodes_modes": ("LEAF",) * 3,
            "nodes_values": (0.0,) * 3,
            "nodes_truenodeids": (0, 0, 0),
            "nodes_falsenodeids": (0, 0, 0),
            "target_treeids": tuple(order),
            "target_nodeids": (0, 0, 0),
            "target_ids": (0, 0, 0),
            "target_weights": tuple(weights[tree] for tree in order),
            "n_targets": 1,
        }

    assert regress(column(0), **leaves(7, 5, 6)).tolist() == [[2.0**24]]
    given = leaves(7, 5, 6) | {"nodes_treeids": (5, 6, 7)}
    assert regress(column(0), **given).tolist() == [[2.0**24 + 2]]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [("SUM", [[-3, 0]]), ("AVERAGE", [[-1.5, 0]]), ("MIN", [[-5, 0]]), ("MAX", [[2, 0]])],
)
def test_aggregates_of_a_target_without_votes_are_zero(aggregate, expected):
    both = stump((2.0, 2.0))
    given = {name: each + each for name, each in both.items() if isinstance(each, tuple)}
    given |= {"nodes_treeids": (0, 0, 0, 1, 1, 1), "target_treeids": (0, 0, 1, 1), "n_targets": 2}
    given["target_weights"] = (2.0, 2.0, -5.0, -5.0)
    assert regress(column(0), aggregate_function=aggregate, **given).tolist() == expected


def test_the_base_is_added_last_after_the_average():
    given = stump((2.0**24, 2.0**24), base_values=(1.0,))
    assert regress(column(0), **given).tolist() == [[2.0**24]]  # the tie goes to the even one
    assert regress(column(0), aggregate_function="AVERAGE", **given).tolist() == [[2.0**24]]


def test_one_nan_comes_of_infinite_weights():
    given = stump((INF, 1.0), base_values=(-INF,))
    assert bits(regress(column(0), **given)) == [[0x7FC00000]]


def test_double_weights_are_added_in_double_and_rounded_once():
    given = stump((), target_weights_as_tensor=np.float64([1 + 2**-30, 0]), base_values=(2.0**-24,))
    assert regress(column(0), **given).tolist() == [[1 + 2**-23]]  # in float32 both halves of the ulp are lost


def test_doubles_are_compared_as_such_and_integers_as_float32():
    half = stump(nodes_values=(16777216.0, 0.0, 0.0))
    assert regress(np.float64([[16777216.000001]]), **half).tolist() == [[2]]
    assert regress(np.int64([[16777217]]), **half).tolist() == [[1]]
    assert regress(np.int32([[16777218]]), **half).tolist() == [[2]]


def test_thresholds_in_double_tell_float32_apart_from_them():
    fine = stump((1.0, 2.0), nodes_values=(), nodes_values_as_tensor=np.float64([0.1, 0, 0]))
    assert regress(column(0.1), **fine).tolist() == [[2]]  # float32(0.1) > 0.1


def test_scores_are_transformed():
    given = stump((2.0, 0.0), ids=(1, 0), n_targets=2)
    assert regress(column(0), post_transform="LOGISTIC", **given) == pytest.approx(
        np.float32([[0.5, 0.880797]]), abs=1e-6
    )
    assert regress(column(0), post_transform="SOFTMAX", **given) == pytest.approx(
        np.float32([[0.119203, 0.880797]]), abs=1e-6
    )


@pytest.mark.parametrize("scores", [(2.0, 0.0), (-2.0, 0.0), (1e-8, 3.0), (0.0, 0.0)])
def test_what_is_nearly_zero_counts_as_itself(scores):
    """With `SOFTMAX_ZERO`: a score of nothing is a share of nothing, unless all are."""
    given = stump(ids=(0, 1), n_targets=2)
    given |= {"target_nodeids": (1, 1, 2), "target_treeids": (0, 0, 0), "target_ids": (0, 1, 0)}
    given["target_weights"] = (*scores, 0.0)
    made = regress(column(0), post_transform="SOFTMAX_ZERO", **given)[0]
    grown = [np.exp(s - max(scores)) if abs(s) > 1e-7 else s * np.exp(-max(scores)) for s in scores]
    expected = [0.5, 0.5] if sum(grown) == 0 else [each / sum(grown) for each in grown]
    assert made == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_random_forests_give_what_a_walk_one_row_at_a_time_gives(seed):
    random = np.random.default_rng(seed)
    features, targets = 5, int(random.integers(1, 4))
    given = grown(random, trees=int(random.integers(1, 8)), features=features, targets=targets)
    x = random.choice(np.float32([-3, -2, -1, -0.0, 0, 1, 2, NAN, INF, -INF]), (40, features))
    expected = np.zeros((len(x), targets), np.float32)
    for row, sums in zip(x, expected, strict=True):
        for leaf in walked(given, row.tolist()):
            for target, weight in leaf:
                sums[target] += np.float32(weight)
    assert bits(regress(x, n_targets=targets, **given)) == bits(expected)


def test_no_rows_are_no_error():
    assert regress(np.zeros((0, 1), np.float32), **stump()).shape == (0, 1)


# --- what is refused before it runs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"nodes_truenodeids": (3, 0, 0)}, "names a node that is not there"),
        ({"nodes_truenodeids": (0, 0, 0)}, "parents"),  # a branch of itself
        ({"nodes_falsenodeids": (1, 0, 0)}, "parents"),  # the other leaf belongs to nobody
        ({"nodes_treeids": (0, 0, 1)}, "names a node that is not there"),
        ({"nodes_nodeids": (0, 1, 1)}, "there twice"),
        ({"nodes_featureids": (1, 0, 0)}, "feature"),
        ({"nodes_featureids": (-1, 0, 0)}, "feature"),
        ({"nodes_values": (NAN, 0.0, 0.0)}, "threshold"),
        ({"nodes_values": (0.5, 0.0)}, "length of nodes_values"),
        ({"nodes_values_as_tensor": np.zeros(3)}, "both"),
        ({"nodes_values": (), "nodes_values_as_tensor": np.zeros((3, 1))}, "nodes_values_as_tensor"),
        ({"nodes_values": (), "nodes_values_as_tensor": np.zeros(3, np.int64)}, "nodes_values_as_tensor"),
        ({"nodes_modes": ("BRANCH_LEQ", "LEAF")}, "length of nodes_modes"),
        ({"nodes_modes": ("BRANCH_LEQ", "LEAF", "ROOT")}, "mode"),
        ({"nodes_modes": ("BRANCH_MEMBER", "LEAF", "LEAF")}, "mode"),
        ({"nodes_modes": ("LEAF", "LEAF", "LEAF")}, "votes|parents"),
        ({"nodes_missing_value_tracks_true": (0, 0)}, "length of nodes_missing_value_tracks_true"),
        ({"nodes_missing_value_tracks_true": (2, 0, 0)}, "nodes_missing_value_tracks_true"),
        ({"nodes_hitrates": (1.0,)}, "length of nodes_hitrates"),
        ({"nodes_nodeids": (0.0, 1.0, 2.0)}, "nodes_nodeids"),
        ({"target_nodeids": (1, 3)}, "names a node that is not there"),
        ({"target_nodeids": (1, 1)}, "votes"),  # a leaf without votes
        ({"target_nodeids": (1, 0)}, "votes"),  # a branch with votes
        ({"target_treeids": (0,)}, "as many trees"),
        ({"target_ids": (0, 1)}, "target of vote"),
        ({"target_ids": (0, -1)}, "target of vote"),
        ({"target_weights": (1.0,)}, "length of target_weights"),
        ({"n_targets": 0}, "n_targets"),
        ({"base_values": (1.0, 2.0)}, "length of base_values"),
        ({"aggregate_function": "MEDIAN"}, "aggregate_function"),
        ({"post_transform": "PROBIT"}, "post_transform"),
        ({"post_transform": "LOGISTIC"}, "post_transform of a single target"),
    ],
)
def test_what_is_no_forest(changed, detail):
    with pytest.raises(Refused, match=detail):
        regress(column(0), **stump(**changed))


def test_no_trees_at_all():
    none = {name: () for name, value in stump().items() if isinstance(value, tuple)}
    with pytest.raises(Refused, match="roots"):
        regress(column(0), n_targets=1, **none)


def _branches(children):
    """Nodes as lists of their children, of one tree; none: a leaf with a vote."""
    leaves = [i for i, each in enumerate(children) if not each]
    return {
        "nodes_treeids": (0,) * len(children),
        "nodes_nodeids": tuple(range(len(children))),
        "nodes_featureids": (0,) * len(children),
        "nodes_modes": tuple("BRANCH_LEQ" if each else "LEAF" for each in children),
        "nodes_values": (0.0,) * len(children),
        "nodes_truenodeids": tuple(each[0] if each else 0 for each in children),
        "nodes_falsenodeids": tuple(each[1] if each else 0 for each in children),
        "target_treeids": (0,) * len(leaves),
        "target_nodeids": tuple(leaves),
        "target_ids": (0,) * len(leaves),
        "target_weights": tuple(map(float, leaves)),
        "n_targets": 1,
    }


def test_branches_that_go_round_in_a_circle():
    with pytest.raises(Refused, match="no root leads to"):
        regress(column(0), **_branches([(1, 2), (), (), (4, 5), (3, 6), (), ()]))


def test_two_roots_in_one_tree():
    with pytest.raises(Refused, match="parents"):
        regress(column(0), **_branches([(1, 2), (), (), (4, 5), (), ()]))


def test_a_branch_of_two_parents():
    with pytest.raises(Refused, match="parents"):
        regress(column(0), **_branches([(1, 2), (3, 4), (3, 5), (6, 7), (), (), (), ()]))


def test_a_child_of_another_tree():
    given = _branches([(1, 2), (), (), ()]) | {"nodes_treeids": (0, 0, 1, 1), "target_treeids": (0, 1, 1)}
    with pytest.raises(Refused, match="names a node that is not there"):
        regress(column(0), **given)


def test_a_root_that_is_not_the_first_of_its_tree():
    with pytest.raises(Refused, match="parents"):
        regress(column(0), **_branches([(), (0, 2), ()]))


def _staircase(steps):
    """Every branch has a leaf on one side; the last one has two."""
    return _branches([each for i in range(steps) for each in ((2 * i + 1, 2 * i + 2), ())] + [()])


def test_depth_is_bounded():
    assert regress(column(1), **_staircase(DEPTH)).tolist() == [[2 * DEPTH]]
    with pytest.raises(Refused, match="no root leads to"):
        regress(column(1), **_staircase(DEPTH + 1))


@pytest.mark.parametrize("x", [np.zeros(3, np.float32), np.zeros((1, 1), np.float16), np.zeros((1, 1), bool)])
def test_rows_of_another_kind(x):
    with pytest.raises(Refused, match="X"):
        regress(x, **stump())


def test_attributes_that_came_with_a_later_version():
    with pytest.raises(Refused, match="target_weights_as_tensor"):
        regress(column(0), version=1, **stump(target_weights_as_tensor=np.ones(2)))
