"""MaxPool, AveragePool, LpPool: windows; and the pools over all of a channel."""

from itertools import product
from math import prod

import numpy as np
import pytest

from assay.errors import Refused
from assay.operators import functions
from tests.sdk.operators.by_hand import nan, numbers, summed
from tests.sdk.operators.operating import bits, operate

INF = np.inf


def windows(x, kernel, strides, dilations, begins, places):
    """For each output: the taps of its window, row-major, as places on the input; None where there is none."""
    for n, c, *o in product(*map(range, (*x.shape[:2], *places))):
        taps = []
        for t in product(*map(range, kernel)):
            at = [i * s + k * d - b for i, s, k, d, b in zip(o, strides, t, dilations, begins, strict=True)]
            inside = all(0 <= i < size for i, size in zip(at, x.shape[2:], strict=True))
            taps.append((n, c, *at) if inside else None)
        yield (n, c, *o), taps


def by_hand(x, of, **window):
    y = np.zeros((*x.shape[:2], *window["places"]), x.dtype)
    for place, taps in windows(x, **window):
        y[place] = of([None if at is None else x[at] for at in taps])
    return y


def average(values):
    dtype = type(next(each for each in values if each is not None))
    return summed(values, dtype) / dtype(sum(each is not None for each in values))


def greatest(values):
    return max(each for each in values if each is not None)


def length(values):
    return np.sqrt(summed(None if each is None else each * each for each in values))


POOLS = pytest.mark.parametrize(
    ("name", "of"), [("AveragePool", average), ("MaxPool", greatest), ("LpPool", length)]
)


# --- windows ----------------------------------------------------------------------------------------------------


@POOLS
def test_pads_strides_and_dilations(name, of):
    x = numbers(1, 2, 3, 7, 9)
    how = {"kernel": (3, 4), "strides": (2, 1), "dilations": (1, 2), "begins": (1, 2), "places": (4, 6)}
    got = operate(name, x, version=22, kernel_shape=(3, 4), strides=(2, 1), dilations=(1, 2), pads=(1, 2, 1, 1))
    assert bits(got) == bits(by_hand(x, of, **how))


@POOLS
@pytest.mark.parametrize("size", [(9,), (6, 7), (5, 4, 5)])
def test_one_axis_or_two_or_three_and_more_taps_than_lanes(name, of, size):
    x, kernel = numbers(1, 1, 2, *size), (9, 5, 3)[len(size) - 1 :][:1] * len(size)
    places = tuple(n - k + 1 for n, k in zip(size, kernel, strict=True))
    one, none = (1,) * len(size), (0,) * len(size)
    got = operate(name, x, version=11, kernel_shape=kernel)
    want = by_hand(x, of, kernel=kernel, strides=one, dilations=one, begins=none, places=places)
    assert bits(got) == bits(want)


@POOLS
@pytest.mark.parametrize("ceil_mode", [0, 1])
@pytest.mark.parametrize(
    ("auto_pad", "begin", "places"), [("SAME_UPPER", 0, 4), ("SAME_LOWER", 1, 4), ("VALID", 0, 3)]
)
def test_padding_chosen_by_itself(name, of, auto_pad, begin, places, ceil_mode):
    """8 by strides of 2 are 4 places, which reach over 9. What is to happen at the end is thereby said."""
    x = numbers(1, 1, 1, 8)
    got = operate(name, x, version=22, kernel_shape=(3,), strides=(2,), auto_pad=auto_pad, ceil_mode=ceil_mode)
    how = {"kernel": (3,), "strides": (2,), "dilations": (1,), "begins": (begin,), "places": (places,)}
    assert bits(got) == bits(by_hand(x, of, **how))


