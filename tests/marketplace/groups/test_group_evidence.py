"""Evidence against members: handed in by anybody, kept if it stands, struck once for each deed, shown to all."""

from __future__ import annotations

import json

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from msgspec import structs

from assay import cbor, jsonform
from assay.agreement.blame import making
from assay.agreement.blame.evidence import TAGS, Commitment, parse
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.blame.transcript import Vote
from assay.agreement.entry import Entry
from assay.agreement.group import Approved, Epoch, Signed
from assay.digest import Tag
from assay.fields import plain
from assay.keys import PrivateKey
from marketplace.accounts.models import AuditEntry
from marketplace.groups import actions, evidence
from marketplace.groups.models import Evidence, Group, GroupEpoch, Strike
from tests.marketplace.groups import founded
from tests.marketplace.people import problem
from tests.sdk.blaming import named

pytestmark = pytest.mark.django_db
ADDRESS = f"/api/v1/groups/{founded.SLUG}/evidence"


def epochs(group: Group) -> tuple[Epoch, ...]:
    document = bytes(group.epochs.get(number=0).document)
    return (jsonform.convert(cbor.decode(document), Epoch),)


def vote(group: Group, owners, member: int, entry: bytes, number: int = 7, phase: str = "commit") -> Vote:
    unsigned = Vote(phase, member, 0, bytes(32), number, named(entry), bytes(64))
    digest = unsigned.ballot(epochs(group)[0].configuration.digest, 0).digest(TAGS[phase])
    return Vote(phase, member, 0, bytes(32), number, named(entry), owners[member].key.sign(TAGS[phase], digest))


def double_vote(group, owners, member=1, entries=(b"a", b"b"), **place):
    votes = [vote(group, owners, member, entry, **place) for entry in entries]
    return making.double_vote(epochs(group), *votes)


def rewrite(group, owners, *sides, view=0):
    made = []
    for members, content in zip(sides, (b"a", b"b"), strict=True):
        entry = Entry(epochs(group)[0].configuration.digest, 0, 7, named(b"p"), 1, named(content), 0, bytes(32))
        votes = [vote(group, owners, i, entry.digest) for i in members]
        made.append(Commitment(entry, 0, bytes(32), tuple(Signed(each.member, each.signature) for each in votes)))
    return making.rewrite(epochs(group), *made)


@pytest.fixture
def hand_in(client, cast):
    def send(document: bytes, person=cast.bela, content_type="application/cbor"):
        headers = person.headers if person else {}
        return client.generic("POST", ADDRESS, document, content_type=content_type, headers=headers)

    return send


@pytest.mark.parametrize("form", ["cbor", "json"])
def test_evidence_is_kept_shown_and_struck(hand_in, client, serving, owners, form):
    made = double_vote(serving, owners)
    document = made.to_cbor() if form == "cbor" else made.to_json().encode()
    answer = hand_in(document, content_type=f"application/{form}")
    assert (answer.status_code, answer["Location"]) == (201, f"{ADDRESS}/{made.id.hex()}"), answer.content
    shown = answer.json()
    assert (shown["kind"], shown["struck"], shown["group"]) == ("double-vote", [owners[1].slug], serving.slug)
    assert shown["sentence"].startswith(f"{owners[1].slug} committed to two different things at number 7")
    assert client.get(ADDRESS).json()["results"] == [shown]
    [entry] = AuditEntry.objects.filter(action="group.struck")
    assert (entry.organisation.slug, entry.subject) == (owners[1].slug, "digits-four: commit 0/0/7")


def test_what_is_downloaded_is_what_was_handed_in_and_checks(hand_in, client, serving, owners):
    made = double_vote(serving, owners)
    address = hand_in(made.to_cbor())["Location"]
    for name, accept in ((address, "application/cbor"), (f"{address}.cbor", "*/*")):
        assert client.get(name, headers={"accept": accept}).content == made.to_cbor()
    for name in (address, f"{address}.json"):
        found = parse(client.get(name).content)
        assert [each.owner for each in require_guilt(found, made.group)] == [owners[1].slug]
    assert client.get(f"{ADDRESS}/{'00' * 32}").status_code == 404
    assert client.get(f"{ADDRESS}/x").status_code == 404


