"""One chain for each class, the label, the transform."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.by_hand import chained, numbers
from tests.sdk.operators.operating import bits, operate


def classify(x, **given):
    labels, scores = operate("LinearClassifier", x, version=1, domain=ML, outputs=2, **given)
    return labels.tolist(), scores


def test_a_chain_over_the_features_for_each_class():
    x, weights, intercepts = numbers(1, 9, 19), numbers(2, 3, 19), numbers(3, 3)
    given = {"coefficients": tuple(weights.ravel().tolist()), "intercepts": tuple(intercepts.tolist())}
    labels, scores = classify(x, classlabels_ints=(4, 5, 6), **given)
    expected = [
        [chained(zip(row, each, strict=True)) + b for each, b in zip(weights, intercepts, strict=True)]
        for row in x
    ]
    assert bits(scores) == bits(np.float32(expected))
    assert labels == (4 + np.argmax(expected, axis=1)).tolist()


def test_of_equal_scores_the_first_class_wins():
    labels, _ = classify(np.float32([[1]]), coefficients=(1.0, 2.0, 2.0), classlabels_ints=(4, 5, 6))
    assert labels == [5]


@pytest.mark.parametrize("multi_class", [0, 1])
def test_one_set_of_coefficients_stands_for_two_classes(multi_class):
    given = {"coefficients": (2.0,), "classlabels_ints": (4, 5), "multi_class": multi_class}
    labels, scores = classify(np.float32([[-1], [0], [1]]), **given)
    assert labels == [4, 4, 5]
    assert scores.tolist() == [[2, -2], [0, 0], [-2, 2]]


@pytest.mark.parametrize(
    ("transform", "first"), [("LOGISTIC", 1 / (1 + np.exp(2.0))), ("SOFTMAX", 1 / (1 + np.exp(4.0)))]
)
def test_scores_are_transformed(transform, first):
    given = {"coefficients": (2.0,), "classlabels_ints": (4, 5), "post_transform": transform}
    _, scores = classify(np.float32([[1]]), **given)
    assert scores == pytest.approx(np.float32([[first, 1 - first]]), rel=1e-6)


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"coefficients": (1.0, 2.0, 3.0)}, "length of coefficients"),
        ({"coefficients": (1.0, 2.0), "classlabels_ints": (1, 2, 3)}, "length of coefficients"),
        ({"intercepts": (1.0, 2.0)}, "length of intercepts"),
        ({"classlabels_ints": (1,)}, "number of classes"),
        ({"classlabels_strings": ("a", "b")}, "text"),
        ({"post_transform": "PROBIT"}, "post_transform"),
    ],
)
def test_what_is_refused(changed, detail):
    given = {"coefficients": (1.0, 2.0), "classlabels_ints": (1, 2)} | changed
    with pytest.raises(Refused, match=detail):
        classify(np.zeros((1, 2), np.float32), **given)
