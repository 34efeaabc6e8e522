"""Outcomes and results are hashed as they would be written whole, though parts of them are remembered."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay import cbor
from assay.agreement.entry import Ended
from assay.agreement.votes import FEW, Absent, Abstained, Answered, Erred
from assay.digest import Tag, digest
from assay.fields import plain
from consensus.messages import Result

digests = st.binary(min_size=32, max_size=32)
answered = st.builds(
    Answered,
    digests,
    st.lists(st.integers(-(2**53) + 1, 2**53 - 1), min_size=1, max_size=FEW + 2).map(tuple),
)
spoken = st.one_of(answered, st.just(Abstained()), st.just(Erred()))
words = st.lists(st.one_of(spoken, st.just(Absent())), min_size=4, max_size=7).map(tuple)


@given(st.builds(Ended, digests, st.sampled_from(["certified", "contested", "failed"]), words))
def test_an_outcome(ended: Ended) -> None:
    assert ended.leaf == digest(Tag.AGREEMENT_OUTCOME, cbor.encode(plain(ended)))


@given(st.builds(Result, digests, digests, spoken))
def test_a_result(result: Result) -> None:
    assert result.leaf == digest(Tag.AGREEMENT_RESULT, cbor.encode(plain(result)))
