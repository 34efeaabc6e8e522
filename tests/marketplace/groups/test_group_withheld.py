"""Answers withheld in a copy-resistant group: each strikes the member that committed to it, once, before all."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import IntegrityError, connection, transaction

from assay import cbor
from assay.agreement.group import Configuration
from assay.certificate import parse
from assay.errors import Refused
from assay.jsonform import convert
from marketplace.accounts.models import AuditEntry
from marketplace.groups import actions as groups
from marketplace.groups import evidence, withheld
from marketplace.groups.counting import OfMember
from marketplace.groups.models import Group, GroupCounts, Strike
from marketplace.predictions import actions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from tests.marketplace.groups import founded
from tests.marketplace.groups.deciding import SILENT, WITHHOLDS, certificate
from tests.marketplace.groups.test_group_counting import asked
from tests.marketplace.groups.test_group_evidence import begun, double_vote

pytestmark = pytest.mark.django_db
STRIKES = f"/api/v1/groups/{founded.SLUG}/strikes"


@pytest.fixture
def resistant(owners) -> Group:
    """The four owners' group, copy-resistant, serving."""
    group = founded.found(owners[0], copy_resistant=True)
    return founded.formed(founded.signed(founded.complete(group, owners), owners))


@pytest.fixture
def settle(cast, owners, resistant):
    """Has a prediction of Bela's decided in which the members say this, and gives it."""

    def end(says, person=cast.bela, times=1) -> Prediction:
        prediction = asked(person)
        prepared = certificate([each.key for each in owners], prediction, says)
        status = Status(prepared.certificate.statement.outcome)
        error = Refused("too few answered") if status == Status.FAILED else None
        ended = Change(prediction.pk, status, certificate=prepared, error=error)
        for _ in range(times):
            actions.apply([Change(prediction.pk, Status.DISPATCHED), ended])
        prediction.refresh_from_db()
        return prediction

    return end


def struck() -> list[tuple[str, bytes]]:
    found = Strike.objects.order_by("pk").select_related("member__organisation", "certificate")
    return [(each.member.organisation.slug, bytes(each.certificate.sha256)) for each in found]


# --- the choice -------------------------------------------------------------------------------------------


def test_what_members_sign_says_whether_the_group_is_copy_resistant(owners, resistant):
    other = founded.complete(founded.found(owners[0], "plain"), owners)
    for group, chosen in ((resistant, True), (other, False)):
        configuration = convert(cbor.decode(bytes(group.epochs.get().configuration)), Configuration)
        assert configuration.copy_resistant is chosen


def test_it_is_chosen_through_the_api_and_shown_there(client, owners):
    body = {"name": "resistant", "title": "Resistant", "model": str(owners[0].version), "aggregator": "plurality"}
    for chosen in (True, False):
        asked_for = body | {"name": f"resistant-{chosen}".lower(), "copy_resistant": chosen}
        answer = client.post(
            "/api/v1/groups", asked_for, content_type="application/json", headers=owners[0].person.headers
        )
        assert (answer.status_code, answer.json()["copy_resistant"]) == (201, chosen), answer.content


def test_it_stays_for_ever_once_the_genesis_stands(owners):
    group = founded.complete(founded.found(owners[0], copy_resistant=True), owners)
    Group.objects.filter(pk=group.pk).update(copy_resistant=False)
    Group.objects.filter(pk=group.pk).update(copy_resistant=True)
    founded.signed(group, owners)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        Group.objects.filter(pk=group.pk).update(copy_resistant=False)


# --- strikes ----------------------------------------------------------------------------------------------


def test_who_withheld_is_struck_with_the_certificate_that_proves_it(owners, settle):
    prediction = settle({2: WITHHOLDS, 3: SILENT})
    assert prediction.status == "failed"
    assert struck() == [(owners[2].slug, bytes(prediction.certificate.sha256))]
    [strike] = Strike.objects.all()
    request = parse(bytes(prediction.certificate.document)).evidence.asked.digest
    assert strike.about == f"withheld 0/{request.hex()}"
    [entry] = AuditEntry.objects.filter(action="group.struck")
    assert (entry.organisation.slug, entry.subject) == (owners[2].slug, "digits-four: withheld an answer")


