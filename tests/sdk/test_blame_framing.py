"""N - 1 liars try to frame the one honest member with everything that it has signed and all that they can sign.

The honest member keeps its word: one vote in each phase for each (view, number), one result for each (request,
model), no vote for a miscount; in two groups and two epochs. The liars take its signatures apart and put them
together in every way. The same liars do convict it once it breaks its word, so the test can fail.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, product

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.agreement.blame import making
from assay.agreement.blame.evidence import (
    FORMAT,
    AnyEvidence,
    Cast,
    Commitment,
    ContradictingResults,
    DoubleVote,
    Rewrite,
)
from assay.agreement.blame.finding import Audit
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.blame.transcript import Batch, Vote
from assay.agreement.entry import Ended, Entry
from assay.agreement.group import Signed
from assay.agreement.votes import Absent, Abstained, Answered, Erred
from assay.errors import AssayError
from tests.sdk.blaming import Group, named

replace = msgspec.structs.replace

GROUP, ELSEWHERE = Group(), Group(slug="elsewhere")
HONEST, LIARS = 1, (0, 2, 3)
KEY = GROUP.keys[HONEST].public.raw
MODELS = (b"m", b"n")
WORDS = (Answered(named(b"m"), (1,)), Answered(named(b"m"), (2,)), Abstained(), Erred())
RIGHT = {
    (epoch, number, content): GROUP.certified(LIARS, number=number, content=content, epoch=epoch)
    for epoch in (0, 1)
    for number in (7, 8)
    for content in (b"a", b"b")
}
ENTRIES = {each.entry.digest: each for each in RIGHT.values()}

places = st.tuples(
    st.sampled_from((GROUP, ELSEWHERE)),
    st.sampled_from((0, 1)),  # epoch
    st.sampled_from(("prepare", "commit")),
    st.integers(0, 2),  # view
    st.sampled_from((7, 8)),
)
choices = st.tuples(st.sampled_from((b"", b"one", b"other")), st.sampled_from((b"a", b"b")))  # installed, content
subjects = st.tuples(
    st.sampled_from((GROUP, ELSEWHERE)),
    st.sampled_from((0, 1)),
    st.sampled_from((b"r", b"s")),
    st.sampled_from(MODELS),
)


@dataclass
class Signatures:
    """All that the honest member has signed."""

    votes: list[Vote]
    batches: list[Batch]


def sign(votes: dict, results: dict) -> Signatures:
    """Keeps its word where each place and each subject has one choice."""
    batches = {}
    for (group, epoch, request, model), word in results.items():
        batches.setdefault((group, epoch), []).append((request, model, word))
    return Signatures(
        [
            group.vote(HONEST, phase, view, number, RIGHT[epoch, number, content].entry.digest, installed, epoch)
            for (group, epoch, phase, view, number), (installed, content) in votes.items()
        ],
        [group.batch(HONEST, *said, epoch=epoch) for (group, epoch), said in batches.items()],
    )


histories = st.builds(
    sign,
    st.dictionaries(places, choices, min_size=1, max_size=8),
    st.dictionaries(subjects, st.sampled_from(WORDS), min_size=1, max_size=6),
)


# --- what the liars do ------------------------------------------------------------------------------------


def every_attempt(signed: Signatures) -> Iterator[AnyEvidence]:
    yield from two_votes(signed)
    yield from two_results(signed)
    yield from rewrites(signed)
    yield from miscounts(signed)
    yield from audited(signed)


def two_votes(signed: Signatures) -> Iterator[AnyEvidence]:
    """Any two of its votes, as votes in either phase at either place; and one of them beside a liar's."""
    by_liars = [GROUP.vote(LIARS[0], "commit", view, 7, b"theirs") for view in (0, 1)]
    for one, other in product(signed.votes, [*signed.votes, *by_liars]):
        for phase, at in product(("prepare", "commit"), (one, other)):
            casts = sorted(
                (Cast(each.installed, each.entry, each.signature) for each in (one, other)),
                key=lambda each: (each.installed, each.entry),
            )
            yield DoubleVote(FORMAT, GROUP.epochs, (KEY,), phase, at.view, at.number, tuple(casts))
            moved = Cast(casts[1].installed, casts[0].entry, casts[1].signature)
            yield DoubleVote(FORMAT, GROUP.epochs, (KEY,), phase, at.view, at.number, (casts[0], moved))


def two_results(signed: Signatures) -> Iterator[AnyEvidence]:
    """Any two of its results, in whichever batch, under either name; and the word of one at the other's place."""
    found = [(batch, i) for batch in signed.batches for i in range(len(batch.results))]
    for (one, i), (other, j) in product(found, found):
        for blamedas in (one.results[i], other.results[j]):
            results = tuple(
                replace(each, request=blamedas.request, model=blamedas.model) for each in other.results
            )
            yield from told(one, i, replace(other, results=results), j)
            yield from told(one, i, replace(other, results=(*other.results[:j], one.results[i])), j)


