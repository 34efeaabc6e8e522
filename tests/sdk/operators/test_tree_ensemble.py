"""Trees by place, branches and leaves apart; members of sets; and what is no forest."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import bits, operate

NAN = np.nan
LEQ, LT, GTE, GT, EQ, NEQ, MEMBER = range(7)


def two_levels(of=np.float32, **changed):
    """If a ≤ 3: 5 for b < 1, else 12 for the second target; otherwise −12 for b > 4, else 7 for the second."""
    return {
        "n_targets": 2,
        "tree_roots": (0,),
        "nodes_modes": np.uint8([LEQ, LT, GT]),
        "nodes_featureids": (0, 1, 1),
        "nodes_splits": of([3, 1, 4]),
        "nodes_truenodeids": (1, 0, 2),
        "nodes_trueleafs": (0, 1, 1),
        "nodes_falsenodeids": (2, 1, 3),
        "nodes_falseleafs": (0, 1, 1),
        "leaf_targetids": (0, 1, 0, 1),
        "leaf_weights": of([5, 12, -12, 7]),
    } | changed


def member(members, x, **changed):
    given = two_levels(
        nodes_modes=np.uint8([MEMBER, MEMBER, GT]), membership_values=np.float32(members), **changed
    )
    return operate("TreeEnsemble", np.float32(x), version=5, domain=ML, **given).tolist()


@pytest.mark.parametrize("of", [np.float32, np.float64])
def test_branches_lead_to_leaves(of):
    x = of([[3, 0], [3, 1], [4, 5], [4, 4]])
    made = operate("TreeEnsemble", x, version=5, domain=ML, **two_levels(of))
    assert made.dtype == of
    assert made.tolist() == [[5, 0], [0, 12], [-12, 0], [0, 7]]


def test_members_of_a_set():
    """The sets in the order of the nodes: {1, −0} of node 0 and {} of node 1."""
    x = [[1, 5], [0, 5], [2, 5], [2, 4], [NAN, 4]]
    assert member([1, -0.0, NAN, NAN], x) == [[0, 12], [0, 12], [-12, 0], [0, 7], [0, 7]]


def test_sets_follow_the_order_of_nodes_and_not_that_of_the_walk():
    """Node 1 is the root here, and its set is the second."""
    given = {"tree_roots": (1,), "nodes_truenodeids": (1, 0, 2), "nodes_trueleafs": (1, 0, 1)}
    given |= {"nodes_falsenodeids": (0, 2, 3), "nodes_falseleafs": (1, 0, 1), "nodes_featureids": (0, 0, 0)}
    assert member([1, NAN, 1, 2, NAN], [[1], [2], [3]], **given) == [[0, 12], [5, 0], [0, 7]]


def test_a_missing_value_is_a_member_only_if_the_node_says_so():
    given = {"nodes_missing_value_tracks_true": (1, 0, 0)}
    assert member([NAN, 9, NAN], [[NAN, 9]], **given) == [[5, 0]]
    assert member([9, NAN, NAN], [[NAN, 9]], **given) == [[0, 12]]


def test_a_tree_of_one_leaf_is_a_branch_with_the_same_leaf_twice():
    given = two_levels(
        n_targets=1,
        nodes_modes=np.uint8([LEQ]),
        nodes_featureids=(0,),
        nodes_splits=np.float32([0]),
        nodes_truenodeids=(0,),
        nodes_trueleafs=(1,),
        nodes_falsenodeids=(0,),
        nodes_falseleafs=(1,),
        leaf_targetids=(0,),
        leaf_weights=np.float32([4]),
    )
    assert operate("TreeEnsemble", np.float32([[-1], [1], [NAN]]), version=5, domain=ML, **given).tolist() == [
        [4],
        [4],
        [4],
    ]


@pytest.mark.parametrize(("aggregate", "expected"), [(0, [[1, 0]]), (1, [[2, 0]]), (2, [[-3, 0]]), (3, [[5, 0]])])
def test_aggregates_by_their_numbers(aggregate, expected):
    """Two trees of one branch each, of which the row takes the leaves 5 and −3."""
    given = two_levels(
        tree_roots=(0, 1),
        nodes_modes=np.uint8([LEQ, LEQ]),
        nodes_featureids=(0, 0),
        nodes_splits=np.float32([0, 0]),
        nodes_truenodeids=(0, 2),
        nodes_trueleafs=(1, 1),
        nodes_falsenodeids=(1, 3),
        nodes_falseleafs=(1, 1),
        leaf_targetids=(0, 1, 0, 1),
        leaf_weights=np.float32([5, 1, -3, 1]),
        aggregate_function=aggregate,
    )
    assert operate("TreeEnsemble", np.float32([[0]]), version=5, domain=ML, **given).tolist() == expected


def test_doubles_are_added_in_double():
    given = two_levels(np.float64, leaf_weights=np.float64([1 + 2**-50, 0, 0, NAN]))
    made = operate("TreeEnsemble", np.float64([[3, 0], [4, 4]]), version=5, domain=ML, **given)
    assert made[0, 0] == 1 + 2**-50
    assert bits(made)[1][1] == 0x7FF8000000000000


def test_scores_are_transformed():
    made = operate("TreeEnsemble", np.float32([[3, 0]]), version=5, domain=ML, **two_levels(post_transform=1))
    assert made == pytest.approx(np.float32([[1 / (1 + np.exp(-5)), 1 / (1 + np.exp(5))]]), rel=1e-5)


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"tree_roots": ()}, "roots"),
        ({"tree_roots": (3,)}, "tree_roots"),
        ({"tree_roots": (0, 0)}, "roots"),
        ({"tree_roots": (0, 1)}, "parents"),
        ({"tree_roots": (1,)}, "parents"),
        ({"nodes_truenodeids": (3, 0, 2)}, "nodes_truenodeids, entry 0"),
        ({"nodes_truenodeids": (1, 4, 2)}, "nodes_truenodeids, entry 1"),
        ({"nodes_truenodeids": (-1, 0, 2)}, "nodes_truenodeids, entry 0"),
        ({"nodes_truenodeids": (0, 0, 2)}, "parents"),  # a branch of itself
        ({"nodes_truenodeids": (2, 0, 2)}, "parents"),  # one branch twice, another never
        ({"nodes_truenodeids": (1, 1, 2)}, "parents"),  # a leaf that nothing leads to
        ({"nodes_truenodeids": (1, 0)}, "length of nodes_truenodeids"),
        ({"nodes_trueleafs": (0, 1, 2)}, "nodes_trueleafs"),
        ({"nodes_falseleafs": (0, 1)}, "length of nodes_falseleafs"),
        ({"nodes_featureids": (0, 2, 1)}, "feature"),
        ({"nodes_featureids": (0, 1)}, "length of nodes_featureids"),
        ({"nodes_modes": np.uint8([0, 1, 7])}, "nodes_modes"),
        ({"nodes_modes": np.int64([0, 1, 3])}, "nodes_modes"),
        ({"nodes_modes": np.uint8([[0], [1], [3]])}, "nodes_modes"),
        ({"nodes_modes": np.uint8([0, 1])}, "length of nodes_modes"),
        ({"nodes_splits": np.float32([NAN, 1, 4])}, "threshold"),
        ({"nodes_splits": np.float64([3, 1, 4])}, "nodes_splits"),
        ({"leaf_weights": np.float64([5, 12, -12, 7])}, "leaf_weights"),
        ({"leaf_targetids": (0, 1, 0, 2)}, "target of vote"),
        ({"leaf_targetids": (0, 1, 0)}, "length of leaf_targetids"),
        ({"nodes_hitrates": np.float32([1])}, "length of nodes_hitrates"),
        ({"nodes_missing_value_tracks_true": (0,)}, "length of nodes_missing"),
        ({"membership_values": np.float32([1, NAN])}, "membership_values"),
        ({"nodes_modes": np.uint8([6, 1, 3])}, "membership_values"),
        ({"nodes_modes": np.uint8([6, 1, 3]), "membership_values": np.float32([1, NAN, 2])}, "membership_values"),
        ({"nodes_modes": np.uint8([6, 1, 3]), "membership_values": np.float64([1, NAN])}, "membership_values"),
        ({"n_targets": 0}, "n_targets"),
        ({"aggregate_function": 4}, "aggregate_function"),
        ({"post_transform": 4}, "post_transform"),
        ({"post_transform": -1}, "post_transform"),
    ],
)
def test_what_is_no_forest(changed, detail):
    with pytest.raises(Refused, match=detail):
        operate("TreeEnsemble", np.float32([[0, 0]]), version=5, domain=ML, **two_levels(**changed))


def test_branches_that_go_round_in_a_circle():
    circle = {"nodes_truenodeids": (0, 2, 1), "nodes_trueleafs": (1, 0, 0), "nodes_falsenodeids": (1, 2, 3)}
    circle["nodes_falseleafs"] = (1, 1, 1)
    with pytest.raises(Refused, match="no root leads to"):
        operate("TreeEnsemble", np.float32([[0, 0]]), version=5, domain=ML, **two_levels(**circle))


def test_doubles_are_not_transformed():
    given = two_levels(np.float64, post_transform=1)
    with pytest.raises(Refused, match="post_transform of float64"):
        operate("TreeEnsemble", np.float64([[0, 0]]), version=5, domain=ML, **given)
