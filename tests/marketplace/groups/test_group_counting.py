"""What a certified prediction adds to its group's counts: once, in whatever batches and however often told."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from assay.agreement.aggregate import aggregator
from assay.agreement.group import Values
from assay.agreement.votes import Absent, Abstained, Answered, Erred, Withheld
from assay.certificate import parse
from assay.errors import Refused
from marketplace.groups import statistics
from marketplace.groups.counting import STRAY, Counts, OfMember, OfPair, counted
from marketplace.groups.models import GroupCounts
from marketplace.predictions import actions, questions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.groups.deciding import ABSTAINS, ERRS, SILENT, certificate
from tests.marketplace.groups.test_group_predictions import request as asking
from tests.sdk import groups as made

MODEL = bytes(32)


def of(votes, *, rows=1, scale=0, rule="plurality", deadline=None) -> Counts:
    """`votes`: by member, a tuple of one for each row or a word."""
    signers = made.keys()
    changes = {"aggregator": rule, "answer": Values(scale)} if scale else {}
    changes["copy_resistant"] = Withheld() in votes
    evidence = made.evidence(signers)
    said = tuple(Answered(MODEL, each) if isinstance(each, tuple) else each for each in votes)
    configuration = made.configuration(signers, **changes)
    return counted(
        replace(
            evidence,
            epochs=(replace(evidence.epochs[0], configuration=configuration),),
            asked=replace(evidence.asked, rows=rows, deadline=deadline or evidence.asked.deadline),
            ended=replace(evidence.ended, said=said),
        )
    )


def member(counts: Counts, i: int, what: OfMember) -> int:
    return counts.members[i * len(OfMember) + what]


def pair(counts: Counts, first: int, second: int) -> tuple[int, ...]:
    at = list(combinations(range(4), 2)).index((first, second)) * len(OfPair)
    return counts.pairs[at : at + len(OfPair)]


def dissents(counts: Counts) -> list[int]:
    return [member(counts, i, OfMember.DISSENTED) for i in range(4)]


def test_labels_other_than_the_answer_dissent_row_by_row():
    counts = of([(1, 1, 2), (1, 1, 2), (1, 0, 0), (0, 1, 0)], rows=3)  # on the last row there is no answer
    assert (counts.requests, counts.rows, dissents(counts)) == (1, 2, [0, 0, 1, 1])
    assert pair(counts, 2, 3) == (2, 1, 1, 0, 0)
    assert pair(counts, 0, 3) == (2, 0, 1, 0, 0)


def test_the_same_wrong_vote_is_told_from_two_that_are_wrong():
    assert pair(of([(1,), (1,), (0,), (0,)], rows=1), 2, 3) == (0, 0, 0, 0, 0)  # two against two: no answer
    signers = [(1,), (1,), (0,), (2,)]
    assert pair(of(signers), 2, 3) == (1, 1, 1, 1, 0)


@pytest.mark.parametrize(
    ("word", "what"),
    [
        (Abstained(), OfMember.ABSTAINED),
        (Erred(), OfMember.ERRED),
        (Absent(), OfMember.ABSENT),
        (Withheld(), OfMember.WITHHELD),
    ],
)
def test_who_did_not_vote_dissents_from_nothing(word, what):
    counts = of([(1,), (1,), (0,), word])
    assert [member(counts, 3, each) for each in OfMember] == [each == what for each in OfMember]
    assert pair(counts, 2, 3) == (0, 0, 0, 0, 0)
    assert pair(counts, 1, 2) == (1, 0, 1, 0, 0)


def test_where_the_group_said_nothing_words_count_and_rows_do_not():
    failed = of([(1,), (0,), Absent(), Abstained()])
    late = of([(1,), (1,), (0,), (1,)], deadline=made.TIME - 1)
    for counts in (failed, late):
        assert (counts.requests, counts.rows, sum(dissents(counts))) == (1, 0, 0)
    assert [member(failed, i, OfMember.ANSWERED) for i in range(4)] == [1, 1, 0, 0]


@pytest.mark.parametrize("rule", ["median", "trimmed-mean"])
def test_a_number_dissents_beyond_so_many_spreads_of_its_row(rule):
    def last(*votes: int) -> int:
        *others, mine = dissents(of([(vote,) for vote in votes], scale=1000, rule=rule))
        assert others == [0, 0, 0]
        return mine

    assert (last(980, 1000, 1020, 1050), last(980, 1000, 1020, 1200)) == (0, 1)
    assert (last(1000, 1000, 1000, 1000 + STRAY), last(1000, 1000, 1000, 1001 + STRAY)) == (0, 1)  # in steps


def test_numbers_that_stray_do_so_alike_on_one_side():
    assert pair(of([(0,), (0,), (0,), (900,)], scale=1, rule="median"), 2, 3)[OfPair.BOTH] == 0
    both = of([(-900,), (0,), (0,), (900,)], scale=1, rule="median")
    assert dissents(both) == [1, 0, 0, 1]
    assert pair(both, 0, 3) == (1, 1, 1, 1, 0)
    assert pair(of([(900,), (0,), (0,), (800,)], scale=1, rule="median"), 0, 3)[OfPair.ALIKE] == 1


values = st.integers(-30, 30)
words = st.sampled_from([Abstained(), Erred(), Absent(), Withheld()])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_counts_are_what_a_plain_recount_gives(data):
    rule = data.draw(st.sampled_from(["plurality", "median", "trimmed-mean"]))
    rows = data.draw(st.integers(1, 5))
    vote = st.integers(0, 2) if rule == "plurality" else values
    said = data.draw(
        st.lists(st.one_of(words, st.tuples(*[vote] * rows), st.tuples(*[vote] * rows)), min_size=4, max_size=4)
    )
    scale = 0 if rule == "plurality" else 10
    assert of(said, rows=rows, scale=scale, rule=rule) == recounted([(rule, said, rows)])


def recounted(outcomes) -> Counts:
    """The definition, written out once more and as plainly as can be."""
    seen: Counter = Counter()
    for rule, said, rows in outcomes:
        seen["requests"] += 1
        voters = [i for i, each in enumerate(said) if isinstance(each, tuple)]
        for i, each in enumerate(said):
            kinds = {tuple: "ANSWERED", Erred: "ERRED"}
            seen[i, kinds.get(type(each), type(each).__name__.upper())] += 1
        if len(voters) < 3:
            continue
        for row in range(rows):
            votes = {i: said[i][row] for i in voters}
            absent = sum(isinstance(each, Absent | Withheld) for each in said)
            answer = aggregator(rule).decide(list(votes.values()), absent, 1, 0).value
            if answer is None:
                continue
            seen["rows"] += 1
            how = {i: strayed(rule, vote, answer, sorted(votes.values())) for i, vote in votes.items()}
            for i in voters:
                seen[i, "ROWS"] += 1
                seen[i, "DISSENTED"] += bool(how[i])
            for i, j in combinations(voters, 2):
                seen[i, j, "ROWS"] += 1
                seen[i, j, "FIRST"] += bool(how[i])
                seen[i, j, "SECOND"] += bool(how[j])
                seen[i, j, "BOTH"] += bool(how[i] and how[j])
                seen[i, j, "ALIKE"] += bool(how[i] and how[i] == how[j])
    return Counts(
        seen["requests"],
        seen["rows"],
        tuple(seen[i, each.name] for i in range(4) for each in OfMember),
        tuple(seen[i, j, each.name] for i, j in combinations(range(4), 2) for each in OfPair),
    )


def strayed(rule, vote, answer, votes) -> str:
    if rule == "plurality":
        return "" if vote == answer else str(vote)
    distances = sorted(abs(each - answer) for each in votes)
    middle = distances[len(distances) // 2 - (len(distances) % 2 == 0)]
    return "" if abs(vote - answer) <= 5 * max(1, middle) else "above" if vote > answer else "below"


# --- in the database --------------------------------------------------------------------------------------

in_database = pytest.mark.django_db


def asked(person, rows: int = 1) -> Prediction:
    inputs = [answering.a_three() | {"shape": [rows, 64], "data": [3.0] * 64 * rows}]
    return actions.create(person.actor, questions.read(person.actor, Body(**asking(inputs=inputs))))


def ending(owners, prediction, says) -> Change:
    prepared = certificate([each.key for each in owners], prediction, says)
    status = Status(prepared.certificate.statement.outcome)
    error = Refused("too few answered") if status == Status.FAILED else None
    return Change(prediction.pk, status, certificate=prepared, error=error)


def kept(group) -> Counts | None:
    """All days together, from every lane."""
    found = None
    for each in GroupCounts.objects.filter(group=group, day__isnull=True):
        counts = Counts(each.requests, each.rows, tuple(each.members), tuple(each.pairs))
        found = counts if found is None else found + counts
    return found


def stored(group) -> Counts:
    """Recounted from every certificate that predictions of the group ended with."""
    outcomes = []
    for each in Prediction.objects.filter(group=group, certificate__isnull=False).select_related("certificate"):
        evidence = parse(bytes(each.certificate.document)).evidence
        said = [word.votes if isinstance(word, Answered) else word for word in evidence.ended.said]
        outcomes.append((evidence.configuration.aggregator, said, evidence.asked.rows))
    return recounted(outcomes)


@in_database
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_each_certified_prediction_counts_once_however_often_it_is_settled(cast, owners, serving, data):
    word = st.one_of(st.integers(0, 9), st.sampled_from([3, 3, 3, SILENT, ABSTAINS, ERRS]))
    batch = []
    for rows in data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4)):
        prediction = asked(cast.bela, rows)
        says = dict(enumerate(data.draw(st.lists(word, min_size=4, max_size=4))))
        batch += [Change(prediction.pk, Status.DISPATCHED), ending(owners, prediction, says)]
        if data.draw(st.booleans()):
            batch.append(Change(prediction.pk, Status.CANCELLED))  # too late
    split = data.draw(st.integers(0, len(batch)))
    for part in (batch[:split], batch[split:], batch, batch[split:]):  # redelivered, whole and in part
        actions.apply(part)
    assert kept(serving) == stored(serving)


@in_database
def test_what_was_cancelled_before_its_answer_counts_nothing(cast, owners, serving):
    prediction = asked(cast.bela)
    change = ending(owners, prediction, {})
    actions.cancel(prediction)
    actions.apply([Change(prediction.pk, Status.DISPATCHED), change])
    assert kept(serving) is None


@in_database
def test_counts_and_the_end_they_belong_to_are_written_together_or_not_at_all(cast, owners, serving, monkeypatch):
    prediction = asked(cast.bela)
    changes = [Change(prediction.pk, Status.DISPATCHED), ending(owners, prediction, {})]

    def broken(settled):
        raise ConnectionError(list(settled))

    with monkeypatch.context() as patched:
        patched.setattr("marketplace.groups.settling.add", broken)
        with pytest.raises(ConnectionError):
            actions.apply(changes)
    prediction.refresh_from_db()
    assert (prediction.status, kept(serving)) == ("received", None)
    actions.apply(changes)
    assert kept(serving) == stored(serving)


@in_database
def test_a_batch_is_two_statements_for_a_group_whatever_its_length(
    cast, owners, serving, django_assert_num_queries
):
    def batch(count: int) -> list[Change]:
        predictions = [asked(cast.bela) for _ in range(count)]
        changes = [ending(owners, each, {3: 4}) for each in predictions]
        actions.apply([Change(each.pk, Status.DISPATCHED) for each in predictions])
        return changes

    actions.apply(batch(1))  # statements are prepared
    one, many = batch(1), batch(8)
    with django_assert_num_queries(2 + 2 + 2):  # lock and write, the day and the whole, a savepoint
        actions.apply(one)
    with django_assert_num_queries(2 + 2 + 2):
        actions.apply(many)


@in_database
def test_days_are_kept_apart_and_the_last_month_is_added_up(cast, owners, serving):
    from datetime import timedelta

    for ago in (0, 29, 30, 400):
        prediction = asked(cast.bela)
        actions.apply([Change(prediction.pk, Status.DISPATCHED), ending(owners, prediction, {3: 4})])
        latest = GroupCounts.objects.filter(day__isnull=False).order_by("-pk")[:1].get()
        GroupCounts.objects.filter(pk=latest.pk).update(day=latest.day - timedelta(days=ago))
    ever, lately = statistics.windows(serving, list(serving.epochs.all()))
    assert (ever.requests, lately.requests) == (4, 2)
    last = lately.members[3]
    assert (last.owner, last.answered, last.rows, last.dissented) == (owners[3].slug, 2, 2, 2)


# --- what is made of it -----------------------------------------------------------------------------------


def pair_of(rows, first, second, both) -> statistics.PairCounts:
    return statistics.PairCounts("a", "b", rows, first, second, both, both)


@pytest.mark.parametrize(
    ("pair", "ratio"),
    [
        (pair_of(1000, 100, 100, 10), 1.0),
        (pair_of(1000, 100, 50, 20), 4.0),
        (pair_of(1000, 100, 100, 0), 0.0),
        (pair_of(199, 100, 100, 90), None),  # too few rows
        (pair_of(1000, 20, 20, 4), None),  # too few that both strayed on, had or expected
        (pair_of(1000, 20, 20, 5), 12.5),
        (pair_of(100_000, 0, 20, 0), None),
        (pair_of(0, 0, 0, 0), None),
    ],
)
def test_a_pair_is_told_of_only_where_there_is_enough_to_tell(pair, ratio):
    assert pair.ratio == (None if ratio is None else pytest.approx(ratio))
