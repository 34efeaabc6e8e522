"""Pad, and CenterCropPad, which pads by what it takes away."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

X = np.int64([1, 2, 3])


def pad(x, pads, *more, version=19, **attributes):
    inputs = [None if each is None else np.asarray(each) for each in more]
    return operate("Pad", x, np.int64(pads), *inputs, version=version, constant=(1, 3), **attributes).tolist()


@pytest.mark.parametrize(
    ("mode", "padded"),
    [
        ("constant", [0, 0, 0, 0, 1, 2, 3, 0, 0, 0]),
        ("edge", [1, 1, 1, 1, 1, 2, 3, 3, 3, 3]),
        ("reflect", [1, 2, 3, 2, 1, 2, 3, 2, 1, 2]),
        ("wrap", [3, 1, 2, 3, 1, 2, 3, 1, 2, 3]),
    ],
)
def test_what_stands_around_may_be_longer_than_what_it_stands_around(mode, padded):
    assert pad(X, [4, 3], mode=mode) == padded


@pytest.mark.parametrize(
    ("mode", "padded"), [("constant", [3, 0, 0]), ("edge", [3, 3, 3]), ("reflect", [3, 3, 3]), ("wrap", [3, 3, 3])]
)
def test_what_is_taken_away_is_taken_away_first(mode, padded):
    assert pad(X, [-2, 2], mode=mode) == padded


def test_a_value_may_hang_on_the_inputs():
    assert pad(X, [1, 0], np.int64(9)) == [9, 1, 2, 3]
    assert pad(X, [1, 0], np.int64([9])) == [9, 1, 2, 3]


def test_some_axes():
    x = np.int64([[1, 2]])
    assert pad(x, [1, 0, 0, 2], None, np.int64([-1, 0])) == [[0, 1, 2], [0, 0, 0], [0, 0, 0]]
    assert pad(x, [0, 1, 1, 0], version=11) == [[0, 1, 2], [0, 0, 0]]


def test_by_attributes():
    made = operate("Pad", np.float32([1]), version=2, pads=(1, 2), value=float("nan"))
    assert bits(made) == [0x7FC00000, 0x3F800000, 0x7FC00000, 0x7FC00000]


@pytest.mark.parametrize(
    ("pads", "more", "attributes", "detail"),
    [
        ([1], (), {}, "pads"),
        ([-2, -2], (), {}, "leave nothing"),
        ([-4, 5], (), {}, "leave nothing"),
        ([-3, 1], (), {"mode": "edge"}, "leave nothing"),
        ([1, 1], (), {"mode": "circular"}, "mode"),
        ([1, 1], (np.int32(1),), {}, "different types"),
        ([1, 1], (np.int64([1, 2]),), {}, "value to pad with"),
        ([1, 1], (None, np.int64([1])), {}, "axis"),
        ([1, 1, 1, 1], (None, np.int64([0, 0])), {}, "twice"),
    ],
)
def test_what_cannot_be_done_is_refused(pads, more, attributes, detail):
    with pytest.raises(Refused, match=detail):
        pad(X, pads, *more, **attributes)


def test_wrapping_came_with_19():
    with pytest.raises(Refused, match="mode"):
        pad(X, [1, 1], version=18, mode="wrap")


@pytest.mark.parametrize(
    ("length", "wanted", "made"),
    [
        (5, 2, [1, 2]),
        (5, 3, [1, 2, 3]),
        (4, 3, [0, 1, 2]),
        (2, 5, [0, 0, 1, 0, 0]),
        (2, 4, [0, 0, 1, 0]),
        (2, 2, [0, 1]),
    ],
)
def test_cropped_and_padded_about_the_centre(length, wanted, made):
    x = np.arange(length)
    assert operate("CenterCropPad", x, np.int64([wanted]), version=18, constant=(1,)).tolist() == made


def test_cropped_along_one_axis_and_padded_along_another():
    x = np.arange(6).reshape(2, 3)
    made = operate("CenterCropPad", x, np.int64([1, 3]), version=18, constant=(1,), axes=(-1, 0))
    assert made.tolist() == [[1], [4], [0]]


@pytest.mark.parametrize("shape", [[1], [-1, 2], [1, 2, 3]])
def test_a_centre_of_another_rank_is_refused(shape):
    with pytest.raises(Refused, match="shape"):
        operate("CenterCropPad", np.zeros((2, 3)), np.int64(shape), version=18, constant=(1,))
