"""Who answers otherwise than the group on most of its last rows is marked, until it does so no more."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from assay.agreement.group import Values
from assay.agreement.votes import Absent, Abstained, Answered
from assay.errors import Refused
from marketplace.accounts import audit
from marketplace.accounts.access import for_user
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue.health import check_nodes
from marketplace.groups import actions as groups
from marketplace.groups import dissent
from marketplace.groups.counting import OfMember, counted, dissented
from marketplace.groups.dissent import AT_ONCE, ENDS, LEAST, LOOKED_AT, ROWS
from marketplace.groups.models import Dissent, Group, Member
from marketplace.predictions import actions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from tests.marketplace import people
from tests.marketplace.groups import founded, succeeding
from tests.marketplace.groups.deciding import ABSTAINS, SILENT
from tests.marketplace.groups.test_group_counting import asked, ending
from tests.marketplace.groups.test_group_races import at_once
from tests.sdk import groups as made

in_database = pytest.mark.django_db
ONE = f"/api/v1/groups/{founded.SLUG}"
OTHERWISE = {3: 4}  # the last member says four where the others say three


@pytest.fixture(autouse=True)
def restarted(monkeypatch):
    """A process that remembers nothing yet."""
    monkeypatch.setattr(dissent, "_remembered", {})


@pytest.fixture
def settle(cast, owners, serving):
    """Has the group answer so many rows, in one prediction, in which the members say this."""

    def end(rows: int, says=None) -> Prediction:
        prediction = asked(cast.bela, rows)
        actions.apply([Change(prediction.pk, Status.DISPATCHED), ending(owners, prediction, says or {})])
        return prediction

    return end


def marks() -> list[tuple[str, int, int]]:
    dissent.check()
    found = Dissent.objects.order_by("member__position").select_related("member__organisation")
    return [(each.member.organisation.slug, each.dissented, each.rows) for each in found]


def told() -> list[tuple[str, str]]:
    found = AuditEntry.objects.filter(action__in=("group.dissents", "group.agrees")).order_by("pk")
    return list(found.values_list("action", "subject"))


# --- what is weighed --------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_row_dissents_by_the_same_rule_as_in_the_counts(data):
    rule = data.draw(st.sampled_from(["plurality", "median", "trimmed-mean"]))
    rows = data.draw(st.integers(1, 5))
    vote = st.tuples(*[st.integers(0, 2) if rule == "plurality" else st.integers(-30, 30)] * rows)
    words = st.one_of(vote.map(lambda votes: Answered(bytes(32), votes)), st.sampled_from([Absent(), Abstained()]))
    said = tuple(data.draw(st.lists(words, min_size=4, max_size=4)))
    signers = made.keys()
    changes = {} if rule == "plurality" else {"aggregator": rule, "answer": Values(10)}
    evidence = made.evidence(signers)
    evidence = replace(
        evidence,
        epochs=(replace(evidence.epochs[0], configuration=made.configuration(signers, **changes)),),
        asked=replace(evidence.asked, rows=rows),
        ended=replace(evidence.ended, said=said),
    )
    counts = counted(evidence).members
    for i, each in enumerate(dissented(evidence)):
        of = counts[i * len(OfMember) :]
        assert (len(each), sum(each)) == (of[OfMember.ROWS], of[OfMember.DISSENTED])


@in_database
def test_who_dissents_on_most_of_enough_rows_is_marked(settle, owners):
    settle(LEAST - 1, OTHERWISE)
    assert marks() == []
    settle(1, OTHERWISE)
    assert marks() == [(owners[3].slug, LEAST, LEAST)]


@in_database
def test_half_of_the_rows_is_not_most(settle, owners):
    settle(LEAST, OTHERWISE)
    settle(LEAST)
    assert marks() == []
    settle(1, OTHERWISE)
    assert marks() == [(owners[3].slug, LEAST + 1, 2 * LEAST + 1)]


@in_database
def test_only_the_last_rows_count(settle):
    settle(ROWS, OTHERWISE)
    settle(ROWS - 30)
    assert marks() == []  # 30 of the last 100
    settle(ROWS // 2, OTHERWISE)
    assert marks() == []
    settle(1, OTHERWISE)
    assert [each[1:] for each in marks()] == [(ROWS // 2 + 1, ROWS)]


@in_database
def test_rows_on_which_it_did_not_vote_or_the_group_has_no_answer_say_nothing(settle, owners):
    for says in ({3: SILENT}, {3: ABSTAINS}, {2: 4, 3: 5, 1: 6}, {2: 4, 3: 4}):
        settle(LEAST, says)
    assert marks() == []
    settle(LEAST, OTHERWISE)
    assert marks() == [(owners[3].slug, LEAST, LEAST)]


@in_database
def test_who_is_silent_since_is_judged_by_what_it_said_as_long_as_that_is_looked_at(settle, monkeypatch):
    monkeypatch.setattr(dissent, "LOOKED_AT", 2)
    settle(LEAST, OTHERWISE)
    settle(ROWS, {3: SILENT})
    assert [each[1:] for each in marks()] == [(LEAST, LEAST)]
    settle(1, {3: SILENT})
    assert marks() == []


# --- told, and over ---------------------------------------------------------------------------------------


@in_database
def test_every_members_owner_is_told_once_and_once_that_it_is_over(settle, owners):
    settle(47, OTHERWISE)
    settle(3)
    assert marks() == [(owners[3].slug, 47, 50)]
    said = f"digits-four: {owners[3].slug} answers otherwise than the group on 47 of the last 50 rows"
    assert told() == [("group.dissents", said)] * 4
    whom = AuditEntry.objects.filter(action="group.dissents").values_list("organisation__slug", flat=True)
    assert sorted(whom) == sorted(each.slug for each in owners)
    settle(10, OTHERWISE)
    assert marks() == [(owners[3].slug, 57, 60)]
    settle(85)
    assert marks() == []
    assert told()[4:] == [("group.agrees", f"digits-four: {owners[3].slug}")] * 4
    marks()
    assert len(told()) == 8
    settle(ROWS, OTHERWISE)
    assert marks() == [(owners[3].slug, ROWS, ROWS)]
    assert [action for action, _ in told()[8:]] == ["group.dissents"] * 4


@in_database
def test_who_errs_on_about_half_is_not_told_of_again_and_again(settle):
    settle(52, OTHERWISE)
    settle(48)
    assert [each[1] for each in marks()] == [52]
    for dissents in (47, 42):
        settle(5)
        assert [each[1] for each in marks()] == [dissents]
        settle(5, OTHERWISE)
        assert [each[1] for each in marks()] == [dissents]
    assert len(told()) == 4
    settle(42 - int(ENDS * ROWS))
    assert marks() == []


@in_database
def test_another_model_begins_anew(settle, client, owners, serving):
    settle(LEAST, OTHERWISE)
    marks()
    better = founded.deployed(owners[3].person, owners[3].node, b"\x70" * 32)
    Member.objects.filter(group=serving, position=3).update(version=better.version)
    assert shown(client, 3) is None  # at once, whoever has looked
    assert marks() == []
    settle(LEAST - 1, OTHERWISE)
    assert marks() == []
    settle(1, OTHERWISE)
    assert len(marks()) == 1


@in_database
def test_another_epoch_begins_anew(settle, client, owners, serving):
    settle(LEAST, OTHERWISE)
    marks()
    keys = [each.key for each in owners]
    succeeding.succeeded(serving, owners[0], owners, keys, grace=1500)
    assert shown(client, 3) is None
    assert marks() == []


@in_database
def test_a_withdrawn_group_marks_nobody(settle, client, owners, serving):
    settle(LEAST, OTHERWISE)
    marks()
    groups.withdraw(owners[0].actor, serving)
    assert shown(client, 3, owners[3].person) is None
    assert marks() == []


# --- whatever happens meanwhile ---------------------------------------------------------------------------


@in_database
@pytest.mark.parametrize("at", range(4))
def test_the_mark_and_the_word_of_it_come_together_or_not_at_all(settle, monkeypatch, at):
    settle(LEAST, OTHERWISE)
    written = []

    def dying(*entry):
        if len(written) == at:
            raise ConnectionError
        written.append(audit_record(*entry))

    audit_record = audit.record
    with monkeypatch.context() as patched:
        patched.setattr(audit, "record", dying)
        with pytest.raises(ConnectionError):
            dissent.check()
    assert (Dissent.objects.exists(), told()) == (False, [])
    assert len(marks()) == 1
    assert len(told()) == 4


@pytest.mark.django_db(transaction=True)
def test_whoever_looks_at_once_it_is_told_once(settle):
    settle(LEAST, OTHERWISE)
    assert at_once(*[dissent.check] * 3) == [None] * 3
    assert len(told()) == 4
    settle(2 * LEAST)
    assert at_once(*[dissent.check] * 3) == [None] * 3
    assert len(told()) == 8


@in_database
def test_a_process_that_begins_anew_sees_the_same(settle, monkeypatch):
    settle(30, OTHERWISE)
    settle(10)
    before = marks()
    monkeypatch.setattr(dissent, "_remembered", {})
    assert marks() == before
    assert len(told()) == 4


@in_database
def test_a_certificate_of_an_earlier_version_is_passed_over(settle, monkeypatch):
    settle(LEAST, OTHERWISE)

    def unreadable(document):
        raise Refused("another format", got=str(len(document)))

    monkeypatch.setattr(dissent, "parse", unreadable)
    assert marks() == []


@in_database
def test_each_certificate_is_read_once_and_nothing_where_nothing_is_new(
    settle, monkeypatch, django_assert_num_queries
):
    read = []
    parse = dissent.parse
    monkeypatch.setattr(dissent, "parse", lambda document: read.append(document) or parse(document))
    settle(5)
    settle(5)
    dissent.check()
    assert len(read) == 2
    settle(5)
    dissent.check()
    assert len(read) == 3
    with django_assert_num_queries(2):  # how much has ended, and who is marked
        dissent.check()


@in_database
def test_no_more_is_read_than_it_takes(settle, monkeypatch):
    read = []
    parse = dissent.parse
    monkeypatch.setattr(dissent, "parse", lambda document: read.append(document) or parse(document))
    monkeypatch.setattr(dissent, "AT_ONCE", 1)
    for _ in range(3):
        settle(ROWS // 2)
    dissent.check()
    assert len(read) == 2
    assert AT_ONCE <= LOOKED_AT


@in_database
def test_it_is_looked_at_whenever_nodes_are_asked(machines, settle):
    settle(LEAST, OTHERWISE)
    check_nodes()
    assert Dissent.objects.count() == 1


# --- who is shown what ------------------------------------------------------------------------------------


def shown(client, place: int, person=None):
    return client.get(ONE, headers=person.headers if person else {}).json()["members"][place]["dissent"]


@in_database
def test_everybody_sees_the_mark(client, cast, settle, owners):
    settle(LEAST)
    marks()
    assert [shown(client, i) for i in range(4)] == [None] * 4
    settle(LEAST + 1, OTHERWISE)
    marks()
    for person in (None, cast.asha, cast.tariq, cast.bela, people.person("stranger")):
        found = shown(client, 3, person)
        assert (found["rows"], found["dissented"]) == (2 * LEAST + 1, LEAST + 1)
        assert [shown(client, i, person) for i in range(3)] == [None] * 3
    [card] = client.get("/api/v1/groups").json()["results"]
    assert card["members"][3]["dissent"]["dissented"] == LEAST + 1


@in_database
def test_members_and_their_teammates_find_it_on_their_pages(cast, settle, owners, serving):
    settle(LEAST, OTHERWISE)
    marks()
    for each in owners:
        [mark] = dissent.of_actor(for_user(each.person.user))
        assert (mark.member.group, mark.own) == (serving, each is owners[3])
    assert [each.own for each in dissent.of_actor(for_user(cast.tariq.user))] == [False]  # asha's teammate
    assert not dissent.of_actor(for_user(people.person("stranger").user)).exists()
    Group.objects.filter(pk=serving.pk).update(state=Group.State.WITHDRAWN)
    assert not dissent.of_actor(for_user(owners[3].person.user)).exists()


@in_database
def test_showing_it_takes_no_query_more(client, settle, django_assert_max_num_queries):
    settle(LEAST)
    marks()
    client.get(ONE)
    with CaptureQueriesContext(connection) as without:
        client.get(ONE)
    settle(LEAST + 1, OTHERWISE)
    assert len(marks()) == 1
    with django_assert_max_num_queries(len(without)):
        client.get(ONE)
