"""Support vector machines: kernels in float32, then their sum over the support vectors in float64, then rho.

Coefficients have both signs, and what is left of large kernels may be small: in float32 labels would suffer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, canonical, converted, quiet
from assay.operators.learned.coupling import probabilities
from assay.operators.learned.given import check_length, float_list, integer_list, rows
from assay.operators.learned.kernels import check_kernel, kernel
from assay.operators.learned.scores import check_labels, check_transform, first_greatest, opposed, transformed
from assay.operators.registry import ML, REQUIRED, Attribute, TensorType, operator, unfit

AT_ONCE = 2**18  # values of kernels: rows are taken in blocks, for there may be many more vectors than features

MACHINE = (
    *(Attribute(name, "tuple[float, ...]", REQUIRED) for name in ("coefficients", "rho")),
    *(Attribute(name, "tuple[float, ...]", ()) for name in ("kernel_params", "support_vectors")),
    Attribute("kernel_type", "str", "LINEAR"),
    Attribute("post_transform", "str", "NONE"),
)
CLASSES = (
    *(Attribute(name, "tuple[float, ...]", ()) for name in ("prob_a", "prob_b")),
    Attribute("vectors_per_class", "tuple[int, ...]", ()),
    Attribute("classlabels_ints", "tuple[int, ...]", ()),
    Attribute("classlabels_strings", "tuple[str, ...]", ()),
)
VALUES = (Attribute("n_supports", "int", 0), Attribute("one_class", "int", 0))


def _blocks(x: Array, vectors: int) -> Iterator[Array]:
    """Of rows, in float32; one at least."""
    step = max(1, AT_ONCE // max(1, vectors))
    for start in range(0, max(1, len(x)), step):
        yield converted(x[start : start + step], np.float32)


def _vectors(given: Mapping[str, Any], features: int) -> Array:
    return np.array(given["support_vectors"], np.float32).reshape(-1, features)


@quiet
def _weighted(near: Array, weights: Array, rho: np.float32) -> Array:
    """near: (rows, vectors); float32 (rows). The products are exact, the sums ascending from +0."""
    value = np.zeros(len(near))
    for each, weight in zip(near.T, weights, strict=True):
        value = value + each.astype(np.float64) * np.float64(weight)
    return canonical((value + np.float64(rho)).astype(np.float32))


# --- classifiers ------------------------------------------------------------------------------------------------


def _infer_classes(x: TensorType, **given: Any) -> tuple[TensorType, TensorType]:
    batch, features = rows(x)
    labels = integer_list(given, "classlabels_ints")
    check_labels(labels, given["classlabels_strings"])
    check_transform(given["post_transform"])
    check_kernel(given)
    classes, pairs = len(labels), len(labels) * (len(labels) - 1) // 2
    counts = integer_list(given, "vectors_per_class")
    check_length("vectors_per_class", counts, classes)
    vectors = sum(counts.tolist())
    if (counts < 0).any() or vectors < 1 or features < 1:
        raise unfit(
            "support vectors and features", expected="1 or more", got=f"{counts.tolist()[:10]}, {features}"
        )
    check_length("support_vectors", float_list(given, "support_vectors"), vectors * features)
    check_length("coefficients", float_list(given, "coefficients"), (classes - 1) * vectors)
    check_length("rho", float_list(given, "rho"), pairs)
    slopes = float_list(given, "prob_a")
    check_length("prob_a", slopes, 0, pairs)
    check_length("prob_b", float_list(given, "prob_b"), len(slopes))
    shown = classes if len(slopes) or classes == 2 else pairs
    return TensorType(np.dtype(np.int64), (batch,)), TensorType(np.dtype(np.float32), (batch, shown))


@operator("SVMClassifier", 1, domain=ML, infer=_infer_classes, attributes=(*MACHINE, *CLASSES))
def svm_classifier(x: Array, **given: Any) -> tuple[Array, Array]:
    """Labels int64 (rows); scores float32: (rows, classes) if there are two or if they are probabilities,
    otherwise (rows, pairs of classes).
    """
    vectors = _vectors(given, x.shape[1])
    scores = np.concatenate(
        [_pair_scores(given, kernel(given, block, vectors)) for block in _blocks(x, len(vectors))]
    )
    labels = np.array(given["classlabels_ints"], np.int64)
    chosen = first_greatest(_votes(scores, len(labels)))
    if given["prob_a"]:
        slopes, offsets = (np.array(given[name], np.float32) for name in ("prob_a", "prob_b"))
        shown = probabilities(scores, slopes, offsets, len(labels))
    else:
        shown = opposed(scores[:, 0]) if len(labels) == 2 else scores
    return labels[chosen], transformed(shown, given["post_transform"])


def _pair_scores(given: Mapping[str, Any], near: Array) -> Array:
    """near: (rows, vectors), those of a class side by side; (rows, pairs): the first class if above 0.

    The coefficients of a vector against another class stand in the row of that class, which is one less if that
    class comes after the vector's own.
    """
    counts = np.array(given["vectors_per_class"])
    weights = np.array(given["coefficients"], np.float32).reshape(len(counts) - 1, -1)
    ends = np.cumsum(counts)
    own = [slice(end - count, end) for end, count in zip(ends, counts, strict=True)]
    scores = []
    for rho, (i, j) in zip(np.array(given["rho"], np.float32), combinations(range(len(counts)), 2), strict=True):
        pair = np.concatenate([near[:, own[i]], near[:, own[j]]], axis=1)
        scores.append(_weighted(pair, np.concatenate([weights[j - 1, own[i]], weights[i, own[j]]]), rho))
    return np.stack(scores, axis=1)


def _votes(scores: Array, classes: int) -> Array:
    votes = np.zeros((len(scores), classes), np.int64)
    for pair, (i, j) in enumerate(combinations(range(classes), 2)):
        first = scores[:, pair] > 0
        votes[:, i] += first
        votes[:, j] += ~first
    return votes


# --- regressors -------------------------------------------------------------------------------------------------


def _infer_values(x: TensorType, **given: Any) -> TensorType:
    batch, features = rows(x)
    vectors = given["n_supports"]
    if vectors < 0 or features < 1 or given["one_class"] not in (0, 1):
        raise unfit(
            "n_supports, features, one_class",
            expected="0 or more, 1 or more, 0 | 1",
            got=f"{vectors}, {features}, {given['one_class']}",
        )
    if given["post_transform"] != "NONE":
        raise unfit("post_transform of a single target", expected="NONE", got=given["post_transform"][:100])
    check_kernel(given if vectors else given | {"kernel_type": "LINEAR"})
    check_length("support_vectors", float_list(given, "support_vectors"), vectors * features)
    check_length("coefficients", float_list(given, "coefficients"), vectors or features)
    check_length("rho", float_list(given, "rho"), 1)
    return TensorType(np.dtype(np.float32), (batch, 1))


@operator("SVMRegressor", 1, domain=ML, infer=_infer_values, attributes=(*MACHINE, *VALUES))
def svm_regressor(x: Array, **given: Any) -> Array:
    """float32 (rows, 1). Without support vectors, the features are what kernels would be: a linear model."""
    vectors, weights = _vectors(given, x.shape[1]), np.array(given["coefficients"], np.float32)
    values = np.concatenate(
        [
            _weighted(
                kernel(given, block, vectors) if len(vectors) else block, weights, np.float32(given["rho"][0])
            )
            for block in _blocks(x, len(vectors))
        ]
    )[:, None]
    return np.where(values > 0, np.float32(1), np.float32(-1)) if given["one_class"] else values
