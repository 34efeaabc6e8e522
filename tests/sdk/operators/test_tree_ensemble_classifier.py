"""Trees that give classes: ties, two classes with one score, labels before rounding."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.forests import grown, stump, walked
from tests.sdk.operators.operating import bits, operate

X = np.float32([[0], [1]])
NAN = np.nan


def classify(x, *, version=3, **given):
    labels, scores = operate("TreeEnsembleClassifier", x, version=version, domain=ML, outputs=2, **given)
    return labels.tolist(), scores


def two(weights, ids=(0, 0), **changed):
    return stump(weights, of="class", ids=ids, **changed)


@pytest.mark.parametrize("version", [1, 3, 5])
def test_the_label_is_that_of_the_greatest_score(version):
    labels, scores = classify(X, version=version, **two((0.75, 0.25), ids=(1, 0)))
    assert labels == [20, 10]
    assert scores.tolist() == [[0, 0.75], [0.25, 0]]


def test_of_equal_scores_the_first_class_wins():
    given = two((1.0, 1.0), class_treeids=(0, 0, 0, 0), class_nodeids=(1, 1, 2, 2), class_ids=(1, 2, 0, 1))
    given |= {"class_weights": (1.0, 1.0, 1.0, 1.0), "classlabels_int64s": (7, 8, 9)}
    assert classify(X, **given)[0] == [8, 7]


def test_nan_exceeds_nothing():
    given = two((), class_weights=(NAN, 1.0), ids=(1, 0))
    labels, scores = classify(X, **given)
    assert labels == [10, 10]
    assert bits(scores)[0] == [0, 0x7FC00000]


# --- two classes, votes for one -------------------------------------------------------------------------------


@pytest.mark.parametrize("voted", [0, 1])
def test_shares_are_of_the_second_class_whichever_is_voted_for(voted):
    labels, scores = classify(X, **two((0.25, 0.75), ids=(voted, voted)))
    assert labels == [10, 20]
    assert scores.tolist() == [[0.75, 0.25], [0.25, 0.75]]


def test_half_a_share_is_for_the_first_class():
    assert classify(X, **two((0.5, 0.50000006)))[0] == [10, 20]


def test_margins_have_both_signs():
    labels, scores = classify(X, **two((-0.5, 0.25)))
    assert labels == [10, 20]
    assert scores.tolist() == [[0.5, -0.5], [-0.25, 0.25]]


def test_a_margin_of_nothing_is_for_the_first_class():
    labels, scores = classify(X, **two((0.0, -1.0)))
    assert labels == [10, 10]
    assert scores.tolist() == [[0, 0], [1, -1]]


@pytest.mark.parametrize("transform", ["LOGISTIC", "SOFTMAX"])
def test_what_is_transformed_is_a_margin_though_all_weights_be_positive(transform):
    labels, scores = classify(X, post_transform=transform, **two((0.25, 0.75)))
    assert labels == [20, 20]
    margins = np.array([0.25, 0.75]) * (2 if transform == "SOFTMAX" else 1)
    chance = 1 / (1 + np.exp(-margins))
    assert scores == pytest.approx(np.stack([1 - chance, chance], axis=1), rel=1e-6)


@pytest.mark.parametrize("base", [(0.5,), (0.5, 9.0)])
def test_the_base_is_that_of_the_class_voted_for(base):
    labels, scores = classify(X, **two((-1.0, 1.0), base_values=base))
    assert labels == [10, 20]
    assert scores.tolist() == [[0.5, -0.5], [-1.5, 1.5]]
    assert classify(X, **two((-1.0, 1.0), ids=(1, 1), base_values=(9.0, 0.5)))[1].tolist() == scores.tolist()


def test_labels_are_chosen_before_scores_are_rounded():
    given = two((), ids=(0, 1), class_weights_as_tensor=np.float64([1, 1 + 2**-40]))
    given |= {"class_treeids": (0, 0, 0), "class_nodeids": (1, 1, 2), "class_ids": (0, 1, 0)}
    given["class_weights_as_tensor"] = np.float64([1, 1 + 2**-40, 0])
    labels, scores = classify(X[:1], **given)
    assert labels == [20]
    assert scores.tolist() == [[1, 1]]


# --- more classes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_random_forests_give_what_a_walk_one_row_at_a_time_gives(seed):
    random = np.random.default_rng(seed)
    given = grown(random, trees=int(random.integers(2, 8)), features=4, targets=3, of="class")
    base = tuple(np.float32(random.normal(size=3)).tolist())
    x = random.choice(np.float32([-3, -2, -1, 0, 1, 2, NAN, np.inf]), (40, 4))
    expected = np.zeros((len(x), 3), np.float32)
    for row, sums in zip(x, expected, strict=True):
        for leaf in walked(given, row.tolist(), "class"):
            for target, weight in leaf:
                sums[target] += np.float32(weight)
    expected += np.float32(base)
    labels, scores = classify(x, classlabels_int64s=(5, 6, 7), base_values=base, **given)
    assert bits(scores) == bits(expected)
    assert labels == (5 + expected.argmax(axis=1)).tolist()


# --- what is refused before it runs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"classlabels_int64s": (1,), "class_ids": (0, 0)}, "number of classes"),
        ({"classlabels_int64s": ()}, "number of classes"),
        ({"class_ids": (0, 2)}, "target of vote"),
        ({"base_values": (1.0, 2.0, 3.0)}, "base_values"),
        ({"base_values": (1.0,), "class_ids": (0, 1)}, "base_values"),
        ({"post_transform": "PROBIT"}, "post_transform"),
        ({"class_weights_as_tensor": np.ones(2)}, "both"),
        ({"nodes_truenodeids": (9, 0, 0)}, "names a node that is not there"),
    ],
)
def test_what_is_no_classifier(changed, detail):
    with pytest.raises(Refused, match=detail):
        classify(X, **two((1.0, 2.0), **changed))


def test_text_as_labels_is_refused_with_the_way_out():
    with pytest.raises(Refused, match="text") as refusal:
        classify(X, **two((1.0, 2.0), classlabels_int64s=(), classlabels_strings=("cat", "dog")))
    assert "integers" in refusal.value.hint
