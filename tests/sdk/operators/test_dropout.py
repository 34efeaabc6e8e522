"""Dropout: nothing is dropped, and to drop at random is refused."""

import numpy as np
import pytest

from assay.errors import Refused
from tests.sdk.operators.operating import bits, operate

X = np.uint32([[0x7F800001, 0x80000000], [0x3F800000, 1]]).view(np.float32)


@pytest.mark.parametrize("version", [12, 13, 22])
def test_what_comes_in_goes_out(version):
    kept, mask = operate("Dropout", X, np.float32(0.9), version=version, outputs=2)
    assert bits(kept) == bits(X)
    assert mask.tolist() == [[True, True], [True, True]]


@pytest.mark.parametrize("version", [7, 10])
def test_earlier_its_ratio_was_an_attribute(version):
    assert bits(operate("Dropout", X, version=version, ratio=0.9)) == bits(X)


def test_the_mask_of_version_10_is_boolean_and_that_of_version_7_is_refused():
    assert operate("Dropout", X, version=10, outputs=2)[1].all()
    with pytest.raises(Refused, match="output 1"):
        operate("Dropout", X, version=7, outputs=2)


def test_training_is_refused():
    assert bits(operate("Dropout", X, None, np.array(False), version=22, constant=[2], seed=3)) == bits(X)
    with pytest.raises(Refused, match="random"):
        operate("Dropout", X, None, np.array(True), version=22, constant=[2])
    with pytest.raises(Refused, match="not known before"):
        operate("Dropout", X, None, np.array(False), version=22)


def test_float16_moves():
    assert operate("Dropout", np.float16([1.5]), version=22).tolist() == [1.5]
    with pytest.raises(Refused, match="type of data"):
        operate("Dropout", np.int32([1]), version=22)
