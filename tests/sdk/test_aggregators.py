"""Aggregators against brute force, and against f liars who know everything."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.agreement.aggregate import AGGREGATORS, HIGHEST, LOWEST, aggregator
from assay.errors import Refused

NUMERIC = ("median", "trimmed-mean")
SIZES = st.sampled_from([1, 2, 3])  # f
VALUES = st.integers(LOWEST, HIGHEST)


def plurality(votes, f, least):
    """By its definition: the one label that has enough votes and more than every other."""
    counts = {label: votes.count(label) for label in votes}
    return next(
        (
            label
            for label, count in counts.items()
            if count >= max(least, f + 1) and all(count > counts[other] for other in counts if other != label)
        ),
        None,
    )


def median(votes, f, least):
    if len(votes) < max(least, 2 * f + 1):
        return None
    return next(each for each in sorted(votes) if 2 * sum(other <= each for other in votes) >= len(votes))


def trimmed_mean(votes, f, least):
    if len(votes) < max(least, 2 * f + 1):
        return None
    kept = sorted(votes)[f:-f]
    mean = Fraction(sum(kept), len(kept))
    floor = mean.numerator // mean.denominator
    return floor + (mean - floor >= Fraction(1, 2))


BY_DEFINITION = {"plurality": plurality, "median": median, "trimmed-mean": trimmed_mean}


@pytest.mark.parametrize("name", AGGREGATORS)
@given(data=st.data(), f=SIZES)
def test_it_is_what_the_definition_says(name, data, f):
    values = st.integers(-2, 2) if name == "plurality" else VALUES
    votes = data.draw(st.lists(values, max_size=3 * f + 1))
    least = data.draw(st.integers(0, 3 * f + 1))
    decision = aggregator(name).decide(votes, 3 * f + 1 - len(votes), f, least)
    assert decision.value == BY_DEFINITION[name](votes, f, least)


@pytest.mark.parametrize("name", AGGREGATORS)
@given(data=st.data(), f=SIZES)
def test_the_order_of_the_members_does_not_matter(name, data, f):
    votes = data.draw(st.lists(st.integers(-2, 2), max_size=3 * f + 1))
    shuffled = data.draw(st.permutations(votes))
    absent = 3 * f + 1 - len(votes)
    assert aggregator(name).decide(votes, absent, f, 0) == aggregator(name).decide(shuffled, absent, f, 0)


@pytest.mark.parametrize("name", AGGREGATORS)
@pytest.mark.parametrize(
    "votes", [v for k in range(5) for v in itertools.combinations_with_replacement((0, 1, 2), k)]
)
@pytest.mark.parametrize("least", [0, 3, 4])
def test_firm_means_that_no_word_of_the_absent_changes_it(name, votes, least):
    """Every way in which the absent of four could have voted, or not, one by one."""
    absent = 4 - len(votes)
    decision = aggregator(name).decide(votes, absent, 1, least)
    ends = {
        aggregator(name).decide([*votes, *late], absent - len(late), 1, least).value
        for k in range(absent + 1)
        for late in itertools.product((LOWEST, 0, 1, 2, HIGHEST), repeat=k)
    }
    assert decision.firm == (ends == {decision.value})


@given(data=st.data(), f=SIZES)
def test_f_liars_cannot_have_a_label_certified_that_no_honest_model_gave(data, f):
    honest = data.draw(st.lists(st.integers(0, 3), max_size=2 * f + 1))
    lies = data.draw(st.lists(st.integers(0, 9), max_size=f))
    decision = aggregator("plurality").decide([*honest, *lies], 3 * f + 1 - len(honest) - len(lies), f, 0)
    assert decision.value is None or decision.value in honest


@pytest.mark.parametrize("name", NUMERIC)
@given(data=st.data(), f=SIZES)
def test_f_liars_cannot_move_a_value_out_of_the_honest_range(name, data, f):
    honest = data.draw(st.lists(VALUES, min_size=f + 1, max_size=2 * f + 1))
    lies = data.draw(st.lists(VALUES, max_size=f))
    decision = aggregator(name).decide([*honest, *lies], 3 * f + 1 - len(honest) - len(lies), f, 0)
    assert decision.value is None or min(honest) <= decision.value <= max(honest)


def test_a_plain_mean_is_refused_and_told_why():
    with pytest.raises(Refused, match="one liar moves a plain mean") as refusal:
        aggregator("mean")
    assert (refusal.value.code, refusal.value.pointer) == ("unsafe-aggregator", "/aggregator")


def test_an_unknown_one_is_refused_with_those_there_are():
    with pytest.raises(Refused, match="no such aggregator") as refusal:
        aggregator("mode")
    assert refusal.value.expected == "plurality | median | trimmed-mean"