def told(one: Batch, i: int, other: Batch, j: int) -> Iterator[ContradictingResults]:
    result = one.results[i]
    same = (making.told(one, i), making.told(other, j))
    yield ContradictingResults(FORMAT, GROUP.epochs, (KEY,), result.request, result.model, same)
    found = making.contradiction(GROUP.epochs, (one, i), (other, j))
    if found is not None:
        yield found
        first, then = found.results
        yield replace(found, results=(first, replace(first, said=then.said)))
        yield replace(found, results=(replace(then, said=first.said), then))


def rewrites(signed: Signatures) -> Iterator[AnyEvidence]:
    """The liars are a quorum: they commit to whatever it has voted for, and to another entry beside it."""
    everybody = tuple(key.public.raw for key in GROUP.keys)
    sides = [committed for vote in signed.votes for committed in theirs(vote)]
    for one, other in product(sides, sides):
        pair = tuple(sorted((one, other), key=lambda each: each.entry.digest))
        for accused in (everybody, (KEY,)):
            yield Rewrite(FORMAT, GROUP.epochs, accused, pair)


def theirs(vote: Vote) -> Iterator[Commitment]:
    """With its vote among theirs, for what it is for and for another content."""
    entry = ENTRIES[vote.entry].entry
    for chosen in (entry, RIGHT[entry.epoch, entry.number, b"b"].entry):
        committed = GROUP.commitment(LIARS, chosen, vote.view)
        yield with_vote(committed, vote)
        committed = Commitment(chosen, vote.view, vote.installed, as_installed(chosen, vote))
        yield with_vote(committed, vote)


def as_installed(entry: Entry, vote: Vote) -> tuple[Signed, ...]:
    names = {named(name): name for name in (b"one", b"other")}
    return GROUP.commitment(LIARS, entry, vote.view, names.get(vote.installed, b"")).commits


def with_vote(commitment: Commitment, vote: Vote) -> Commitment:
    commits = (*commitment.commits, Signed(HONEST, vote.signature))
    return replace(commitment, commits=tuple(sorted(commits, key=lambda each: each.member)))


def miscounts(signed: Signatures) -> Iterator[AnyEvidence]:
    """What it has rightly committed to, with other words, other questions and other places in the tree; and a
    miscount of their own with its signature among theirs.
    """
    for vote in signed.votes:
        right = ENTRIES[vote.entry]
        committed = with_vote(
            Commitment(right.entry, vote.view, vote.installed, as_installed(right.entry, vote)), vote
        )
        certified = replace(right, view=vote.view, installed=vote.installed, commits=committed.commits)
        absent = (Absent(), *right.ended.said[1:])
        for changes in (
            {},
            {"ended": Ended(right.ended.request, "failed", right.ended.said)},
            {"ended": Ended(right.ended.request, "contested", absent)},
            {"asked": replace(right.asked, least=4)},
            {"asked": replace(right.asked, deadline=0)},
            {"asked": replace(right.asked, rows=2)},
            {"index": 1},
            {"path": ()},
            {"entry": replace(right.entry, time=right.asked.deadline + 1)},
            {"entry": replace(right.entry, count=1), "path": ()},
        ):
            changed = replace(certified, **changes)
            yield making.wrong_outcome(changed) or forced(changed)
        own = GROUP.certified(LIARS, "failed", number=vote.number)
        yield forced(replace(own, commits=with_vote(making.commitment(own), vote).commits))


def forced(certified) -> AnyEvidence:
    template = making.wrong_outcome(GROUP.certified(LIARS, "failed"))
    return replace(
        template,
        accused=tuple(GROUP.keys[each.member].public.raw for each in certified.commits),
        committed=making.commitment(certified),
        **{name: getattr(certified, name) for name in ("asked", "ended", "index", "path")},
    )


def audited(signed: Signatures) -> Iterator[AnyEvidence]:
    """Everything in one heap, with the liars' own contradictions at each of its places."""
    audit = Audit(GROUP.epochs)
    for vote in signed.votes:
        audit.vote(vote)
        for liar, other in product(LIARS, (b"theirs", vote.entry)):
            audit.vote(GROUP.vote(liar, vote.phase, vote.view, vote.number, other, b"other"))
            audit.vote(replace(GROUP.vote(liar, vote.phase, vote.view, vote.number, other), member=HONEST))
        audit.certified(replace(ENTRIES[vote.entry], commits=(Signed(HONEST, vote.signature),)))
    for batch in signed.batches:
        audit.results(batch)
        for liar in LIARS:
            audit.results(GROUP.batch(liar, (b"r", b"m", Erred())))
            audit.results(replace(GROUP.batch(liar, (b"r", b"m", Abstained())), member=HONEST))
    for certified in (*RIGHT.values(), GROUP.certified(LIARS, "failed")):
        audit.certified(certified)
    yield from audit.evidence()


