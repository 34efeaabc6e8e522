"""What comes before a model: features scaled, normalised, filled in, cut at a threshold, joined.

Integers become float32 first; float64 stays what it is until the result, which ONNX wants in float32, is rounded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, canonical, converted, total
from assay.operators.learned.given import FEATURES, check_length, float_list, floats, integer_list
from assay.operators.reducing import maximum
from assay.operators.registry import ML, TensorType, operator, unfit
from assay.operators.selecting import gather
from assay.operators.shapes import INDICES, alike, allow

FLOAT = np.dtype(np.float32)


def _last(x: TensorType) -> int:
    """How many features: the length of the last axis."""
    allow(FEATURES, X=x)
    if not x.rank:
        raise unfit("the shape of X", expected="one axis or more", got=str(x))
    return x.shape[-1]


# --- Scaler -----------------------------------------------------------------------------------------------------


def _infer_scaler(x: TensorType, **given: Any) -> TensorType:
    features = _last(x)
    offset = float_list(given, "offset")
    check_length("offset", offset, 1, *((features,) if x.rank < 3 else ()))
    check_length("scale", float_list(given, "scale"), len(offset))
    return TensorType(FLOAT, x.shape)


@operator("Scaler", 1, domain=ML, infer=_infer_scaler)
def scaler(x: Array, *, offset: tuple[float, ...], scale: tuple[float, ...]) -> Array:
    x = floats(x)
    made = (x - np.array(offset, np.float32)) * np.array(scale, np.float32)
    return canonical(made.astype(np.float32))


# --- Normalizer -------------------------------------------------------------------------------------------------


def _size(x: Array) -> Array:
    return total(np.abs(x))


def _length(x: Array) -> Array:
    return np.asarray(np.sqrt(total(x * x)))


DIVISORS = {"MAX": maximum, "L1": _size, "L2": _length}


def _infer_normalizer(x: TensorType, *, norm: str) -> TensorType:
    _last(x)
    if x.rank > 2:
        raise unfit("the shape of X", expected="features, or rows × features", got=str(x))
    if norm not in DIVISORS:
        raise unfit("norm", expected=" | ".join(DIVISORS), got=norm[:100])
    return TensorType(FLOAT, x.shape)


@operator("Normalizer", 1, domain=ML, infer=_infer_normalizer)
def normalizer(x: Array, *, norm: str = "MAX") -> Array:
    """Row by row; where the divisor is 0, as it was."""
    x = floats(x)
    divisor = DIVISORS[norm](x)[..., None]
    made = np.where(divisor == 0, x, x / divisor)
    return canonical(made.astype(np.float32))


# --- Imputer ----------------------------------------------------------------------------------------------------


def _infer_imputer(x: TensorType, **given: Any) -> TensorType:
    features = _last(x)
    filled, unused = ("floats", "int64s") if x.dtype.kind == "f" else ("int64s", "floats")
    values = (float_list if filled == "floats" else integer_list)(given, f"imputed_value_{filled}")
    if given[f"imputed_value_{unused}"]:
        raise unfit(f"imputed_value_{unused} of {x.dtype}", expected=f"imputed_value_{filled}")
    check_length(f"imputed_value_{filled}", values, 1, features)
    if filled == "int64s" and (values != values.astype(x.dtype)).any():
        raise unfit("imputed_value_int64s", expected=f"values of {x.dtype}")
    return TensorType(x.dtype, x.shape)


@operator("Imputer", 1, domain=ML, infer=_infer_imputer)
def imputer(
    x: Array,
    *,
    imputed_value_floats: tuple[float, ...] = (),
    imputed_value_int64s: tuple[int, ...] = (),
    replaced_value_float: float = 0.0,
    replaced_value_int64: int = 0,
) -> Array:
    """What equals the replaced value gives way; a NaN stands for all of them. The rest keeps its bits."""
    if x.dtype.kind == "f":
        replaced = np.float32(replaced_value_float)
        found = np.isnan(x) if np.isnan(replaced) else x == replaced
        values = canonical(np.array(imputed_value_floats, np.float32))
    else:
        found = x == np.int64(replaced_value_int64)
        values = np.array(imputed_value_int64s, np.int64)
    return np.where(found, values.astype(x.dtype), x)


# --- Binarizer --------------------------------------------------------------------------------------------------


def _infer_binarizer(x: TensorType, **_: Any) -> TensorType:
    allow(FEATURES, X=x)
    return TensorType(x.dtype, x.shape)


@operator("Binarizer", 1, domain=ML, infer=_infer_binarizer)
def binarizer(x: Array, *, threshold: float = 0.0) -> Array:
    return (floats(x) > np.float32(threshold)).astype(x.dtype)


# --- ArrayFeatureExtractor, FeatureVectorizer -------------------------------------------------------------------


def _infer_extractor(x: TensorType, indices: TensorType) -> TensorType:
    allow(INDICES - {np.dtype(np.int32)}, Y=indices)
    if not _last(x) and indices.elements:
        raise unfit("the features", expected="1 or more", got="0")
    return TensorType(x.dtype, (*(x.shape[:-1] or (1,)), indices.elements))


@operator("ArrayFeatureExtractor", 1, domain=ML, infer=_infer_extractor)
def array_feature_extractor(x: Array, indices: Array) -> Array:
    """As Gather along the last axis; of a list of features: a matrix of one row."""
    return gather(np.atleast_2d(x), indices.ravel(), axis=-1)


def _infer_vectorizer(*inputs: TensorType, inputdimensions: tuple[int, ...]) -> TensorType:
    alike(*inputs)
    batches, widths = set(), []
    for each in inputs:
        widths.append(_last(each))
        if each.rank > 2:
            raise unfit("the shape of an input", expected="features, or rows × features", got=str(each))
        batches.add(each.shape[0] if each.rank == 2 else 1)
    if len(batches) > 1:
        raise unfit("inputs of different numbers of rows", got=" and ".join(map(str, sorted(batches))))
    if tuple(widths) != inputdimensions:
        raise unfit("inputdimensions", expected=str(widths)[:100], got=str(list(inputdimensions))[:100])
    return TensorType(FLOAT, (batches.pop(), sum(widths)))


@operator("FeatureVectorizer", 1, domain=ML, infer=_infer_vectorizer)
def feature_vectorizer(x: Array, *others: Array, inputdimensions: tuple[int, ...]) -> Array:
    """Side by side, each of the width that it has."""
    return np.concatenate([converted(np.atleast_2d(each), np.float32) for each in (x, *others)], axis=1)
