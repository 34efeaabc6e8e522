"""Linear models: one chain for each score, the intercept last. In float32, to which X is brought first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, canonical, converted
from assay.operators.learned.given import check_length, float_list, integer_list, rows
from assay.operators.learned.scores import (
    check_labels,
    check_target_transform,
    check_transform,
    first_greatest,
    opposed,
    transformed,
)
from assay.operators.products import matmul
from assay.operators.registry import ML, TensorType, operator, unfit


def _scores(x: Array, coefficients: tuple[float, ...], intercepts: tuple[float, ...]) -> Array:
    """float32 (rows, sets of coefficients)."""
    weights = np.array(coefficients, np.float32).reshape(-1, x.shape[1])
    scores = matmul(converted(x, np.float32), weights.T)
    return canonical(scores + np.array(intercepts, np.float32)) if intercepts else scores


def _check(given: Mapping[str, Any], sets: int, features: int) -> None:
    check_length("coefficients", float_list(given, "coefficients"), sets * features)
    check_length("intercepts", float_list(given, "intercepts"), 0, sets)


# --- regressors -------------------------------------------------------------------------------------------------


def _infer_regressor(x: TensorType, **given: Any) -> TensorType:
    batch, features = rows(x)
    targets = given["targets"]
    if targets < 1 or features < 1:
        raise unfit("targets and features", expected="1 or more of each", got=f"{targets} and {features}")
    _check(given, targets, features)
    check_target_transform(given["post_transform"], targets)
    return TensorType(np.dtype(np.float32), (batch, targets))


@operator("LinearRegressor", 1, domain=ML, infer=_infer_regressor)
def linear_regressor(
    x: Array,
    *,
    coefficients: tuple[float, ...],
    intercepts: tuple[float, ...] = (),
    targets: int = 1,
    post_transform: str = "NONE",
) -> Array:
    """float32 (rows, targets)."""
    return transformed(_scores(x, coefficients, intercepts), post_transform)


# --- classifiers ------------------------------------------------------------------------------------------------


def _infer_classifier(x: TensorType, **given: Any) -> tuple[TensorType, TensorType]:
    batch, features = rows(x)
    labels = integer_list(given, "classlabels_ints")
    check_labels(labels, given["classlabels_strings"])
    check_transform(given["post_transform"])
    if features < 1:
        raise unfit("the features", expected="1 or more", got="0")
    alone = len(labels) == 2 and len(given["coefficients"]) == features
    _check(given, 1 if alone else len(labels), features)
    return TensorType(np.dtype(np.int64), (batch,)), TensorType(np.dtype(np.float32), (batch, len(labels)))


@operator("LinearClassifier", 1, domain=ML, infer=_infer_classifier)
def linear_classifier(
    x: Array,
    *,
    coefficients: tuple[float, ...],
    intercepts: tuple[float, ...] = (),
    classlabels_ints: tuple[int, ...] = (),
    classlabels_strings: tuple[str, ...] = (),
    multi_class: int = 0,
    post_transform: str = "NONE",
) -> tuple[Array, Array]:
    """Labels int64 (rows), scores float32 (rows, classes).

    How it was trained, which `multi_class` tells, does not matter here.
    """
    scores = _scores(x, coefficients, intercepts)
    if scores.shape[1] == 1:
        scores = opposed(scores[:, 0])
    labels = np.array(classlabels_ints, np.int64)
    return labels[first_greatest(scores)], transformed(scores, post_transform)
