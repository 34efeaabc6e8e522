"""Evidence against members of a group: what proves guilt, that every field matters, and what proves nothing."""

from __future__ import annotations

import msgspec
import pytest

from assay import cbor, jsonform
from assay.agreement.blame import making
from assay.agreement.blame.evidence import AnyEvidence, parse
from assay.agreement.blame.finding import Audit
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.views import beginning
from assay.agreement.votes import Abstained, Answered, Erred
from assay.errors import AssayError, NotVerified, Refused
from assay.fields import plain
from assay.verify.blame import sentence
from tests.sdk.blaming import Group, named
from tests.sdk.test_agreement_evidence import altered

replace = msgspec.structs.replace
FOUR = Group()
Q, R = range(3), range(1, 4)  # two quorums of four


def double_vote(phase="commit"):
    votes = [FOUR.vote(1, phase, view=2, entry=entry, installed=b"began") for entry in (b"one", b"other")]
    return making.double_vote(FOUR.epochs, *votes)


def contradicting_results():
    one = FOUR.batch(2, (b"r", b"m", Answered(named(b"m"), (1,))), (b"s", b"m", Abstained()))
    other = FOUR.batch(2, (b"q", b"m", Erred()), (b"s", b"m", Answered(named(b"m"), (0,))), (b"t", b"m", Erred()))
    return making.contradicting_results(FOUR.epochs, one, other)


def rewrite(**place):
    one, other = FOUR.commitment(Q), FOUR.commitment(R, FOUR.entry(content=b"b"), **place)
    return making.rewrite(FOUR.epochs, one, other)


def two_moves():
    moves = FOUR.move(1), FOUR.move(1, locks=[FOUR.quorum(Q)])
    return making.two_moves(FOUR.epochs, *moves)


def two_beginnings():
    moves = [FOUR.move(i) for i in range(4)]
    return making.two_beginnings(FOUR.epochs, FOUR.begin(1, *moves[:3]), FOUR.begin(1, *moves[1:]))


def forgotten_commitment():
    """What it did commit to stands at number 7; below and above it, it does have a word."""
    move = FOUR.move(1, 3, head=FOUR.quorum(Q, FOUR.entry(number=6), "commit"), locks=[older(), newer()])
    return making.forgotten_commitment(FOUR.epochs, FOUR.vote(1, view=2, installed=b"began"), move)


def older():
    return FOUR.quorum(Q, view=1, installed=b"before")


def newer():
    return FOUR.quorum(Q, FOUR.entry(number=8), view=2, installed=b"began")


def against_the_view(content=b"b", phase="prepare"):
    """Number 7 follows from number 6 in what the others bring along."""
    six = FOUR.entry(number=6)
    seven = replace(FOUR.entry(), parent=six.digest)
    moves = (
        FOUR.move(0, head=FOUR.quorum(Q, six, "commit")),
        FOUR.move(2, locks=[FOUR.quorum(Q, seven)]),
        FOUR.move(3),
    )
    began = FOUR.begin(1, *moves)
    installed = beginning(FOUR.digest, 0, 1, [each.move.digest for each in moves])
    entry = seven.digest if content is None else FOUR.entry(content=content).digest
    vote = FOUR.vote(1, phase, view=1, entry=entry, installed=installed)
    return making.against_the_view(FOUR.epochs, vote, began)


def wrong_outcome():
    return making.wrong_outcome(FOUR.certified(Q, "contested"))