def test_one_that_withheld_does_not_keep_the_others_from_an_answer(settle, owners):
    assert settle({3: WITHHOLDS}).status == "certified"
    assert [owner for owner, _ in struck()] == [owners[3].slug]


def test_nobody_else_is_struck(settle):
    settle({3: SILENT})
    settle({3: 4})
    assert struck() == []


def test_each_is_struck_once_for_each_request_however_often_it_is_settled(settle, owners):
    first, second = settle({1: WITHHOLDS, 2: WITHHOLDS}, times=3), settle({2: WITHHOLDS}, times=2)
    of_first, of_second = (bytes(each.certificate.sha256) for each in (first, second))
    assert struck() == [(owners[1].slug, of_first), (owners[2].slug, of_first), (owners[2].slug, of_second)]
    [strike, *_] = Strike.objects.filter(member__organisation__slug=owners[1].slug)
    with pytest.raises(IntegrityError, match="one_strike_for_a_deed"), transaction.atomic():
        Strike.objects.create(member=strike.member, certificate=second.certificate, about=strike.about)


def test_in_an_epoch_that_the_marketplace_does_not_know_nobody_is_struck(cast, owners, resistant):
    """A quorum that has long left may approve one in which somebody's name stands beside a key of theirs."""
    prediction = asked(cast.bela)
    prepared = certificate([each.key for each in owners], prediction, {2: WITHHOLDS}, turned=True)
    ended = Change(prediction.pk, Status.CERTIFIED, certificate=prepared)
    actions.apply([Change(prediction.pk, Status.DISPATCHED), ended])
    assert struck() == []
    begun(resistant, prepared.certificate.evidence.epochs[1])
    actions.apply([Change(prediction.pk, Status.DISPATCHED), ended])
    assert struck() == []  # it has been settled
    other = asked(cast.bela)
    again = certificate([each.key for each in reversed(owners)], other, {2: WITHHOLDS})
    actions.apply([Change(other.pk, Status.DISPATCHED), Change(other.pk, Status.CERTIFIED, certificate=again)])
    assert [owner for owner, _ in struck()] == [owners[1].slug]  # who has the third place there


def test_a_batch_strikes_all_of_it_and_tells_each_owner_once(cast, owners, resistant):
    keys, changes = [each.key for each in owners], []
    for says in ({0: WITHHOLDS}, {0: WITHHOLDS}, {1: WITHHOLDS}, {}):
        prediction = asked(cast.bela)
        ended = Change(prediction.pk, Status.CERTIFIED, certificate=certificate(keys, prediction, says))
        changes += [Change(prediction.pk, Status.DISPATCHED), ended]
    actions.apply(changes)
    assert sorted(owner for owner, _ in struck()) == sorted([owners[0].slug] * 2 + [owners[1].slug])
    told = AuditEntry.objects.filter(action="group.struck").values_list("organisation__slug", "subject")
    assert set(told) == {
        (owners[0].slug, "digits-four: withheld 2 answers"),
        (owners[1].slug, "digits-four: withheld an answer"),
    }


def test_the_strike_the_count_and_the_certificate_come_together_or_not_at_all(settle, resistant, monkeypatch):
    def broken(settled):
        raise ConnectionError(list(settled))

    with monkeypatch.context() as patched:
        patched.setattr("marketplace.groups.withheld.strike", broken)
        with pytest.raises(ConnectionError):
            settle({2: WITHHOLDS})
    assert not Prediction.objects.filter(certificate__isnull=False).exists()
    assert not GroupCounts.objects.exists()
    settle({2: WITHHOLDS})
    [counts] = GroupCounts.objects.filter(group=resistant, day__isnull=True)
    of_third = counts.members[2 * len(OfMember) : 3 * len(OfMember)]
    assert of_third == [int(each is OfMember.WITHHELD) for each in OfMember]
    assert len(struck()) == 1


