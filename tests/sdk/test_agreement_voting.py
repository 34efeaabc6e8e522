"""What a member votes, from what its model gave."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.agreement.group import Labels, Values
from assay.agreement.voting import votes
from assay.errors import Refused
from assay.model import Interface, NoPreprocessing, Port
from assay.tensor import Tensor

INPUTS = (Port(name="x", datatype="FP32", shape=(-1, 2)),)
LABELS = Labels(("a", "b", "c"))


def interface(*outputs: Port, labels=LABELS.labels) -> Interface:
    return Interface("classification" if labels else "regression", INPUTS, outputs, labels, NoPreprocessing())


SCORES = interface(Port(name="scores", datatype="FP32", shape=(-1, 3)))
CLASSES = interface(Port(name="label", datatype="INT64", shape=(-1,)))
NUMBER = interface(Port(name="y", datatype="FP32", shape=(-1, 1)), labels=())


def of(name: str, values: object, dtype: type) -> tuple[Tensor, ...]:
    return (Tensor.of(name, np.array(values, dtype)),)


def test_the_largest_score_is_the_vote_and_the_first_of_equals() -> None:
    outputs = of("scores", [[0.1, 0.7, 0.2], [0.4, 0.2, 0.4]], np.float32)
    assert votes(LABELS, SCORES, outputs) == (1, 0)


def test_a_class_is_the_vote_itself() -> None:
    assert votes(LABELS, CLASSES, of("label", [2, 0], np.int64)) == (2, 0)


@pytest.mark.parametrize("label", [-1, 3, 2**40])
def test_a_class_without_a_label_is_no_vote(label: int) -> None:
    with pytest.raises(Refused, match="no vote"):
        votes(LABELS, CLASSES, of("label", [0, label], np.int64))


def test_outputs_that_name_no_class_are_no_vote() -> None:
    odd = interface(Port(name="scores", datatype="FP32", shape=(-1, 2)))
    with pytest.raises(Refused, match="no vote"):
        votes(LABELS, odd, of("scores", [[0.1, 0.2]], np.float32))


@given(st.floats(-1e9, 1e9, width=32), st.sampled_from([1, 10, 1000]))
def test_a_value_is_scaled_exactly_and_rounded_half_to_even(value: float, scale: int) -> None:
    (vote,) = votes(Values(scale), NUMBER, of("y", [[value]], np.float32))
    assert abs(vote - Fraction(value) * scale) <= Fraction(1, 2)
    if (2 * Fraction(value) * scale).denominator == 1 and (Fraction(value) * scale).denominator == 2:
        assert vote % 2 == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), 1e17])
def test_what_is_not_finite_or_too_large_is_no_vote(value: float) -> None:
    with pytest.raises(Refused, match="no vote"):
        votes(Values(1), NUMBER, of("y", [[1.0], [value]], np.float32))


def test_several_numbers_for_a_row_are_no_vote() -> None:
    with pytest.raises(Refused, match="no vote"):
        votes(Values(1), NUMBER, of("y", [[1.0, 2.0]], np.float32))
