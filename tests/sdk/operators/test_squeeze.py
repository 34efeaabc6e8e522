"""Squeeze and Unsqueeze, with axes as attribute and as input."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import operate


def both(name, x, axes):
    """As attribute and as input."""
    old = operate(name, x, version=11, axes=tuple(axes))
    new = operate(name, x, np.int64(axes), version=13, constant=(1,))
    assert old.tobytes() == new.tobytes() == x.tobytes()
    assert old.shape == new.shape
    return new.shape


@pytest.mark.parametrize(("axes", "shape"), [([0], (3, 1)), ([-1], (1, 3)), ([2, 0], (3,))])
def test_axes_of_length_one_go(axes, shape):
    assert both("Squeeze", np.ones((1, 3, 1), np.float32), axes) == shape


def test_without_axes_all_of_length_one_go():
    x = np.ones((1, 3, 1, 0), np.float32)
    assert operate("Squeeze", x, version=13).shape == (3, 0)
    assert operate("Squeeze", x, version=1).shape == (3, 0)


@pytest.mark.parametrize(("axes", "detail"), [([1], "length 1"), ([3], "axis"), ([0, -3], "twice")])
def test_other_axes_do_not(axes, detail):
    with pytest.raises(Refused, match=detail):
        both("Squeeze", np.ones((1, 3, 1), np.float32), axes)


@pytest.mark.parametrize(
    ("axes", "shape"), [([0], (1, 2, 3)), ([-1, 1], (2, 1, 3, 1)), ([4, 0, 2], (1, 2, 1, 3, 1))]
)
def test_axes_of_the_result_are_added(axes, shape):
    assert both("Unsqueeze", np.ones((2, 3), np.float32), axes) == shape


@pytest.mark.parametrize(("axes", "detail"), [([3], "axis"), ([0, 0], "twice"), ([0, -4], "twice")])
def test_axes_that_the_result_would_not_have_are_refused(axes, detail):
    with pytest.raises(Refused, match=detail):
        both("Unsqueeze", np.ones((2, 3), np.float32), axes)


def test_axes_that_hang_on_values_are_refused():
    for name in ("Squeeze", "Unsqueeze"):
        with pytest.raises(Refused, match="not known"):
            operate(name, np.ones((1, 3)), np.int64([0]), version=13)
