"""Pairs, votes, probabilities; and what is no machine."""

from itertools import combinations

import numpy as np
import onnxruntime
import pytest
from onnx import helper

from assay.errors import Refused
from assay.operators.learned.coupling import probabilities
from assay.operators.registry import ML
from tests.sdk.operators.by_hand import chained, numbers
from tests.sdk.operators.operating import bits, operate
from tests.sdk.operators.weighing import weighted

FEATURES, COUNTS = 7, (5, 3, 6)
VECTORS = sum(COUNTS)


def classify(x, **given):
    labels, scores = operate("SVMClassifier", x, version=1, domain=ML, outputs=2, **given)
    return labels.tolist(), scores


def machine(counts=COUNTS, kernel="LINEAR", **changed):
    classes, vectors = len(counts), sum(counts)
    return {
        "kernel_type": kernel,
        "kernel_params": (0.125, 0.25, 2.0),
        "support_vectors": tuple(numbers(2, vectors, FEATURES).ravel().tolist()),
        "vectors_per_class": counts,
        "coefficients": tuple(numbers(3, (classes - 1) * vectors).tolist()),
        "rho": tuple(numbers(4, classes * (classes - 1) // 2).tolist()),
        "classlabels_ints": tuple(range(10, 10 + classes)),
    } | changed


def platt(counts=COUNTS):
    pairs = len(counts) * (len(counts) - 1) // 2
    return {"prob_a": tuple((-1 - numbers(5, pairs) ** 2).tolist()), "prob_b": tuple(numbers(6, pairs).tolist())}


def test_one_sum_for_each_pair_over_the_vectors_of_both():
    x = numbers(1, 4, FEATURES)
    weights, rho = numbers(3, 2, VECTORS), numbers(4, 3)
    near = np.float32([[chained(zip(a, b, strict=True)) for b in numbers(2, VECTORS, FEATURES)] for a in x])
    a, b, c = range(5), range(5, 8), range(8, 14)  # the vectors of the classes
    links = [
        [(0, i) for i in a] + [(0, i) for i in b],  # of each pair: the row of coefficients, the vector
        [(1, i) for i in a] + [(0, i) for i in c],
        [(1, i) for i in b] + [(1, i) for i in c],
    ]
    expected = [
        [
            weighted([row[i] for _, i in sum_], [weights[each] for each in sum_], float(add))
            for sum_, add in zip(links, rho, strict=True)
        ]
        for row in near
    ]
    _, scores = classify(x, **machine())
    assert bits(scores) == bits(np.float32(expected))


def scored(*scores):
    """Classes that score so against one another, whatever the row: all kernels are 0."""
    classes = round((1 + np.sqrt(1 + 8 * len(scores))) / 2)
    given = machine((1,) * classes, rho=tuple(map(float, scores)))
    return classify(np.zeros((1, FEATURES), np.float32), **given)


@pytest.mark.parametrize(
    ("scores", "label"),
    [
        ((1, 1, 1), 10),
        ((-1, 1, 1), 11),
        ((1, -1, -1), 12),
        ((1, -1, 1), 10),  # one vote each
        ((0, 1, 1), 11),  # nothing is a vote for the second
        ((1, -1, np.nan), 12),  # and so is NaN
    ],
)
def test_the_most_votes_win_and_of_equals_the_first_class(scores, label):
    assert scored(*scores)[0] == [label]


@pytest.mark.parametrize(("score", "label"), [(2.0, 10), (0.0, 11), (-2.0, 11)])
def test_two_classes_have_a_score_each(score, label):
    labels, scores = scored(score)
    assert labels == [label]
    assert scores.tolist() == [[-score, score]]


def widespread(x, given):
    """By ONNX Runtime, which takes exponentials and couples pairs in float32."""
    node = helper.make_node("SVMClassifier", ["x"], ["y", "z"], domain=ML, **given)
    values = [helper.make_tensor_value_info(name, kind, None) for name, kind in (("x", 1), ("y", 7), ("z", 1))]
    graph = helper.make_graph([node], "svm", values[:1], values[1:])
    model = helper.make_model(
        graph, ir_version=9, opset_imports=[helper.make_opsetid(ML, 1), helper.make_opsetid("", 18)]
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})


@pytest.mark.parametrize("counts", [(4, 3), (5, 3, 6), (2, 3, 2, 4, 1)])
@pytest.mark.parametrize("kernel", ["LINEAR", "POLY", "RBF", "SIGMOID"])
@pytest.mark.parametrize("more", [{}, "platt"])
def test_onnx_runtime_gives_the_same_labels_and_nearly_the_same_scores(counts, kernel, more):
    x = numbers(1, 30, FEATURES)
    given = machine(counts, kernel) | (platt(counts) if more else {})
    labels, scores = classify(x, **given)
    expected = widespread(x, given)
    assert labels == expected[0].tolist()
    np.testing.assert_allclose(scores, expected[1], rtol=1e-4, atol=2e-3 if more else 1e-5)


# --- probabilities ----------------------------------------------------------------------------------------------


def coupled(scores, slopes, offsets, classes):
    """One row, in Python's own doubles, as libsvm writes it."""
    against = [[0.0] * classes for _ in range(classes)]
    for pair, (i, j) in enumerate(combinations(range(classes), 2)):
        x = float(scores[pair]) * float(slopes[pair]) + float(offsets[pair])
        chance = np.exp(-x) / (1 + np.exp(-x)) if x >= 0 else 1 / (1 + np.exp(x))
        against[i][j] = min(max(chance, 1e-7), 1 - 1e-7)
        against[j][i] = 1 - against[i][j]
    q = [[-against[j][i] * against[i][j] for j in range(classes)] for i in range(classes)]
    for i in range(classes):
        q[i][i] = sum(against[j][i] ** 2 for j in range(classes) if j != i)
    p = [1 / classes] * classes
    for _ in range(max(100, classes)):
        product = [sum(a * b for a, b in zip(row, p, strict=True)) for row in q]
        energy = sum(a * b for a, b in zip(p, product, strict=True))
        if max(abs(each - energy) for each in product) < 0.005 / classes:
            break
        for i in range(classes):
            step = (energy - product[i]) / q[i][i]
            p[i] += step
            energy = (energy + step * (step * q[i][i] + 2 * product[i])) / (1 + step) ** 2
            for j in range(classes):
                product[j] = (product[j] + step * q[i][j]) / (1 + step)
                p[j] /= 1 + step
    return p


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_probabilities_are_coupled_as_libsvm_does_row_by_row(classes):
    pairs = classes * (classes - 1) // 2
    scores, slopes, offsets = numbers(7, 50, pairs) * 3, -1 - numbers(8, pairs) ** 2, numbers(9, pairs)
    made = probabilities(scores, slopes, offsets, classes)
    expected = [coupled(row, slopes, offsets, classes) for row in scores]
    np.testing.assert_allclose(made, expected, rtol=1e-6)
    np.testing.assert_allclose(made.sum(axis=1), 1, rtol=1e-6)
    alone = np.concatenate([probabilities(row[None], slopes, offsets, classes) for row in scores])
    assert bits(made) == bits(alone)


@pytest.mark.parametrize("nasty", [np.inf, -np.inf, np.nan, 3e38, -3e38])
def test_probabilities_of_anything_are_between_0_and_1(nasty):
    made = probabilities(np.full((1, 3), nasty, np.float32), np.float32([-1, 1, 3e38]), np.zeros(3, np.float32), 3)
    assert ((made >= 0) & (made <= 1)).all()
    assert made.sum() == pytest.approx(1)


# --- what is refused before it runs ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "detail"),
    [
        ({"vectors_per_class": ()}, "length of vectors_per_class"),
        ({"vectors_per_class": (5, 3)}, "length of vectors_per_class"),
        ({"vectors_per_class": (-1, 9, 6)}, "support vectors"),
        ({"vectors_per_class": (0, 0, 0)}, "support vectors"),
        ({"vectors_per_class": (2**62, 2**62, 2**62)}, "length of support_vectors"),
        ({"support_vectors": (1.0,)}, "length of support_vectors"),
        ({"coefficients": (1.0,)}, "length of coefficients"),
        ({"rho": (1.0, 2.0)}, "length of rho"),
        ({"prob_a": (1.0, 2.0, 3.0)}, "length of prob_b"),
        ({"prob_a": (1.0,), "prob_b": (1.0,)}, "length of prob_a"),
        ({"classlabels_ints": (1, 2)}, "length of vectors_per_class"),
        ({"classlabels_strings": ("a", "b", "c")}, "text"),
        ({"kernel_type": "COSINE"}, "kernel_type"),
        ({"post_transform": "PROBIT"}, "post_transform"),
    ],
)
def test_what_is_refused(changed, detail):
    with pytest.raises(Refused, match=detail):
        classify(numbers(1, 2, FEATURES), **machine(**changed))
