"""Numbers looked up in a list of keys, by bits or as numbers."""

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators.registry import ML
from tests.sdk.operators.operating import bits, operate

NAN = float("nan")
ZEROS_AND_NANS = np.uint32([0, 0x80000000, 0x7FC00000, 0x7FC00001, 0xFFC00000]).view(np.float32)


def encode(x, *, version=4, **given):
    return operate("LabelEncoder", x, version=version, domain=ML, **given)


@pytest.mark.parametrize("version", [2, 4])
def test_keys_are_replaced_by_values(version):
    made = encode(
        np.int64([[3, 1], [2, 9]]), version=version, keys_int64s=(1, 2, 3), values_floats=(0.5, 1.5, 2.5)
    )
    assert made.tolist() == [[2.5, 0.5], [1.5, -0.0]]
    assert bits(made)[1][1] == 0x80000000


@pytest.mark.parametrize("version", [2, 4])
def test_what_is_no_key_becomes_the_default_and_of_equal_keys_the_last_counts(version):
    given = {"keys_floats": (1.0, 2.0, 1.0), "values_int64s": (5, 6, 7)}
    assert encode(np.float32([1, 2, 3]), version=version, **given).tolist() == [7, 6, -1]
    assert encode(np.float32([3]), version=version, default_int64=8, **given).tolist() == [8]


def test_version_2_compares_bits():
    given = {"keys_floats": (0.0, NAN), "values_int64s": (5, 6)}
    assert encode(ZEROS_AND_NANS, version=2, **given).tolist() == [5, -1, 6, -1, -1]


def test_version_4_compares_numbers():
    given = {"keys_floats": (-0.0, NAN), "values_int64s": (5, 6)}
    assert encode(ZEROS_AND_NANS, version=4, **given).tolist() == [5, 5, 6, 6, 6]


@pytest.mark.parametrize("of", [np.float32, np.float64, np.int64, np.int32, np.int16])
@pytest.mark.parametrize("to", [np.float32, np.float64, np.int64, np.int32, np.int16])
def test_tensors_of_keys_and_values(of, to):
    given = {"keys_tensor": of([1, 2]), "values_tensor": to([7, 8])}
    assert encode(of([2, 1, 3]), **given).tolist() == [8, 7, -0.0 if to in (np.float32, np.float64) else -1]
    assert encode(of([3]), default_tensor=to([9]), **given).tolist() == [9]


def test_one_number_is_encoded_too():
    assert encode(np.int64(2), keys_int64s=(1, 2), values_int64s=(10, 20)).tolist() == 20


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({}, "lists of keys"),
        ({"keys_int64s": (1,)}, "lists of values"),
        ({"keys_int64s": (1, 2), "values_int64s": (1,)}, "length of values"),
        ({"keys_int64s": (1,), "keys_floats": (1.0,), "values_int64s": (1,)}, "lists of keys"),
        ({"keys_floats": (1.0,), "values_int64s": (1,)}, "type of X"),
        ({"keys_tensor": np.zeros(0, np.int64), "values_tensor": np.zeros(0)}, "keys_tensor"),
        ({"keys_tensor": np.int8([1]), "values_tensor": np.int64([1])}, "keys_tensor"),
        ({"keys_int64s": (1,), "values_int64s": (1,), "default_tensor": np.int64([1])}, "default_tensor"),
        ({"keys_int64s": (1,), "values_tensor": np.int64([1]), "default_tensor": np.zeros(1)}, "default_tensor"),
        ({"keys_int64s": (1,), "values_tensor": np.zeros(1), "default_tensor": np.zeros(2)}, "default_tensor"),
    ],
)
def test_what_is_refused(given, detail):
    with pytest.raises(Refused, match=detail):
        encode(np.int64([1]), **given)


@pytest.mark.parametrize(
    "given",
    [
        {"keys_strings": ("a",), "values_int64s": (1,)},
        {"keys_int64s": (1,), "values_strings": ("a",)},
        {"keys_tensor": np.array(["a"], object), "values_tensor": np.int64([1])},
    ],
)
def test_text_is_refused_with_the_way_out(given):
    with pytest.raises(Refused) as refusal:
        encode(np.int64([1]), **given)
    assert "integers" in refusal.value.hint
