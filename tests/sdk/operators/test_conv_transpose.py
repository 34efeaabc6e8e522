"""ConvTranspose: which taps meet an input, and in which order."""

from itertools import product

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.by_hand import chained, numbers
from tests.sdk.operators.operating import bits, operate


def by_hand(x, w, begins, strides, dilations, size, group=1):
    """Each output's links: channel of the input, then tap; where the tap meets an input."""
    each, made = w.shape[0] // group, w.shape[1]
    y = np.zeros((len(x), made * group, *size), np.float32)
    for n, m, *o in product(*map(range, y.shape)):
        links = []
        for c, *t in product(range(each), *map(range, w.shape[2:])):
            far = [i + b - k * d for i, b, k, d in zip(o, begins, t, dilations, strict=True)]
            at = [divmod(f, s) for f, s in zip(far, strides, strict=True)]
            if all(rest == 0 and 0 <= i < n for (i, rest), n in zip(at, x.shape[2:], strict=True)):
                channel = m // made * each + c
                links.append((x[(n, channel, *(i for i, _ in at))], w[(channel, m % made, *t)]))
        y[(n, m, *o)] = chained(links)
    return y


@pytest.mark.parametrize("version", [1, 11, 22])
def test_pads_strides_dilations_groups_output_padding_and_a_bias(version):
    x, w, b = numbers(1, 2, 4, 3, 4), numbers(2, 4, 3, 3, 2), numbers(3, 6)
    got = operate(
        "ConvTranspose", x, w, b, version=version, pads=(1, 0, 2, 1), strides=(2, 3), dilations=(1, 2), group=2,
        output_padding=(1, 2),
    )  # fmt: skip
    size = (2 * 2 + 1 + 3 - 3, 3 * 3 + 2 + 3 - 1)
    assert got.shape == (2, 6, *size)
    want = by_hand(x, w, (1, 0), (2, 3), (1, 2), size, group=2)
    assert bits(got) == bits(want + b[:, None, None])


@pytest.mark.parametrize("size", [(4,), (3, 2), (2, 2, 3)])
def test_one_axis_or_two_or_three(size):
    x, w = numbers(1, 1, 2, *size), numbers(2, 2, 3, *(2,) * len(size))
    one, none = (1,) * len(size), (0,) * len(size)
    got = operate("ConvTranspose", x, w, version=11)
    assert bits(got) == bits(by_hand(x, w, none, one, one, [n + 1 for n in size]))


@pytest.mark.parametrize(
    ("attributes", "begin", "size"),
    [
        ({"auto_pad": "SAME_UPPER"}, 0, 6),
        ({"auto_pad": "SAME_LOWER"}, 1, 6),
        ({"auto_pad": "SAME_UPPER", "output_shape": (4,)}, 1, 4),
        ({"output_shape": (4,)}, 2, 4),
        ({"output_shape": (4,), "pads": (5, 5)}, 2, 4),
        ({"auto_pad": "SAME_UPPER", "output_shape": (4,), "pads": (5, 5)}, 1, 4),
        ({"output_shape": (8,)}, 0, 8),
        ({"auto_pad": "SAME_UPPER", "output_shape": (8,)}, 0, 8),
        ({"auto_pad": "VALID"}, 0, 7),
        ({"output_padding": (1,), "output_shape": (4,)}, 2, 4),
    ],
)
def test_padding_that_follows_from_the_size_of_the_output(attributes, begin, size):
    """Of 3 by strides of 2 and a kernel of 3 come 7; what is too many is cut before, or after."""
    x, w = numbers(1, 1, 1, 3), numbers(2, 1, 1, 3)
    got = operate("ConvTranspose", x, w, version=11, strides=(2,), **attributes)
    assert bits(got) == bits(by_hand(x, w, (begin,), (2,), (1,), (size,)))


def test_more_output_may_be_asked_for_than_strides_but_not_dilations_leave_open():
    x, w = numbers(1, 1, 1, 3), numbers(2, 1, 1, 2)
    got = operate("ConvTranspose", x, w, version=11, dilations=(3,), output_padding=(2,))
    assert bits(got) == bits(by_hand(x, w, (0,), (1,), (3,), (8,)))
    with pytest.raises(Refused, match="output_padding"):
        operate("ConvTranspose", x, w, version=11, dilations=(3,), output_padding=(3,))


def test_an_output_that_no_input_meets_is_the_bias():
    x, w = np.float32([[[1, 1]]]), np.float32([[[5]]])
    got = operate("ConvTranspose", x, w, np.float32([-0.0]), version=11, strides=(3,), output_padding=(2,))
    assert bits(got) == bits(np.float32([[[5, 0, 0, 5, 0, 0]]]))


def test_an_infinite_weight_is_asked_only_where_it_meets_an_input():
    got = operate("ConvTranspose", np.float32([[[1]]]), np.float32([[[np.inf, 2]]]), version=11, pads=(1, 0))
    assert got.tolist() == [[[2]]]


@pytest.mark.parametrize(
    ("x", "w", "attributes", "detail"),
    [
        ((1, 2, 3), (1, 1, 1), {}, "channels"),
        ((1, 2, 3), (2, 1, 1), {"group": 3}, "channels"),
        ((1, 2, 3), (2, 1, 1), {"group": 0}, "channels"),
        ((1, 1, 3), (1, 1, 2), {"output_padding": (1,)}, "output_padding"),
        ((1, 1, 3), (1, 1, 2), {"output_shape": (5,)}, "output"),
        ((1, 1, 3), (1, 1, 3), {"output_shape": (9,), "strides": (2,)}, "output"),
        ((1, 1, 3), (1, 1, 2), {"output_shape": (0,)}, "output_shape"),
        ((1, 1, 3), (1, 1, 2), {"output_shape": (1, 1)}, "output_shape"),
        ((1, 1, 3), (1, 1, 2), {"pads": (2, 2)}, "output"),
        ((1, 1, 3), (1, 1, 1), {"auto_pad": "SAME_UPPER", "strides": (2,)}, "output"),
        ((1, 1, 0), (1, 1, 2), {"strides": (1,)}, "output"),
        ((1, 1, 3), (1, 1, 2), {"auto_pad": "VALID", "pads": (0, 1)}, "pads"),
        ((1, 1), (1, 1), {}, "rank"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_runs(x, w, attributes, detail):
    with pytest.raises(Refused, match=detail):
        operate("ConvTranspose", numbers(1, *x), numbers(2, *w), version=11, **attributes)


@pytest.mark.parametrize(
    "attribute", [{"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}, {"output_shape": (2,)}]
)
def test_version_1_splits_padding_the_other_way_where_it_is_to_choose_and_is_refused_there(attribute):
    with pytest.raises(Refused, match=next(iter(attribute))):
        operate("ConvTranspose", numbers(1, 1, 1, 3), numbers(1, 1, 1, 3), version=1, **attribute)