@POOLS
@pytest.mark.parametrize(
    ("size", "pads", "kernel", "stride", "places"),
    [
        (6, (0, 0), 3, 2, 3),  # the last window hangs over the end by one
        (5, (0, 0), 3, 2, 2),  # it ends with the input
        (4, (0, 2), 3, 4, 1),  # it would begin on the padding: it is left out
        (4, (0, 1), 2, 3, 2),  # it ends with the padding
        (5, (1, 1), 3, 3, 2),  # it ends beyond the input, but on the padding
        (6, (1, 0), 3, 3, 3),  # it hangs over
    ],
)
def test_with_ceil_mode_a_last_window_may_hang_over_the_end_if_it_begins_before_it(
    name, of, size, pads, kernel, stride, places
):
    x = numbers(1, 1, 1, size)
    got = operate(name, x, version=22, kernel_shape=(kernel,), strides=(stride,), pads=pads, ceil_mode=1)
    how = {"kernel": (kernel,), "strides": (stride,), "dilations": (1,), "begins": pads[:1], "places": (places,)}
    assert bits(got) == bits(by_hand(x, of, **how))


@POOLS
def test_a_window_of_numbers_keeps_to_its_image_and_channel(name, of):
    x = np.float32([[[1, 1]], [[5, 5]]]) * np.float32([[[1], [2]]])
    got = operate(name, x.reshape(2, 2, 2), version=11, kernel_shape=(1,))
    assert bits(got) == bits(x.reshape(2, 2, 2))