def test_each_deed_is_struck_once(hand_in, serving, owners):
    first = hand_in(double_vote(serving, owners).to_cbor()).json()
    again = hand_in(double_vote(serving, owners).to_cbor())
    other = hand_in(double_vote(serving, owners, entries=(b"a", b"c")).to_cbor())
    assert [(each.status_code, each.json()) for each in (again, other)] == [(200, first)] * 2
    assert hand_in(double_vote(serving, owners, number=8).to_cbor()).status_code == 201
    assert hand_in(double_vote(serving, owners, phase="prepare").to_cbor()).status_code == 201
    assert Strike.objects.count() == Evidence.objects.count() == 3


def test_a_rewrite_strikes_those_who_were_not_struck_for_it(hand_in, serving, owners):
    hand_in(double_vote(serving, owners, member=2).to_cbor())
    answer = hand_in(rewrite(serving, owners, (0, 1, 2), (1, 2, 3)).to_cbor())
    assert answer.json()["struck"] == [owners[1].slug]
    assert hand_in(rewrite(serving, owners, (0, 1, 2), (0, 1, 2)).to_cbor()).json()["struck"] == [owners[0].slug]
    assert Strike.objects.count() == 3


def test_what_proves_nothing_is_refused_and_not_kept(hand_in, serving, owners, cast):
    made = double_vote(serving, owners)
    for document, status, code in (
        (b"", 422, "not-canonical"),
        (b"\xff", 422, "not-canonical"),
        (made.to_cbor().replace(made.votes[0].signature, made.votes[1].signature), 422, "bad-signature"),
        (making.double_vote(epochs(serving), *forged(serving, owners)).to_cbor(), 422, "bad-signature"),
        (elsewhere().to_cbor(), 422, "not-pinned"),
    ):
        answer = hand_in(document)
        assert (answer.status_code, problem(answer)["code"]) == (status, code), answer.content
    assert hand_in(made.to_cbor(), person=None).status_code == 401
    assert hand_in(made.to_cbor(), content_type="text/plain").status_code == 415
    assert not Evidence.objects.exists()
    assert not Strike.objects.exists()


def forged(group, owners):
    """Member 2 signs in the name of member 1."""
    return [structs.replace(vote(group, owners, 2, entry), member=1) for entry in (b"a", b"b")]


def elsewhere():
    """Right in everything, of another group."""
    from tests.sdk.blaming import Group as Made

    other = Made()
    return making.double_vote(other.epochs, other.vote(1), other.vote(1, entry=b"b"))


def followed(group, owners, **changes) -> tuple[Epoch, ...]:
    """An epoch that a quorum of the first has put into force: the second owner's place has a key of the first."""
    [first] = epochs(group)
    members = list(first.configuration.members)
    members[1] = structs.replace(members[1], key=PrivateKey(b"\x07" * 32).public.raw)
    now = structs.replace(
        first.configuration, epoch=1, previous=first.configuration.digest, members=tuple(members), **changes
    )
    keys = [owners[0].key, PrivateKey(b"\x07" * 32), *(each.key for each in owners[2:])]
    signed = Approved.signed(first.configuration.digest, now.digest, 5, bytes(32))
    approvals = tuple(Approved(i, 5, bytes(32), owners[i].key.sign(Tag.GROUP_APPROVAL, signed)) for i in (0, 2, 3))
    return first, Epoch(now, tuple(key.sign(Tag.GROUP, now.digest) for key in keys), approvals)


def under_another_key(chain: tuple[Epoch, ...]):
    """Two votes in the second owner's place, by whoever has that key."""
    votes = []
    for entry in (b"\x01" * 32, b"\x02" * 32):
        unsigned = Vote("commit", 1, 0, chain[1].configuration.digest, 7, entry, bytes(64))
        digest = unsigned.ballot(chain[0].configuration.digest, 1).digest(TAGS["commit"])
        votes.append(structs.replace(unsigned, signature=PrivateKey(b"\x07" * 32).sign(TAGS["commit"], digest)))
    return making.double_vote(chain, *votes)