KINDS = {
    "two-prepares": (double_vote("prepare"), ["owner1"]),
    "two-commits": (double_vote(), ["owner1"]),
    "two-results": (contradicting_results(), ["owner2"]),
    "rewrite": (rewrite(), ["owner1", "owner2"]),
    "rewrite-over-views": (rewrite(view=1), []),
    "two-moves": (two_moves(), ["owner1"]),
    "two-beginnings": (two_beginnings(), ["owner1"]),
    "forgotten-commitment": (forgotten_commitment(), ["owner1"]),
    "prepared-against-the-view": (against_the_view(), ["owner1"]),
    "committed-against-the-view": (against_the_view(phase="commit"), ["owner1"]),
    "wrong-outcome": (wrong_outcome(), ["owner0", "owner1", "owner2"]),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


@every_kind
def test_it_names_the_guilty_and_survives_both_encodings(kind):
    evidence, owners = KINDS[kind]
    for document in (evidence.to_cbor(), evidence.to_json().encode()):
        assert parse(document) == evidence
    guilty = require_guilt(evidence, FOUR.digest)
    assert [each.owner for each in guilty] == owners
    assert [each.key.raw for each in guilty] == list(evidence.accused)
    assert all(each.key == FOUR.keys[each.member].public for each in guilty)


@pytest.mark.parametrize(
    ("kind", "path", "changed"),
    [(kind, path, changed) for kind in KINDS for path, changed in altered(plain(KINDS[kind][0]))],
    ids=lambda each: (
        "/".join(map(str, each)) if isinstance(each, tuple) else str(each) if isinstance(each, str) else ""
    ),
)
def test_no_field_can_be_altered(kind, path, changed):
    with pytest.raises(AssayError):
        require_guilt(parse(cbor.encode(changed)), FOUR.digest)


@every_kind
def test_no_field_can_be_left_out_or_added(kind):
    whole = plain(KINDS[kind][0])
    for name in whole:
        with pytest.raises(Refused):
            parse(cbor.encode({key: value for key, value in whole.items() if key != name}))
    with pytest.raises(Refused):
        parse(cbor.encode(whole | {"more": 1}))


@every_kind
def test_it_is_about_the_group_that_is_pinned(kind):
    with pytest.raises(NotVerified) as refusal:
        require_guilt(KINDS[kind][0], Group(slug="others").digest)
    assert refusal.value.code == "not-pinned"


@every_kind
def test_nobody_else_can_be_added_or_left_out(kind):
    evidence, _ = KINDS[kind]
    keys = [key.public.raw for key in FOUR.keys]
    for accused in ((), tuple(keys[:1]), (*evidence.accused, keys[3]), tuple(evidence.accused[:-1])):
        if accused != evidence.accused:
            with pytest.raises(AssayError):
                require_guilt(replace(evidence, accused=accused), FOUR.digest)


@every_kind
def test_two_sides_have_one_order(kind):
    evidence, _ = KINDS[kind]
    for name in ("votes", "results", "commitments", "beginnings", "moves"):
        if hasattr(evidence, name) and evidence.kind != "against-the-view":
            turned = replace(evidence, **{name: getattr(evidence, name)[::-1]})
            with pytest.raises(NotVerified) as refusal:
                require_guilt(turned, FOUR.digest)
            assert refusal.value.code == "not-canonical"


@every_kind
def test_it_is_told_in_one_sentence_that_names_the_owner(kind):
    evidence, owners = KINDS[kind]
    told = sentence(evidence)
    assert [owner for owner in owners if owner not in told] == []
    assert told.endswith(f"in epoch 0 of group {FOUR.slug}")


# --- what proves nothing ----------------------------------------------------------------------------------


def test_the_same_vote_twice_is_no_evidence_even_with_two_signatures():
    evidence = double_vote()
    same = replace(evidence, votes=(evidence.votes[0], evidence.votes[0]))
    with pytest.raises(NotVerified) as refusal:
        require_guilt(same, FOUR.digest)
    assert refusal.value.code == "proves-nothing"


@pytest.mark.parametrize(
    "other",
    [
        {"view": 3},
        {"number": 8},
        {"phase": "prepare"},
        {"member": 2},
        {},
    ],
    ids=str,
)
def test_votes_elsewhere_make_no_double_vote(other):
    one = FOUR.vote(1)
    entry = b"b" if other else b"a"
    assert making.double_vote(FOUR.epochs, one, FOUR.vote(**{"member": 1, "entry": entry} | other)) is None


def test_a_vote_under_another_new_view_is_a_second_vote():
    votes = FOUR.vote(1, view=2, installed=b"one"), FOUR.vote(1, view=2, installed=b"other")
    evidence = making.double_vote(FOUR.epochs, *votes)
    assert [each.owner for each in require_guilt(evidence, FOUR.digest)] == ["owner1"]


def test_another_model_another_request_or_the_same_word_is_no_contradiction():
    said = Answered(named(b"m"), (1,))
    one = FOUR.batch(1, (b"r", b"m", said))
    for other in ((b"r", b"n", Erred()), (b"s", b"m", Erred()), (b"r", b"m", said)):
        assert making.contradicting_results(FOUR.epochs, one, FOUR.batch(1, other)) is None
    assert making.contradicting_results(FOUR.epochs, one, FOUR.batch(2, (b"r", b"m", Erred()))) is None


def test_two_words_in_one_batch_are_a_contradiction():
    batch = FOUR.batch(1, (b"r", b"m", Erred()), (b"s", b"m", Erred()), (b"r", b"m", Abstained()))
    evidence = making.contradicting_results(FOUR.epochs, batch, batch)
    assert [each.owner for each in require_guilt(evidence, FOUR.digest)] == ["owner1"]


def test_entries_at_two_numbers_are_no_rewrite():
    one, other = FOUR.commitment(Q), FOUR.commitment(R, FOUR.entry(number=8))
    assert making.rewrite(FOUR.epochs, one, other) is None
    forced = replace(rewrite(), commitments=tuple(sorted((one, other), key=lambda each: each.entry.digest)))
    with pytest.raises(NotVerified) as refusal:
        require_guilt(forced, FOUR.digest)
    assert refusal.value.code == "proves-nothing"


def test_an_entry_that_a_later_view_takes_over_is_no_rewrite():
    assert making.rewrite(FOUR.epochs, FOUR.commitment(Q), FOUR.commitment(R, view=1, installed=b"n")) is None


@pytest.mark.parametrize(
    "certified",
    [
        FOUR.certified(Q),
        FOUR.certified(Q, "failed", deadline=0),
        FOUR.certified(Q, "contested", votes=(0, 0, 1, 1)),
    ],
    ids=["certified", "past its deadline", "contested"],
)
def test_a_right_outcome_is_no_evidence(certified):
    assert making.wrong_outcome(certified) is None
    forced = replace(wrong_outcome(), **{n: getattr(certified, n) for n in ("asked", "ended", "index", "path")})
    forced = replace(forced, committed=making.commitment(certified))
    with pytest.raises(NotVerified) as refusal:
        require_guilt(forced, FOUR.digest)
    assert refusal.value.code == "proves-nothing"


@pytest.mark.parametrize(
    "certified",
    [
        FOUR.certified(Q, "failed"),
        FOUR.certified(Q, "certified", deadline=0),
        FOUR.certified(Q, "certified", votes=(0, 0, 1, 1)),
        FOUR.certified(Q, "certified", votes=(1, 1, 1, 9)),
        FOUR.certified(Q, "failed", votes=(1, 1, 1, 9), deadline=0),
        FOUR.certified(Q, words=5),
    ],
    ids=[
        *("not failed", "past its deadline", "contested", "a vote for nothing", "a vote for nothing, too late"),
        "a word too many",
    ],
)
def test_who_commits_to_a_miscount_is_guilty(certified):
    evidence = making.wrong_outcome(certified)
    assert [each.member for each in require_guilt(evidence, FOUR.digest)] == [0, 1, 2]


@pytest.mark.parametrize(
    "move",
    [
        FOUR.move(1, 3, head=FOUR.quorum(Q, phase="commit")),
        FOUR.move(1, 3, head=FOUR.quorum(Q, FOUR.entry(number=9), "commit")),
        FOUR.move(1, 3, locks=[FOUR.quorum(Q, view=2)]),
        FOUR.move(1, 5, locks=[FOUR.quorum(Q, FOUR.entry(content=b"b"), view=4)]),
        FOUR.move(1, 2),
        FOUR.move(1, 1),
    ],
    ids=["executed", "executed beyond", "its prepares", "newer prepares", "the same view", "before it committed"],
)
def test_a_move_that_answers_for_a_commitment_is_no_evidence(move):
    vote = FOUR.vote(1, view=2, installed=b"began")
    assert making.forgotten_commitment(FOUR.epochs, vote, move) is None
    moved = replace(
        forgotten_commitment().move, head=move.move.head, locks=move.move.locks, signature=move.signature
    )
    with pytest.raises(NotVerified) as refusal:
        require_guilt(replace(forgotten_commitment(), later=move.move.view, move=moved), FOUR.digest)
    assert refusal.value.code == "proves-nothing"


def test_what_the_view_takes_over_is_voted_for_rightly_and_beyond_it_all_is_open():
    assert against_the_view(content=None) is None
    evidence = against_the_view()
    for changes in ({"entry": replace(FOUR.entry(), parent=FOUR.entry(number=6).digest).digest}, {"number": 8}):
        place = {"number": evidence.number, "entry": evidence.entry} | changes
        installed = beginning(FOUR.digest, 0, 1, [each.digest for each in evidence.moves])
        vote = FOUR.vote(1, "prepare", view=1, installed=installed, **place)
        with pytest.raises(NotVerified) as refusal:
            require_guilt(replace(evidence, signature=vote.signature, **place), FOUR.digest)
        assert refusal.value.code == "proves-nothing"


# --- everything there is to find --------------------------------------------------------------------------


@pytest.mark.parametrize("n", [4, 7, 10])
def test_whoever_rewrites_the_log_in_one_view_is_named_and_they_are_f_plus_one_at_least(n):
    group, quorum, f = Group(n), 2 * (n - 1) // 3 + 1, (n - 1) // 3
    audit = Audit(group.epochs)
    audit.committed(group.commitment(range(quorum)))
    audit.committed(group.commitment(range(n - quorum, n), group.entry(content=b"b")))
    [found] = audit.evidence()
    assert len(require_guilt(found, group.digest)) == f + 1


def test_the_signatures_of_several_certificates_come_together():
    """Nobody gets away because the two certificates that a buyer has do not both carry his name."""
    audit = Audit(FOUR.epochs)
    other = FOUR.entry(content=b"b")
    for committed in (
        FOUR.commitment(Q),
        FOUR.commitment(R),
        FOUR.commitment(Q, other),
        FOUR.commitment(R, other),
    ):
        audit.committed(committed)
    [found] = audit.evidence()
    assert [each.member for each in require_guilt(found, FOUR.digest)] == [0, 1, 2, 3]


def test_a_third_entry_is_held_against_those_who_committed_to_it():
    audit = Audit(FOUR.epochs)
    for name in (b"a", b"b", b"c"):
        audit.committed(FOUR.commitment(Q, FOUR.entry(content=name)))
    found = audit.evidence()
    assert [each.kind for each in found] == ["rewrite", "rewrite"]


def test_a_fork_over_views_is_found_and_names_nobody():
    audit = Audit(FOUR.epochs)
    audit.committed(FOUR.commitment(Q))
    audit.committed(FOUR.commitment(R, FOUR.entry(content=b"b"), view=1))
    [found] = audit.evidence()
    assert require_guilt(found, FOUR.digest) == ()
    assert sentence(found).startswith("more than 1 members, whom this does not name")


def test_everything_is_found_once_and_nothing_is_made_of_what_nobody_signed():
    audit = Audit(FOUR.epochs)
    for _ in range(2):
        for vote in (
            FOUR.vote(1, "prepare"),
            FOUR.vote(1, "prepare", entry=b"b"),
            FOUR.vote(1, "prepare", entry=b"c"),
        ):
            audit.vote(vote)
        for word in (Erred(), Abstained(), Answered(named(b"m"), (1,))):
            audit.results(FOUR.batch(3, (b"r", b"m", word)))
        audit.certified(FOUR.certified(Q, "failed"))
        audit.certified(FOUR.certified(Q, number=9))
    audit.vote(replace(FOUR.vote(2, "prepare"), entry=named(b"forged")))
    audit.vote(replace(FOUR.vote(2, "prepare"), member=9))
    audit.results(replace(FOUR.batch(2, (b"r", b"m", Erred())), member=0))
    found = audit.evidence()
    assert sorted(each.kind for each in found) == ["contradicting-results", "double-vote", "wrong-outcome"]
    assert audit.unproven == 3
    for each in found:
        require_guilt(each, FOUR.digest)


def test_a_members_vote_beside_two_quorums_is_not_forgotten():
    audit = Audit(FOUR.epochs)
    audit.committed(FOUR.commitment(Q))
    audit.committed(FOUR.commitment(R, FOUR.entry(content=b"b")))
    audit.vote(FOUR.vote(3, entry=b"third"))
    found = audit.evidence()
    assert [(each.kind, len(each.accused)) for each in found] == [("rewrite", 2), ("double-vote", 1)]


def test_evidence_that_is_parsed_is_one_of_the_kinds():
    with pytest.raises(Refused):
        parse(cbor.encode(plain(double_vote()) | {"kind": "rumour"}))
    with pytest.raises(Refused):
        jsonform.from_json(b'{"kind":"rumour"}', AnyEvidence)


def test_what_a_change_of_view_shows_is_found():
    """Two forget what they committed to, one begins the view twice, one does not vote for what is carried."""
    audit = Audit(FOUR.epochs)
    first = FOUR.entry(number=1)
    first = replace(first, parent=FOUR.digest)
    moves = [FOUR.move(0), FOUR.move(2, locks=[FOUR.quorum(Q, first)]), FOUR.move(3)]
    begun = FOUR.begin(1, *moves), FOUR.begin(1, *moves, FOUR.move(1))
    audit.committed(FOUR.commitment((0, 1, 2), first))
    for each in begun:
        audit.began(each)
    installed = beginning(FOUR.digest, 0, 1, [each.move.digest for each in moves])
    audit.vote(FOUR.vote(3, "prepare", view=1, number=1, entry=b"other", installed=installed))
    audit.moved(FOUR.move(3, locks=[FOUR.quorum(Q, first)]))
    audit.moved(replace(moves[0], signature=moves[1].signature))
    found = {
        (each.kind, *(guilty.member for guilty in require_guilt(each, FOUR.digest))) for each in audit.evidence()
    }
    assert found == {
        ("forgotten-commitment", 0),
        ("forgotten-commitment", 1),
        ("two-beginnings", 1),
        ("against-the-view", 3),
        ("two-moves", 3),
    }
    assert audit.unproven == 1


@pytest.mark.parametrize("n", [4, 7, 10])
def test_a_rewrite_over_views_names_f_plus_one_by_what_they_said_when_they_moved(n):
    """Whoever committed and brought the next view about without a word on it; or all who voted against it."""
    group, f = Group(n), (n - 1) // 3
    entry = replace(group.entry(number=1), parent=group.digest)
    other = replace(entry, content=named(b"b"))
    quorum, late = range(2 * f + 1), range(f, n)
    for locks in ((), (group.quorum(quorum, entry),)):
        audit = Audit(group.epochs)
        audit.committed(group.commitment(quorum, entry))
        moves = [group.move(i, locks=locks if i in quorum else ()) for i in late]
        audit.began(group.begin(1, *moves))
        installed = beginning(group.digest, 0, 1, [each.move.digest for each in moves])
        audit.committed(group.commitment(late, other, 1, installed))
        found = audit.evidence()
        assert [each.kind for each in found if not each.accused] == ["rewrite"]
        guilty = {each.member for one in found for each in require_guilt(one, group.digest)}
        assert guilty == (set(late) if locks else set(late) & set(quorum))
        assert len(guilty) >= f + 1
