"""Nodes are asked for the evidence that they have: what stands is struck, what does not is not asked for again."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from django.utils import timezone

from assay.agreement.blame.evidence import parse
from assay.digest import sha256
from consensus import blaming
from consensus.durable import Restored
from consensus.events import Received
from consensus.judging import Group as Agreeing
from consensus.messages import Vote
from consensus.replica import Replica
from consensus.seals import Ed25519
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue.health import check_nodes
from marketplace.groups import actions, collecting
from marketplace.groups.models import Evidence, Strike
from marketplace.predictions import outbox
from marketplace.predictions.models import Outbox
from node.caught import Caught
from tests.marketplace.groups.test_group_evidence import begun, double_vote, epochs, followed, under_another_key
from wire.messages import Disclose

pytestmark = pytest.mark.django_db
LIAR = 3


def genesis(group) -> bytes:
    return bytes(group.epochs.get(number=0).digest)


def collected() -> None:
    """What a sweep over all nodes leads to, as if the last one were long ago."""
    Outbox.objects.update(created=timezone.now() - collecting.PAUSE - timedelta(seconds=1))
    check_nodes()
    outbox.carry_out()


def lied(group, owners, number: int = 1) -> list[Vote]:
    """Two votes of the liar in one place."""
    votes = []
    for entry in (b"\x01" * 32, b"\x02" * 32):
        unsigned = Vote("prepare", LIAR, 0, bytes(32), number, entry, bytes(64))
        signed = unsigned.ballot(genesis(group), 0).digest(unsigned.tag)
        signature = owners[LIAR].key.sign(unsigned.tag, signed)
        votes.append(msgspec.structs.replace(unsigned, signature=signature))
    return votes


def test_a_member_that_votes_twice_is_caught_by_a_node_and_struck(client, tmp_path, machines, owners, serving):
    """A real replica catches it, a node's folder keeps it, a sweep fetches it; nobody has lifted a finger."""
    chain = epochs(serving)
    honest = Replica(Agreeing(genesis(serving), chain[0].configuration), 0, Ed25519(owners[0].key), Restored())
    honest.step(1, [])
    ready = honest.step(2, [Received(LIAR, each) for each in lied(serving, owners)])
    (tmp_path / genesis(serving).hex()).mkdir()
    store = Caught(tmp_path)
    for contradiction in ready.caught:
        store.keep(blaming.evidence(chain, contradiction))
    machines[0].evidence = {each: [store.next(each)] for each in store.waiting()}
    collected()
    [strike] = Strike.objects.all()
    assert (strike.member.organisation.slug, strike.about) == (owners[LIAR].slug, "prepare 0/0/1")
    [piece] = store.all()
    assert machines[0].verdicts == {piece.digest: ""}
    [entry] = AuditEntry.objects.filter(action="group.struck")
    assert (entry.organisation.slug, entry.user) == (owners[LIAR].slug, None)
    page = client.get(f"/groups/{serving.slug}/members").content.decode()
    assert f"{owners[LIAR].slug} prepared two different things at number 1 in view 0" in page
    assert piece.digest.hex() in page


def test_all_pieces_of_all_nodes_are_fetched_and_each_deed_is_struck_once(machines, owners, serving):
    pieces = [double_vote(serving, owners, number=number).to_cbor() for number in range(1, 6)]
    again = double_vote(serving, owners, entries=(b"a", b"c"), number=1).to_cbor()
    machines[0].evidence = {genesis(serving): pieces}
    machines[2].evidence = {genesis(serving): [again, *pieces[2:]]}
    collected()
    assert Strike.objects.count() == 5
    assert set(machines[0].verdicts.values()) | set(machines[2].verdicts.values()) == {""}
    assert set(machines[2].verdicts) == {sha256(each) for each in (again, *pieces[2:])}


def test_what_proves_nothing_is_refused_for_good_with_the_reason(machines, owners, serving):
    good = double_vote(serving, owners)
    forged = good.to_cbor().replace(good.votes[0].signature, good.votes[1].signature)
    machines[1].evidence = {genesis(serving): [b"\xff", forged, good.to_cbor()]}
    collected()
    assert [
        machines[1].verdicts[sha256(each)].partition(":")[0] for each in (b"\xff", forged, good.to_cbor())
    ] == [
        "not-canonical",
        "bad-signature",
        "",
    ]
    assert Evidence.objects.count() == 1


def test_of_groups_in_which_a_node_has_no_seat_it_is_not_asked(machines, owners, serving):
    machines[0].evidence = {bytes(32): [b"\xff"]}
    collected()
    assert "Disclose" not in machines[0].asked


def test_a_node_that_never_ends_is_asked_a_few_times_and_not_again_at_once(machines, owners, serving, monkeypatch):
    monkeypatch.setattr(collecting, "AT_ONCE", 3)
    made = [double_vote(serving, owners, number=number).to_cbor() for number in range(1, 9)]
    machines[0].evidence = {genesis(serving): made}
    collected()
    assert (machines[0].asked.count("Disclose"), Strike.objects.count()) == (4, 3)
    check_nodes()
    outbox.carry_out()
    assert Strike.objects.count() == 3
    collected()
    assert Strike.objects.count() == 6


def test_a_node_that_cannot_be_asked_now_is_asked_later(machines, owners, serving):
    machines[0].evidence = {genesis(serving): [double_vote(serving, owners).to_cbor()]}
    machines[0].refuses = "Disclose"
    collected()
    [errand] = Outbox.objects.filter(kind=collecting.KIND)
    assert (errand.done, errand.attempts) == (None, 1)
    machines[0].refuses = ""
    Outbox.objects.update(due=timezone.now())
    outbox.carry_out()
    assert Strike.objects.count() == 1


def test_a_worker_that_dies_before_it_says_so_costs_one_more_look(machines, owners, serving, monkeypatch):
    made = double_vote(serving, owners)
    machines[0].evidence = {genesis(serving): [made.to_cbor()]}
    ask = collecting.telling.ask

    def dying(node, message: Disclose, seconds: float):
        if message.settled is not None:
            raise KeyboardInterrupt
        return ask(node, message, seconds)

    with monkeypatch.context() as patched:
        patched.setattr(collecting.telling, "ask", dying)
        with pytest.raises(KeyboardInterrupt):
            collected()
    assert (Strike.objects.count(), machines[0].verdicts) == (1, {})
    collected()
    assert (Strike.objects.count(), machines[0].verdicts) == (1, {parse(made.to_cbor()).id: ""})


def test_of_a_withdrawn_group_what_was_caught_still_comes_in(machines, owners, serving):
    machines[0].evidence = {genesis(serving): [double_vote(serving, owners).to_cbor()]}
    actions.withdraw(owners[0].actor, serving)
    collected()
    assert Strike.objects.count() == 1


def test_what_is_from_an_epoch_that_has_not_begun_here_waits(machines, owners, serving):
    chain = followed(serving, owners)
    machines[0].evidence = {genesis(serving): [under_another_key(chain).to_cbor()]}
    collected()
    assert (Strike.objects.count(), machines[0].verdicts) == (0, {})
    begun(serving, chain[1])
    collected()
    assert (Strike.objects.count(), list(machines[0].verdicts.values())) == (1, [""])