def convicts(evidence: AnyEvidence) -> bool:
    """Whether it stands and names the honest member."""
    try:
        guilty = require_guilt(evidence, GROUP.digest)
    except AssayError:
        return False
    return KEY in [each.key.raw for each in guilty]


@settings(max_examples=40)
@given(histories)
def test_no_set_of_liars_frames_an_honest_member(signed):
    for evidence in every_attempt(signed):
        assert not convicts(evidence), evidence


# --- the test can fail ------------------------------------------------------------------------------------


def voted(phase="commit", content=b"b", **changes) -> list[Vote]:
    place = {"phase": phase, "view": 1, "number": 7, "epoch": 0}
    other = place | changes
    entry = RIGHT[other["epoch"], other["number"], content].entry.digest
    return [
        GROUP.vote(HONEST, entry=RIGHT[0, 7, b"a"].entry.digest, **place),
        GROUP.vote(HONEST, **{"entry": entry} | other),
    ]


def spoken(*batches: tuple) -> list[Batch]:
    return [GROUP.batch(HONEST, *batch) for batch in batches]


R = (b"r", b"m", WORDS[0])

BROKEN = {
    "two prepares": Signatures(voted("prepare"), []),
    "two commits": Signatures(voted(), []),
    "two new views": Signatures(voted(content=b"a", installed=b"one"), []),
    "two results": Signatures([], spoken([R], [(b"r", b"m", WORDS[1])])),
    "two results in one batch": Signatures([], spoken([R, (b"r", b"m", Erred())])),
    "an abstention and an answer": Signatures([], spoken([R], [(b"s", b"m", Erred()), (b"r", b"m", Abstained())])),
}


@pytest.mark.parametrize("signed", BROKEN.values(), ids=BROKEN)
def test_the_same_liars_convict_it_once_it_has_broken_its_word(signed):
    assert any(map(convicts, every_attempt(signed)))


KEPT = {
    "other views": Signatures(voted(view=2), []),
    "other numbers": Signatures(voted(number=8), []),
    "other epochs": Signatures(voted(epoch=1), []),
    "other phases": Signatures([*voted("prepare")[:1], *voted()[1:]], []),
    "the same again": Signatures(voted()[:1] * 2, []),
    "other models": Signatures([], spoken([R, (b"r", b"n", Erred())])),
    "other requests": Signatures([], spoken([R, (b"s", b"m", Erred())])),
    "other groups": Signatures([], [*spoken([R]), ELSEWHERE.batch(HONEST, (b"r", b"m", Erred()))]),
    "results of other epochs": Signatures([], [*spoken([R]), GROUP.batch(HONEST, (b"r", b"m", Erred()), epoch=1)]),
}


@pytest.mark.parametrize("signed", KEPT.values(), ids=KEPT)
def test_what_looks_like_it_and_is_not_convicts_nobody(signed):
    assert not any(map(convicts, every_attempt(signed)))


# --- and none of the guilty gets away ---------------------------------------------------------------------

GROUPS = {n: Group(n) for n in (4, 7, 10)}


@st.composite
def rewritten(draw):
    """Two quorums, and the certificates over which their signatures are spread."""
    n = draw(st.sampled_from(list(GROUPS)))
    quorum = 2 * ((n - 1) // 3) + 1
    sides = [draw(st.sets(st.sampled_from(range(n)), min_size=quorum)) for _ in range(2)]
    return GROUPS[n], [sorted(side) for side in sides], draw(st.booleans())


@settings(max_examples=60)
@given(rewritten())
def test_a_rewrite_by_any_two_quorums_names_all_who_signed_both_and_nobody_else(case):
    group, sides, whole = case
    audit, quorum = Audit(group.epochs), group.configuration.quorum
    for side, content in zip(sides, (b"a", b"b"), strict=True):
        for signers in [side] if whole else combinations(side, quorum) if len(side) <= quorum + 1 else [side]:
            audit.committed(group.commitment(signers, group.entry(content=content)))
    blamed = {each.member for found in audit.evidence() for each in require_guilt(found, group.digest)}
    assert blamed == set(sides[0]) & set(sides[1])
    assert len(blamed) >= group.configuration.f + 1


def test_a_rewrite_is_one_piece_of_evidence_of_its_own():
    for group in GROUPS.values():
        audit = Audit(group.epochs)
        quorum, n = group.configuration.quorum, group.n
        audit.committed(group.commitment(range(quorum)))
        audit.committed(group.commitment(range(n - quorum, n), group.entry(content=b"b")))
        [found] = audit.evidence()
        assert isinstance(found, Rewrite)