def begun(group, epoch: Epoch) -> None:
    """The marketplace has followed."""
    GroupEpoch.objects.create(
        group=group,
        number=epoch.configuration.epoch,
        configuration=cbor.encode(plain(epoch.configuration)),
        digest=epoch.configuration.digest,
        document=cbor.encode(plain(epoch)),
        stood=timezone.now(),
    )


def test_an_epoch_that_liars_have_made_up_frames_no_owner(hand_in, serving, owners):
    """2f + 1 of them approve an epoch in which another's name stands beside a key of theirs."""
    made = under_another_key(followed(serving, owners))
    assert [each.owner for each in require_guilt(made, made.group)] == [owners[1].slug]
    answer = hand_in(made.to_cbor())
    assert (answer.status_code, problem(answer)["code"]) == (409, "unknown-epoch")
    assert not Strike.objects.exists()


def test_evidence_from_an_epoch_that_has_begun_here_is_struck(hand_in, serving, owners):
    """Its owner has been given another key there."""
    chain = followed(serving, owners)
    begun(serving, chain[1])
    assert hand_in(under_another_key(chain).to_cbor()).json()["struck"] == [owners[1].slug]


def test_before_the_genesis_stands_nobody_can_be_blamed(client, signing, owners, forming):
    """The address is its members' alone until the group serves."""
    assert client.get(ADDRESS).status_code == 404
    assert client.get(ADDRESS, headers=owners[1].person.headers).json()["results"] == []


def test_withdrawing_a_group_does_not_hide_what_was_proven(hand_in, client, serving, owners):
    address = hand_in(double_vote(serving, owners).to_cbor())["Location"]
    actions.withdraw(owners[0].actor, serving)
    assert len(client.get(ADDRESS).json()["results"]) == 1
    assert client.get(address).status_code == 200
    assert [each.about for each in evidence.against(owners[1].person.organisation)] == ["commit 0/0/7"]


def test_one_who_lies_without_end_fills_no_disk(hand_in, serving, owners, monkeypatch):
    monkeypatch.setattr(evidence, "MOST_STRIKES", 2)
    answers = [hand_in(double_vote(serving, owners, number=number).to_cbor()) for number in (1, 2, 3)]
    assert [each.status_code for each in answers] == [201, 201, 409]
    assert problem(answers[2])["code"] == "too-many-strikes"
    assert hand_in(double_vote(serving, owners, member=2).to_cbor()).status_code == 201


def test_evidence_and_strikes_are_for_ever(hand_in, serving, owners):
    hand_in(double_vote(serving, owners).to_cbor())
    for change in (
        lambda: Strike.objects.all().delete(),
        lambda: Strike.objects.update(about="x"),
        lambda: Evidence.objects.update(kind="x"),
        lambda: Evidence.objects.all()._raw_delete("default"),
    ):
        with pytest.raises((IntegrityError, Exception), match=r"append-only|protected"), transaction.atomic():
            change()
    assert Strike.objects.get().about == "commit 0/0/7"


def test_the_groups_page_and_the_owners_page_show_it(hand_in, client, serving, owners):
    members = f"/groups/{serving.slug}/members"
    assert "Broken words" not in client.get(members).content.decode()
    made = double_vote(serving, owners)
    hand_in(made.to_cbor())
    page = client.get(members).content.decode()
    assert "committed to two different things at number 7 in view 0" in page
    assert f"{ADDRESS}/{made.id.hex()}.cbor" in page
    for owner, struck in ((owners[1], True), (owners[0], False)):
        client.force_login(owner.person.user)
        provider = client.get(f"/models/{owner.slug}/digits/provider").content.decode()
        assert ("Strikes" in provider, "Public key" in provider) == (struck, True)


def test_the_list_takes_as_many_queries_whatever_its_length(
    hand_in, client, serving, owners, django_assert_max_num_queries
):
    for number in range(5):
        hand_in(double_vote(serving, owners, number=number).to_cbor())
    with django_assert_max_num_queries(8):
        assert len(json.loads(client.get(ADDRESS).content)["results"]) == 5
