"""Resize and Upsample against exact coordinates, and chains of their taps."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import chained, numbers
from tests.sdk.operators.operating import bits, operate

HALF = Fraction(1, 2)


def resize(x, *, roi=None, scales=None, sizes=None, version=19, **attributes):
    given = (
        None if roi is None else np.float32(roi),
        None if scales is None else np.float32(scales),
        None if sizes is None else np.int64(sizes),
    )
    return operate("Resize", x, *given, version=version, constant=(1, 2, 3), **attributes)


# --- lengths ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "scale", "resized"),
    [(3, 2, 6), (5, 0.5, 2), (3, 0.1, 0), (10, 0.7, 6), (5, 0.6, 3), (0, 2, 0), (2**24 + 1, 1, 2**24 + 1)],
)
def test_a_length_is_what_the_scale_as_float32_makes_of_it(length, scale, resized):
    """0.7 as float32 is less than 0.7, 0.6 more than 0.6."""
    assert resize(np.zeros(length, np.int8), scales=[scale]).shape == (resized,)


@pytest.mark.parametrize(
    ("policy", "shape"), [("stretch", (2, 7, 6)), ("not_larger", (2, 4, 6)), ("not_smaller", (2, 7, 11))]
)
def test_sizes_of_some_axes_may_keep_their_ratio(policy, shape):
    x = np.zeros((2, 2, 3), np.int8)
    assert resize(x, sizes=[6, 7], axes=(-1, 1), keep_aspect_ratio_policy=policy).shape == shape


def test_halves_are_rounded_up_where_a_ratio_is_kept():
    x = np.zeros((2, 5), np.int8)
    assert resize(x, sizes=[1, 9], keep_aspect_ratio_policy="not_larger").shape == (1, 3)


# --- nearest ----------------------------------------------------------------------------------------------------

COORDINATES = {
    "half_pixel": lambda i, n, m, s: (i + HALF) / s - HALF,
    "half_pixel_symmetric": lambda i, n, m, s: Fraction(n, 2) * (1 - m / (s * n)) + (i + HALF) / s - HALF,
    "pytorch_half_pixel": lambda i, n, m, s: (i + HALF) / s - HALF if m > 1 else Fraction(0),
    "align_corners": lambda i, n, m, s: i * (n - 1) / (s * n - 1) if m > 1 else Fraction(0),
    "asymmetric": lambda i, n, m, s: i / s,
}
NEAREST = {
    "round_prefer_floor": lambda x: ceil(x - HALF),
    "round_prefer_ceil": lambda x: floor(x + HALF),
    "floor": floor,
    "ceil": ceil,
}


@pytest.mark.parametrize("nearest", NEAREST)
@pytest.mark.parametrize("coordinates", COORDINATES)
@pytest.mark.parametrize(("n", "scale"), [(4, 2), (8, 0.5), (5, 0.25), (8, 0.75), (3, 1), (3, 0.5), (6, 4)])
def test_nearest_by_exact_coordinates(coordinates, nearest, n, scale):
    """Of scales whose quotients doubles hold, or come so close to that no tie is near."""
    x = np.arange(n)
    made = resize(x, scales=[scale], coordinate_transformation_mode=coordinates, nearest_mode=nearest)
    exact = [COORDINATES[coordinates](i, n, len(made), Fraction(scale)) for i in range(len(made))]
    assert made.tolist() == [min(max(NEAREST[nearest](at), 0), n - 1) for at in exact]


def test_version_11_had_one_more():
    x = np.arange(4)
    how = {"coordinate_transformation_mode": "tf_half_pixel_for_nn", "nearest_mode": "floor"}
    assert resize(x, scales=[0.5], version=11, **how).tolist() == [1, 3]
    with pytest.raises(Refused, match="coordinate_transformation_mode"):
        resize(x, scales=[0.5], version=13, **how)


def test_along_every_axis():
    x = np.arange(4).reshape(2, 2)
    assert resize(x, scales=[1, 2]).tolist() == [[0, 0, 1, 1], [2, 2, 3, 3]]
    assert resize(x, sizes=[4, 1]).tolist() == [[0], [0], [2], [2]]


# --- linear and cubic -------------------------------------------------------------------------------------------


def chain_along(values, taps):
    """taps: (index, weight) in order; indices beyond the ends are the ends, weights of 0 are no links."""
    last = len(values) - 1
    return chained((values[min(max(i, 0), last)], w) for i, w in taps if w)


def linear_taps(at, n):
    at = min(max(at, 0), n - 1)
    left = floor(at)
    return [(left, np.float32(1 - (at - left))), (left + 1, np.float32(at - left))]


def test_linear_is_a_chain_of_two_taps():
    x = numbers(3, 5)
    made = resize(x, scales=[2.5], mode="linear")
    scale = 2.5
    expected = [chain_along(x, linear_taps((i + 0.5) / scale - 0.5, 5)) for i in range(12)]
    assert bits(made) == bits(np.array(expected))


def test_shorter_axes_come_first():
    x = numbers(4, 3, 5)
    made = resize(x, sizes=[6, 2], mode="linear", coordinate_transformation_mode="asymmetric")
    rows = [[chain_along(row, linear_taps(i / (2 / 5), 5)) for i in range(2)] for row in x]
    columns = np.array(rows, np.float32).T
    expected = [[chain_along(column, linear_taps(i / 2.0, 3)) for i in range(6)] for column in columns]
    assert bits(made) == bits(np.array(expected).T)


def keys(t, a):
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a


@pytest.mark.parametrize("exclude", [0, 1])
@pytest.mark.parametrize("a", [-0.75, -0.5])
def test_cubic_is_what_keys_wrote(a, exclude):
    """Coordinates and weights at quarters are exact; where they are divided by their sum they are nearly so."""
    x = numbers(5, 6)
    made = resize(x, scales=[2], mode="cubic", cubic_coeff_a=a, exclude_outside=exclude)
    for i, value in enumerate(made):
        at = (i + HALF) / 2 - HALF
        taps = [(tap, keys(tap - at, Fraction(a))) for tap in range(floor(at) - 1, floor(at) + 3)]
        if exclude:
            taps = [(tap, weight) for tap, weight in taps if 0 <= tap < 6]
            taps = [(tap, weight / sum(w for _, w in taps)) for tap, weight in taps]
            exact = sum(Fraction(float(x[tap])) * weight for tap, weight in taps)
            assert abs(float(value) - float(exact)) < 1e-6
        else:
            assert value == chain_along(x, [(tap, np.float32(float(weight))) for tap, weight in taps])


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_grid_points_do_not_see_their_neighbours(mode):
    x = np.float32([np.inf, 1, np.nan, 2])
    made = resize(x, scales=[2], mode=mode, coordinate_transformation_mode="asymmetric")
    assert made[[0, 2, 6]].tolist() == [np.inf, 1, 2]
    assert bits(made)[4] == 0x7FC00000


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_an_axis_whose_elements_stay_is_left_alone(mode):
    x = np.array([[0xFFC01234, 0x80000000]], np.uint32).view(np.float32)
    assert bits(resize(x, scales=[1, 1], mode=mode)) == [[0xFFC01234, 0x80000000]]
    assert bits(resize(x, scales=[2, 1], mode=mode))[0] == [0x7FC00000, 0]


def test_beyond_the_ends_linear_keeps_them():
    x = np.float32([0.1, 0.3])
    made = resize(x, scales=[4], mode="linear")
    assert bits(made[[0, 1, -2, -1]]) == bits(x[[0, 0, 1, 1]])


# --- cropping ---------------------------------------------------------------------------------------------------


def crop(x, roi, sizes, **attributes):
    return resize(x, roi=roi, sizes=sizes, coordinate_transformation_mode="tf_crop_and_resize", **attributes)


def test_a_part_is_made_the_whole():
    x = np.float32([0, 10, 20, 30, 40])
    assert crop(x, [0.25, 0.75], [3], mode="linear").tolist() == [10, 20, 30]
    assert crop(x, [0.25, 0.75], [1], mode="linear").tolist() == [20]
    assert crop(x, [0.75, 0.25], [3], mode="nearest").tolist() == [30, 20, 10]


def test_what_lies_outside_is_the_extrapolation_value():
    x = np.float32([[0, 10], [20, 30]])
    made = crop(x, [0, -1, 1, 2], [2, 4], mode="linear", extrapolation_value=0.1)
    assert bits(made) == bits(np.float32([[0.1, 0, 10, 0.1], [0.1, 20, 30, 0.1]]))
    whole = crop(np.uint8([1, 2]), [0, 2], [3], extrapolation_value=300.7)
    assert whole.tolist() == [1, 2, 255]


@pytest.mark.parametrize("roi", [None, [0.0, 1.0, 2.0], [0.0, np.inf], [np.nan, 1.0]])
def test_a_part_must_be_finite_and_known(roi):
    with pytest.raises(Refused, match="roi"):
        crop(np.zeros(3, np.float32), roi, [3])
    with pytest.raises(Refused, match="roi"):
        resize(
            np.zeros(3, np.float32), roi=[0, 1], scales=[2], coordinate_transformation_mode="tf_crop_and_resize"
        )


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({}, "one of them"),
        ({"scales": [2, 2], "sizes": [4, 4]}, "one of them"),
        ({"scales": [2]}, "scales"),
        ({"scales": [2, 0]}, "scales"),
        ({"scales": [2, -1]}, "scales"),
        ({"scales": [2, np.nan]}, "scales"),
        ({"scales": [2, np.inf]}, "scales"),
        ({"sizes": [2, -1]}, "sizes"),
        ({"sizes": [2]}, "sizes"),
        ({"sizes": [2, 2], "axes": (0, 0)}, "twice"),
        ({"sizes": [2], "axes": (2,)}, "axis"),
        ({"sizes": [2, 2], "keep_aspect_ratio_policy": "both"}, "keep_aspect_ratio_policy"),
        ({"scales": [1, 1], "mode": "area"}, "mode"),
        ({"scales": [1, 1], "nearest_mode": "round"}, "nearest_mode"),
        ({"scales": [1, 1], "coordinate_transformation_mode": "corner"}, "coordinate_transformation_mode"),
        ({"scales": [1, 1], "antialias": 1, "mode": "linear"}, "antialias"),
    ],
)
def test_what_makes_no_sense_is_refused(given, detail):
    with pytest.raises(Refused, match=detail):
        resize(np.zeros((2, 2), np.float32), **given)


def test_only_float32_is_interpolated():
    for dtype in (np.float64, np.uint8):
        with pytest.raises(Refused, match="type of X"):
            resize(np.zeros(2, dtype), scales=[2], mode="linear")


def test_of_nothing_nothing_is_made():
    with pytest.raises(Refused, match="not empty"):
        resize(np.zeros(0), sizes=[2])
    assert resize(np.zeros((2, 3), np.float32), sizes=[2, 0], mode="cubic").shape == (2, 0)


def test_scales_must_be_known():
    with pytest.raises(Refused, match="scales is not known"):
        operate("Resize", np.zeros(2), None, np.float32([2]), version=13)


# --- Upsample, and Resize as it began ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "made"), [("nearest", [0, 0, 0, 1, 1, 1]), ("linear", [0, 1 / 3, 2 / 3, 1, 1, 1])]
)
def test_upsample_has_no_half_pixels(mode, made):
    x = np.float32([0, 1])
    old = operate("Upsample", x, version=7, mode=mode, scales=(3.0,))
    new = operate("Upsample", x, np.float32([3]), version=9, mode=mode, constant=(1,))
    first = operate("Resize", x, np.float32([3]), version=10, mode=mode, constant=(1,))
    assert bits(old) == bits(new) == bits(first) == bits(np.float32(made))


def test_upsample_makes_nothing_smaller():
    with pytest.raises(Refused, match="scales"):
        operate("Upsample", np.zeros(4), np.float32([0.5]), version=9, constant=(1,))
    with pytest.raises(Refused, match="mode"):
        operate("Upsample", np.zeros(4, np.float32), version=7, mode="cubic", scales=(2.0,))
    made = operate("Resize", np.arange(4), np.float32([0.5]), version=10, constant=(1,))
    assert made.tolist() == [0, 2]
