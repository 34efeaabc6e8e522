"""From scores to labels and to what is shown of them: what classifiers and regressors have in common.

Scores: float32 (rows, classes or targets), unless said otherwise.
"""

from __future__ import annotations

import numpy as np

from assay.operators import functions
from assay.operators.arithmetic import Array, canonical, total
from assay.operators.hints import INTEGER_LABELS
from assay.operators.reducing import maximum
from assay.operators.registry import unfit
from assay.operators.softmax import softmax_of_rows

TRANSFORMS = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO")  # not PROBIT, of which ONNX gives no definition
NEARLY_ZERO = np.float32(1e-7)


def check_transform(name: str) -> None:
    if name not in TRANSFORMS:
        raise unfit("post_transform", expected=" | ".join(TRANSFORMS), got=name[:100])


def check_target_transform(name: str, targets: int) -> None:
    """Of a single target: none. The text says nothing of it, and ONNX Runtime leaves the score as it is."""
    check_transform(name)
    if targets == 1 and name != "NONE":
        raise unfit("post_transform of a single target", expected="NONE", got=name)


def check_labels(labels: Array, strings: tuple[str, ...]) -> None:
    if strings:
        raise unfit("labels that are text", expected="integers", got=str(strings[0])[:100], hint=INTEGER_LABELS)
    if len(labels) < 2:
        raise unfit("the number of classes", expected="2 or more", got=str(len(labels)))


def first_greatest(scores: Array) -> Array:
    """Of each row, the first column that no later one exceeds; a NaN exceeds nothing."""
    at = np.zeros(len(scores), np.int64)
    best = scores[:, 0].copy()
    for column in range(1, scores.shape[1]):
        better = scores[:, column] > best
        at[better] = column
        best[better] = scores[better, column]
    return at


def opposed(score: Array) -> Array:
    """One score for two classes: against the first, for the second."""
    return np.stack([-score, score], axis=-1)


def transformed(scores: Array, name: str) -> Array:
    if name == "LOGISTIC":
        return functions.sigmoid(scores)
    if name == "SOFTMAX":
        return softmax_of_rows(scores)
    if name == "SOFTMAX_ZERO":
        return _softmax_zero(scores)
    return canonical(scores)


def _softmax_zero(scores: Array) -> Array:
    """What is nearly zero grows with the others and counts as itself."""
    highest = maximum(scores)[:, None]
    grown = functions.exp(scores - highest)
    values = np.where(np.abs(scores) > NEARLY_ZERO, grown, scores * functions.exp(-highest))
    sums = total(values)[:, None]
    return np.where(sums == 0, np.float32(0.5), canonical(values / sums))
