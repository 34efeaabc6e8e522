"""Groups whose members come, go and change their keys; certificates of theirs, and what may be done to these."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import strategies as st

from assay import cbor
from assay.certificate import AgreementCertificate
from assay.errors import Refused
from assay.fields import plain
from docs.vectors import defects
from docs.vectors.group import CERTIFIED, DIGITS, OWNERS, Case, Group, followed

change = msgspec.structs.replace
LONGEST = 4


def quorums(of: Group) -> st.SearchStrategy[tuple[int, ...]]:
    """2f + 1 members or more, in their order."""
    configuration = of.configuration
    some = st.sets(st.integers(0, configuration.n - 1), min_size=configuration.quorum)
    return some.map(lambda members: tuple(sorted(members)))


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """In any epoch from the first on: four or seven members, any of them with another key than at first."""
    group = DIGITS
    for _ in range(draw(st.integers(0, LONGEST - 1))):
        owners = draw(st.permutations(OWNERS))[: draw(st.sampled_from([4, 7]))]
        group = followed(
            group,
            group.last + draw(st.integers(1, 3)),
            owners=tuple(owners),
            rekeyed=tuple(draw(st.sets(st.sampled_from(OWNERS), max_size=2))),
            approving=draw(quorums(group)),
            changes={"grace": draw(st.integers(1, 1000))},
        )
    return group


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A certified answer in the last epoch, or a contested one."""
    group = draw(groups())
    votes = draw(st.tuples(*[st.integers(0, 2)] * group.configuration.n))
    number = group.last + draw(st.integers(1, 3))
    return replace(CERTIFIED, group=group, votes=votes, committing=draw(quorums(group)), entry={"number": number})


@st.composite
def damaged(draw: st.DrawFn, certificate: AgreementCertificate) -> bytes:
    """One value of it changed, or its epochs put together otherwise; never the certificate itself."""
    whole = plain(certificate)
    ways = [_altered, _reordered, _exchanged] if len(certificate.evidence.epochs) > 1 else [_altered]
    made = draw(st.sampled_from(ways))(draw, whole)
    try:
        document = cbor.encode(made)
    except Refused:  # a number beyond what there is
        document = b""
    return document if document != certificate.to_cbor() else b""


def _altered(draw: st.DrawFn, whole: Any) -> Any:
    path, value = draw(st.sampled_from([each for each in defects._walk(whole) if list(defects._others(each[1]))]))
    return defects._with(whole, path, draw(st.sampled_from(list(defects._others(value))))[1])


def _reordered(draw: st.DrawFn, whole: Any) -> Any:
    epochs = whole["evidence"]["epochs"]
    others = draw(st.lists(st.sampled_from(epochs), min_size=1, max_size=len(epochs) + 1))
    return defects._with(whole, ("evidence", "epochs"), others)


def _exchanged(draw: st.DrawFn, whole: Any) -> Any:
    """A part of one epoch in place of the same part of another."""
    epochs = whole["evidence"]["epochs"]
    name = draw(st.sampled_from(["configuration", "consents", "approvals"]))
    to, of = (draw(st.integers(0, len(epochs) - 1)) for _ in range(2))
    return defects._with(whole, ("evidence", "epochs", to, name), epochs[of][name])
