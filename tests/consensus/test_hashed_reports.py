"""A report is hashed from prepared parts: the bytes are those of the plain encoder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from assay import cbor
from assay.digest import Tag, digest
from assay.fields import MAX_TIME, plain
from consensus.messages import Held, Readied, Report

digests = st.binary(min_size=32, max_size=32)
places = st.lists(st.integers(0, 4095), max_size=9).map(tuple)


@given(
    st.builds(
        Report,
        group=digests,
        epoch=st.integers(0, 2**31 - 1),
        member=st.integers(0, 15),
        clock=st.integers(0, MAX_TIME),
        ready=st.lists(st.builds(Readied, digests, places), max_size=30).map(tuple),
        held=st.lists(st.builds(Held, st.integers(0, 15), digests), max_size=30).map(tuple),
    )
)
def test_a_report(report):
    assert report.digest == digest(Tag.AGREEMENT_HAVE, cbor.encode(plain(report)))
