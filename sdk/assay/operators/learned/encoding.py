"""Categories: numbers looked up in a list. OneHotEncoder, LabelEncoder. Text is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from assay.operators.arithmetic import Array, canonical, converted
from assay.operators.hints import INTEGER_LABELS
from assay.operators.learned.given import FEATURES, check_length, float_list, integer_list
from assay.operators.registry import ML, Attribute, TensorType, operator, unfit
from assay.operators.shapes import allow, one_of

# --- OneHotEncoder ----------------------------------------------------------------------------------------------


def _infer_one_hot(x: TensorType, **given: Any) -> TensorType:
    allow(FEATURES, X=x)
    if given["cats_strings"]:
        raise unfit("categories that are text", expected="cats_int64s", hint=INTEGER_LABELS)
    categories = integer_list(given, "cats_int64s")
    if not len(categories) or len(np.unique(categories)) < len(categories):
        raise unfit("cats_int64s", expected="one category or more, each once", got=str(len(categories)))
    if not given["zeros"]:
        raise unfit(
            "a category that is not in the list would be an error",
            expected="zeros = 1",
            hint="export OneHotEncoder(handle_unknown='ignore')",
        )
    return TensorType(np.dtype(np.float32), (*x.shape, len(categories)))


@operator("OneHotEncoder", 1, domain=ML, infer=_infer_one_hot)
def one_hot_encoder(
    x: Array, *, cats_int64s: tuple[int, ...] = (), cats_strings: tuple[str, ...] = (), zeros: int = 1
) -> Array:
    """One more axis: 1 at the place of the category. Floats are converted to int64."""
    found: Array = converted(x, np.int64)[..., None] == np.array(cats_int64s, np.int64)
    return found.astype(np.float32)


# --- LabelEncoder -----------------------------------------------------------------------------------------------

TYPES = frozenset(map(np.dtype, ("f4", "f8", "i8", "i4", "i2")))
INTS, FLOATS, STRINGS = "tuple[int, ...]", "tuple[float, ...]", "tuple[str, ...]"
LISTS = (
    *(
        Attribute(f"{of}_{kind}", annotation, ())
        for of in ("keys", "values")
        for kind, annotation in (("int64s", INTS), ("floats", FLOATS), ("strings", STRINGS))
    ),
    Attribute("default_int64", "int", -1),
    Attribute("default_float", "float", -0.0),
    Attribute("default_string", "str", "_Unused"),
)
TENSORS = tuple(Attribute(name, "Array", None) for name in ("keys_tensor", "values_tensor", "default_tensor"))


def _infer_labels(x: TensorType, **given: Any) -> TensorType:
    keys, values = _numbers(given, "keys"), _numbers(given, "values")
    check_length("values", values, len(keys))
    if x.dtype != keys.dtype:
        raise unfit("the type of X", expected=f"{keys.dtype}, as that of the keys", got=str(x))
    default = given.get("default_tensor")
    if default is not None and (
        default.dtype != values.dtype or default.size != 1 or given["values_tensor"] is None
    ):
        raise unfit("default_tensor", expected="one element, of the type of values_tensor", got=str(default.dtype))
    return TensorType(values.dtype, x.shape)


def _numbers(given: Mapping[str, Any], of: str) -> Array:
    """The one of the lists `keys_…` or `values_…` that is there."""
    if given[f"{of}_strings"]:
        raise unfit(f"{of} that are text", expected="numbers", hint=INTEGER_LABELS)
    tensor: Array | None = given.get(f"{of}_tensor")
    integers, floats = integer_list(given, f"{of}_int64s"), float_list(given, f"{of}_floats")
    there = (tensor is not None) + (len(integers) > 0) + (len(floats) > 0)
    if there != 1:
        raise unfit(f"the lists of {of}", expected="one", got=str(there))
    if tensor is None:
        return integers if len(integers) else floats
    if tensor.ndim != 1 or not len(tensor) or tensor.dtype not in TYPES:
        hint = INTEGER_LABELS if tensor.dtype.kind in "OSU" else ""
        raise unfit(f"{of}_tensor", expected=f"a list of {one_of(TYPES)}", got=str(tensor.dtype), hint=hint)
    return tensor


@operator("LabelEncoder", 2, domain=ML, infer=_infer_labels, attributes=LISTS)
def label_encoder_by_bits(x: Array, **given: Any) -> Array:
    """Keys are compared bit by bit."""
    return _looked_up(x, _numbers(given, "keys"), given)


@operator("LabelEncoder", 4, domain=ML, infer=_infer_labels, attributes=(*LISTS, *TENSORS))
def label_encoder(x: Array, **given: Any) -> Array:
    """Keys are compared as numbers: zeros are equal, and so are NaNs."""
    zero = x.dtype.type(0)
    return _looked_up(canonical(x + zero), _numbers(given, "keys") + zero, given)


def _looked_up(x: Array, keys: Array, given: Mapping[str, Any]) -> Array:
    """By bits; of equal keys the last counts. Those that are NaN are canonical, as are values."""
    as_bits = f"i{x.dtype.itemsize}"
    values, wanted = canonical(_numbers(given, "values")), x.view(as_bits)
    found, last = np.unique(canonical(keys)[::-1].view(as_bits), return_index=True)
    place = np.minimum(np.searchsorted(found, wanted), len(found) - 1)
    return np.where(found[place] == wanted, values[::-1][last[place]], _default(given, values.dtype))


def _default(given: Mapping[str, Any], of: np.dtype[Any]) -> Array:
    tensor: Array | None = given.get("default_tensor")
    if tensor is not None:
        return canonical(tensor.reshape(()))
    if given.get("values_tensor") is not None:
        return np.array(-0.0 if of.kind == "f" else -1, of)
    return np.array(given["default_float" if of.kind == "f" else "default_int64"], of)