def test_who_withholds_often_can_still_be_struck_for_worse(settle, owners, resistant, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_STRIKES", 1)
    for _ in range(2):
        settle({1: WITHHOLDS})
    document = double_vote(resistant, owners).to_cbor()
    assert evidence.submit(owners[0].actor, resistant, document)[1]
    assert Strike.objects.filter(member__position=1).count() == 3


def test_a_strike_has_one_proof(settle):
    settle({1: WITHHOLDS})
    [strike] = Strike.objects.all()
    with pytest.raises(IntegrityError, match="strike_with_a_proof"), transaction.atomic():
        Strike.objects.create(member=strike.member, about="nothing")


# --- who is shown what ------------------------------------------------------------------------------------


def test_strikes_are_for_all_to_see(client, settle, owners, resistant):
    prediction = settle({1: WITHHOLDS})
    evidence.submit(owners[0].actor, resistant, double_vote(resistant, owners).to_cbor())
    [worse, first] = client.get(STRIKES).json()["results"]
    assert (first["organisation"], first["certificate"]) == (owners[1].slug, prediction.certificate.hex)
    assert (first["evidence"], worse["certificate"], worse["about"]) == (None, None, "commit 0/0/7")
    groups.withdraw(owners[0].actor, resistant)
    assert len(client.get(STRIKES).json()["results"]) == 2


def test_withdrawing_a_group_does_not_hide_what_was_withheld(client, settle, owners, resistant):
    settle({1: WITHHOLDS})
    groups.withdraw(owners[0].actor, resistant)
    assert len(client.get(STRIKES).json()["results"]) == 1
    assert [each.count for each in withheld.against(owners[1].person.organisation, 5)] == [1]


def test_the_certificate_is_its_buyers_and_the_struck_members_alone(client, cast, settle, owners):
    prediction = settle({2: WITHHOLDS, 3: SILENT}, cast.asha)
    address = f"/api/v1/certificates/{prediction.certificate.hex}"
    may = {person.user.email: 200 for person in (cast.asha, owners[2].person)}
    people = [cast.asha, cast.bela, *(each.person for each in owners)]
    assert {each.user.email: client.get(address, headers=each.headers).status_code for each in people} == {
        each.user.email: may.get(each.user.email, 404) for each in people
    }
    assert client.get(address).status_code == 401


def test_the_latest_of_each_member_are_shown_and_all_are_counted(settle, owners, resistant):
    ends = [settle({1: WITHHOLDS, 2: WITHHOLDS}), *(settle({1: WITHHOLDS}) for _ in range(3))]
    first, second = withheld.of_group(resistant, 2)
    assert [(each.member.organisation.slug, each.count) for each in (first, second)] == [
        (owners[1].slug, 4),
        (owners[2].slug, 1),
    ]
    assert [each.certificate for each in first.latest] == [ends[3].certificate, ends[2].certificate]


# --- counts of the version before -------------------------------------------------------------------------


def test_counts_of_the_version_before_are_widened_and_nothing_else_changes(settle, resistant):
    settle({1: 4, 3: SILENT})
    before = GroupCounts.objects.get(group=resistant, day__isnull=True).members
    migration = import_module("marketplace.groups.migrations.0011_withheld")
    size = len(OfMember)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(migration.NARROWER)
        narrow = GroupCounts.objects.get(group=resistant, day__isnull=True).members
        assert narrow == [each for i, each in enumerate(before) if i % size != OfMember.WITHHELD]
        cursor.execute(migration.WIDER)
    assert GroupCounts.objects.get(group=resistant, day__isnull=True).members == before


def test_counts_that_are_not_of_so_many_members_are_refused(settle):
    """As a worker of the version before would write them, or add to those that are here."""
    settle({})
    four, seven = 6 * 4, 6 * 7
    for members, pairs in ((four, 5 * 6), (seven, 5 * 21), (7 * 4, 5 * 21)):
        with pytest.raises(IntegrityError, match="counts_of_all_members"), transaction.atomic():
            GroupCounts.objects.update(members=[0] * members, pairs=[0] * pairs)
    with pytest.raises(IntegrityError, match="counts_of_all_members"), transaction.atomic():
        GroupCounts.objects.update(members=[None] * 28)