@pytest.mark.parametrize("name", ["AveragePool", "MaxPool", "LpPool"])
@pytest.mark.parametrize(
    ("shape", "attributes", "detail"),
    [
        ((1, 1, 3), {"kernel_shape": (4,)}, "kernel"),
        ((1, 1, 3), {"kernel_shape": (4,), "strides": (2,), "ceil_mode": 1}, "kernel"),
        ((1, 1, 3), {"kernel_shape": (0,)}, "kernel_shape"),
        ((1, 1, 3), {"kernel_shape": (1, 1)}, "kernel_shape"),
        ((1, 1, 3), {}, "kernel_shape"),
        ((1, 1, 3), {"kernel_shape": (2,), "strides": (0,)}, "strides"),
        ((1, 1, 3), {"kernel_shape": (2,), "strides": (-1,)}, "strides"),
        ((1, 1, 3), {"kernel_shape": (2,), "pads": (0, -1)}, "pads"),
        ((1, 1, 3), {"kernel_shape": (2,), "auto_pad": "same"}, "auto_pad"),
        ((1, 1, 3), {"kernel_shape": (2,), "auto_pad": "SAME_UPPER", "pads": (1, 1)}, "pads"),
        ((1, 1, 9, 9), {"kernel_shape": (2**16, 2**16), "pads": (2**16,) * 4}, "taps"),
        ((1, 3), {"kernel_shape": (1,)}, "rank"),
        ((1, 1, 2, 2, 2, 2), {"kernel_shape": (1, 1, 1, 1)}, "rank"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(name, shape, attributes, detail):
    with pytest.raises(Refused, match=detail):
        operate(name, numbers(1, *shape), version=22, **attributes)


@pytest.mark.parametrize("name", ["AveragePool", "MaxPool", "LpPool"])
def test_a_kernel_far_larger_than_the_input_costs_no_more_than_it(name):
    got = operate(name, np.float32([[[3, 4]]]), version=22, kernel_shape=(2**30,), pads=(2**30 - 2, 0))
    want = {"AveragePool": 3.5, "MaxPool": 4, "LpPool": 5}[name]
    assert got.tolist() == [[[want]]]


# --- MaxPool ----------------------------------------------------------------------------------------------------


def test_the_first_of_the_greatest_is_pointed_at_within_all_of_the_input():
    x = np.float32([[[[1, 9, 9], [9, 2, 3]], [[0, 0, 0], [0, 0, 7]]]])
    y, at = operate("MaxPool", x, version=12, kernel_shape=(2, 2), outputs=2)
    assert y.tolist() == [[[[9, 9]], [[0, 7]]]]
    assert at.tolist() == [[[[1, 1]], [[6, 11]]]]
    assert at.dtype == np.int64


def test_or_with_the_first_axis_fastest():
    x = numbers(1, 2, 2, 3, 4, 2)
    for size in [(3, 4, 2), (3, 8), (24,)]:
        shaped = x.reshape(2, 2, *size)
        one = (1,) * len(size)
        _, rows = operate("MaxPool", shaped, version=22, kernel_shape=one, outputs=2)
        _, columns = operate("MaxPool", shaped, version=22, kernel_shape=one, storage_order=1, outputs=2)
        assert rows.ravel().tolist() == list(range(96))
        image = np.arange(24).reshape(size, order="F")
        assert columns.tolist() == [[(image + 24 * (2 * n + c)).tolist() for c in range(2)] for n in range(2)]


def test_zeros_are_equal_and_nan_is_greatest():
    x = np.uint32([0x80000000, 0, 0x3F800000, 0x7F800001, 0xFFC00001]).view(np.float32)
    y, at = operate("MaxPool", x[None, None], version=12, kernel_shape=(2,), outputs=2)
    assert bits(y) == [[[0, *bits(np.float32([1])), nan(), nan()]]]
    assert at.tolist() == [[[0, 2, 3, 3]]]


def test_minus_infinity_is_a_maximum_and_padding_is_none():
    x = np.float32([[[-INF, -5]]])
    y, at = operate("MaxPool", x, version=12, kernel_shape=(1,), pads=(1, 1), outputs=2)
    assert y.tolist() == [[[-INF, -INF, -5, -INF]]]
    assert at.tolist() == [[[-1, 0, 1, -1]]]
    _, at = operate(
        "MaxPool", np.ones((1, 2, 1), np.float32), version=12, kernel_shape=(1,), pads=(0, 1), outputs=2
    )
    assert at.tolist() == [[[0, -1], [1, -1]]]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float64])
def test_small_integers_and_doubles(dtype):
    x = np.array([[[0, 100, 3, 127]]], dtype)
    y, at = operate("MaxPool", x, version=12, kernel_shape=(3,), pads=(2, 0), outputs=2)
    assert y.tolist() == [[[0, 100, 100, 127]]]
    assert at.tolist() == [[[0, 1, 1, 3]]]
    if dtype is np.int8:
        assert operate("MaxPool", -x, version=22, kernel_shape=(1,), pads=(1, 0)).tolist() == [
            [[-128, 0, -100, -3, -127]]
        ]


def test_no_third_output_no_other_order_no_other_type():
    x = numbers(1, 1, 1, 3)
    for attributes, detail in [({"outputs": 3}, "output"), ({"storage_order": 2}, "storage_order")]:
        with pytest.raises(Refused, match=detail):
            operate("MaxPool", x, version=12, kernel_shape=(1,), **attributes)
    with pytest.raises(Refused, match="type"):
        operate("MaxPool", x.astype(np.int32), version=12, kernel_shape=(1,))


# --- AveragePool ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [7, 10, 11, 19, 22])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_padding_is_counted_if_asked_but_not_what_hangs_over_it(version, dtype):
    x = np.array([[[1, 2, 3, 4]]], dtype)
    how = {"kernel_shape": (3,), "strides": (3,), "pads": (1, 1)}
    assert operate("AveragePool", x, version=version, **how).tolist() == [[[1.5, 3.5]]]
    got = operate("AveragePool", x, version=version, count_include_pad=1, **how)
    assert got.tolist() == np.array([[[3, 7]]], dtype).__truediv__(3).tolist()
    got = operate("AveragePool", x, version=version, kernel_shape=(4,), strides=(3,), pads=(1, 1),
                  ceil_mode=1, count_include_pad=1)  # fmt: skip
    assert got.tolist() == np.array([[[6 / 4, 7 / 3]]], dtype).tolist()


def test_what_is_counted_with_dilations_over_two_axes():
    x = numbers(1, 1, 1, 5, 6)
    how = {"kernel_shape": (2, 3), "dilations": (3, 2), "pads": (2, 1, 1, 3)}
    plain = operate("AveragePool", x, version=19, **how)
    places = plain.shape[2:]
    want = by_hand(x, average, kernel=(2, 3), strides=(1, 1), dilations=(3, 2), begins=(2, 1), places=places)
    assert bits(plain) == bits(want)
    padded = operate("AveragePool", np.pad(x, ((0, 0), (0, 0), (2, 1), (1, 3))), version=19, **how | {"pads": ()})
    assert bits(operate("AveragePool", x, version=19, count_include_pad=1, **how)) == bits(padded)


def test_an_average_of_padding_alone_is_nan_unless_it_is_counted():
    x = np.float32([[[-0.0]]])
    how = {"kernel_shape": (1,), "pads": (3, 2)}
    assert bits(operate("AveragePool", x, version=22, **how)) == [[[nan(), nan(), nan(), 0, nan(), nan()]]]
    assert bits(operate("AveragePool", x, version=22, count_include_pad=1, **how)) == [[[0] * 6]]


def test_only_one_output_and_only_floats():
    with pytest.raises(Refused, match="output"):
        operate("AveragePool", numbers(1, 1, 1, 3), version=22, kernel_shape=(1,), outputs=2)
    with pytest.raises(Refused, match="type"):
        operate("AveragePool", np.int8([[[1]]]), version=22, kernel_shape=(1,))


# --- LpPool -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 11, 18, 22])
def test_sums_of_sizes_and_roots_of_sums_of_powers(version):
    x = numbers(1, 1, 1, 40)
    how = {"kernel_shape": (20,), "version": version}
    rows = [x[0, 0, i : i + 20] for i in range(21)]
    want = [summed(abs(row)) for row in rows]
    assert bits(operate("LpPool", x, p=1, **how)) == [[bits(np.array(want))]]
    want = [np.sqrt(summed(row * row)) for row in rows]
    assert bits(operate("LpPool", x, **how)) == [[bits(np.array(want))]]
    three = np.float32(3)
    want = [summed(functions.power(abs(row), three[None])) for row in rows]
    want = functions.power(np.array(want), (1 / three)[None])
    assert bits(operate("LpPool", x, p=3, **how)) == [[bits(want)]]


def test_doubles_have_no_roots_but_the_square_root():
    x = np.array([[[3.0, -4.0]]])
    assert operate("LpPool", x, version=22, kernel_shape=(2,)).tolist() == [[[5]]]
    assert operate("GlobalLpPool", x, version=22, p=1).tolist() == [[[7]]]
    with pytest.raises(Refused, match="type"):
        operate("LpPool", x, version=22, kernel_shape=(2,), p=3)
    with pytest.raises(Refused, match="type"):
        operate("GlobalLpPool", x, version=22, p=3)


@pytest.mark.parametrize("p", [0, -1, 2**24 + 1])
def test_powers_that_are_no_norm_or_no_float32_are_refused(p):
    with pytest.raises(Refused, match=r"^p "):
        operate("LpPool", numbers(1, 1, 1, 2), version=22, kernel_shape=(2,), p=p)
    with pytest.raises(Refused, match=r"^p "):
        operate("GlobalLpPool", numbers(1, 1, 1, 2), version=22, p=p)


# --- over all of a channel --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(19,), (5, 7), (2, 3, 4, 5)])
def test_all_of_a_channel(size):
    x = numbers(1, 2, 3, *size)
    n = np.float32(prod(size))
    shape = (2, 3, *(1,) * len(size))
    rows = x.reshape(6, -1)
    for name, want in [
        ("GlobalAveragePool", [summed(row) / n for row in rows]),
        ("GlobalMaxPool", [max(row) for row in rows]),
        ("GlobalLpPool", [np.sqrt(summed(row * row)) for row in rows]),
    ]:
        assert bits(operate(name, x, version=22)) == bits(np.array(want).reshape(shape)), name


def test_a_channel_without_elements():
    x = np.ones((1, 2, 0), np.float32)
    assert bits(operate("GlobalAveragePool", x, version=1)) == [[[nan()], [nan()]]]
    assert operate("GlobalMaxPool", x, version=1).tolist() == [[[-INF], [-INF]]]
    assert bits(operate("GlobalLpPool", x, version=2)) == [[[0], [0]]]


@pytest.mark.parametrize("name", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_a_channel_has_at_least_one_axis(name):
    with pytest.raises(Refused, match="rank"):
        operate(name, numbers(1, 2, 3), version=22)


def test_taps_that_see_padding_alone_take_no_time_however_many():
    far = 2**30
    x = np.float32([[[3]]])
    given = {"kernel_shape": (far,), "pads": (far - 1, far - 1), "strides": (far - 1,)}
    for name in ("MaxPool", "LpPool"):
        assert operate(name, x, version=22, **given).tolist() == [[[3, 3]]]
