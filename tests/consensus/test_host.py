"""A host carries out what its replica asks for, in that order, whatever disk, peers and models do."""

from __future__ import annotations

import asyncio

import pytest

import consensus.disk
import consensus.host
import wire.line
import wire.link
from assay.agreement.votes import Erred
from assay.errors import Refused, Unavailable
from assay.keys import PrivateKey
from consensus.durable import Cast
from consensus.events import Adopting, Linked, Lost, Ran, Ready, Received, Tick
from consensus.messages import Decided, decode, encode
from tests.consensus import made
from tests.consensus.hosting import CLIENT, Place, behind, run, status, turns
from tests.sdk import groups
from tests.wire.conftest import until
from wire.deadline import now_ms


async def test_it_begins_with_a_step_without_events_and_then_tells_who_can_be_reached(place):
    assert place.script.steps[0] == []
    await until(lambda: {Linked(1), Linked(2), Linked(3)} == set(place.script.heard))


async def test_a_member_that_was_never_reached_is_lost_after_a_while(monkeypatch):
    monkeypatch.setattr(consensus.host, "PATIENCE", 0.3)
    place = Place()
    await place.begin(1, 3)
    await until(lambda: {Linked(1), Linked(3), Lost(2)} <= set(place.script.heard))
    assert Linked(2) not in place.script.heard
    await place.stand_in(2)
    await until(lambda: place.script.heard[-1] == Linked(2))
    await place.end()


async def test_what_members_and_clients_say_is_told_with_who_they_are(place):
    member, client = await place.linked(made.KEYS[2]), await place.linked(CLIENT)
    member.send(encode(status(1)))
    client.send(encode(status(2)))
    await until(lambda: len(place.script.received()) == 2)
    assert set(place.script.received()) == {(2, 1), (CLIENT.public.raw, 2)}


async def test_what_a_member_says_over_the_link_that_it_was_opened_counts_as_its_word(place):
    place.links[3].send(encode(status(5)))
    await until(lambda: place.script.received() == [(3, 5)])


async def test_what_comes_in_during_a_write_goes_into_one_step(place):
    line = await place.linked(CLIENT)
    place.shelf.free.clear()
    place.script.on[Received] = Ready(persist=[Cast(made.vote(1))])
    line.send(encode(status(0)))
    await until(place.shelf.writing.is_set)
    before = len(place.script.steps)
    for number in range(1, 51):
        line.send(encode(status(number)))
    await until(lambda: len(place.host._inbox) == 50)
    assert len(place.script.steps) == before
    place.shelf.free.set()
    await until(lambda: len(place.script.received()) == 51)
    assert len(place.script.steps) == before + 1


async def test_clients_are_told_at_once_and_no_word_of_its_own_leaves_before_the_write(place):
    replies = []
    line = await place.linked(CLIENT, replies.append)
    gate = asyncio.Event()

    async def infer(runs):
        await gate.wait()
        return ()

    place.infer = infer
    place.shelf.free.clear()
    place.script.on[Received] = Ready(
        persist=[Cast(made.vote(1))],
        send=[(1, status(1)), (2, status(1)), (1, status(2))],
        reply=[(CLIENT.public.raw, status(3))],
        run=[run(0)],
        adopted=[b"\x01" * 32],
    )
    line.send(encode(status(0)))
    await until(place.shelf.writing.is_set)
    await turns()
    await until(lambda: replies == [encode(status(3))])
    assert (place.frames, place.asked, place.adopted) == ([], [], [])
    place.shelf.free.set()
    await until(lambda: len(place.frames) == 3 and place.asked != [])
    assert [message.entries for member, message in place.frames if member == 1] == [1, 2]
    assert (2, status(1)) in place.frames
    assert replies == [encode(status(3))]
    assert place.adopted == [b"\x01" * 32]
    gate.set()


async def test_while_the_disk_is_full_nothing_leaves_it_says_so_and_then_goes_on(place, monkeypatch, caplog):
    monkeypatch.setattr(consensus.disk, "FIRST_PAUSE", 0.01)
    full = [Unavailable("the log could not write", code="log-failed", got="disk is full") for _ in range(3)]
    place.shelf.problems.extend(full)
    place.script.on[Received] = Ready(persist=[Cast(made.vote(1))], send=[(1, status(1))])
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(lambda: caplog.text.count("nothing is said until the disk takes it") == 1)
    assert place.frames == []
    await until(lambda: place.frames == [(1, status(1))])
    assert place.shelf.written == [[Cast(made.vote(1))]]
    assert caplog.text.count("disk is full") == 3
    assert "the disk takes what is written again" in caplog.text


async def test_a_flood_during_a_write_waits_at_its_senders(place, monkeypatch):
    monkeypatch.setattr(wire.link, "UNTAKEN", 500 * wire.link.APIECE)
    line = await place.linked(CLIENT)
    place.shelf.free.clear()
    place.script.on[Received] = Ready(persist=[Cast(made.vote(1))])
    for number in range(100_000):
        line.send(encode(status(number)))
    await until(place.shelf.writing.is_set)
    await turns(500)
    assert 400 < len(place.host._inbox) < 60_000, "what had been read already"
    place.shelf.free.set()
    await until(lambda: len(place.script.received()) == 100_000)
    assert [number for _, number in place.script.received()] == list(range(100_000))
    assert max(map(len, place.script.steps)) <= consensus.host.STEP + 1


async def test_a_replica_that_contradicts_itself_is_stopped_and_nothing_of_it_leaves(place, caplog):
    place.shelf.problems.append(Refused("it would contradict what is on the disk", code="contradiction"))
    place.script.on[Received] = Ready(persist=[Cast(made.vote(1))], send=[(1, status(1))])
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    with pytest.raises(Refused, match="contradict"):
        await place.host.ended()
    await turns()
    assert place.frames == []
    assert "takes no more part" in caplog.text
    assert not any(link.alive for link in place.links.values()), "others see that it is gone"
    await until(lambda: not line.up)
    await until(lambda: "no link: the peer closed the connection" in caplog.text)


async def test_it_ticks_when_it_is_time_and_not_before(place):
    await until(lambda: set(place.script.steps[-1]) != set())
    wake = now_ms() + 60
    place.script.on[Received] = Ready(wake=wake)
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(lambda: Tick() in place.script.heard)
    ticked = next(i for i, events in enumerate(place.script.steps) if Tick() in events)
    assert wake - 2 <= place.script.nows[ticked] < wake + 5000
    steps = len(place.script.steps)
    await turns(1000)
    assert len(place.script.steps) == steps, "nothing was asked for after that"


async def test_a_wish_that_is_past_ticks_at_once(place):
    place.script.on[Received] = Ready(wake=1)
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(lambda: place.script.steps[-1] == [Tick()])


@pytest.mark.parametrize("garbage", [b"\x93garbage", b"\x81\xa4type\xa1\xff"], ids=["bytes", "text not UTF-8"])
async def test_garbage_costs_its_sender_the_link_and_nobody_else(place, caplog, garbage):
    good, bad = await place.linked(CLIENT), await place.linked(made.KEYS[1])
    bad.send(garbage)
    await until(lambda: "is gone: not a message" in caplog.text)
    assert str(made.KEYS[1].public) in caplog.text
    good.send(encode(status(1)))
    await until(lambda: place.script.received() == [(CLIENT.public.raw, 1)])


async def test_a_reply_goes_to_every_link_of_that_client_and_to_no_other(place):
    other, heard = PrivateKey.generate(), {"a": [], "b": [], "other": []}
    await place.linked(CLIENT, heard["a"].append)
    await place.linked(CLIENT, heard["b"].append)
    third = await place.linked(other, heard["other"].append)
    place.script.on[Received] = Ready(reply=[(CLIENT.public.raw, status(9)), (b"\x01" * 32, status(8))])
    third.send(encode(status(0)))
    await until(lambda: heard["a"] == heard["b"] == [encode(status(9))])
    assert heard["other"] == []


async def test_a_member_that_opens_a_newer_link_loses_the_older(place, caplog):
    older = await place.linked(made.KEYS[1])
    newer = await place.linked(made.KEYS[1])
    await until(lambda: not older.up)
    await older.close()
    newer.send(encode(status(7)))
    await until(lambda: (1, 7) in place.script.received())


async def test_results_come_back_as_one_event_and_what_is_lacking_is_an_error(place):
    async def infer(runs):
        return [made.result(0)]

    place.infer = infer
    place.script.on[Received] = Ready(run=[run(0), run(1)])
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(lambda: any(isinstance(each, Ran) for each in place.script.heard))
    (ran,) = (each for each in place.script.heard if isinstance(each, Ran))
    assert ran.results[0] == made.result(0)
    assert [(each.request, each.said) for each in ran.results[1:]] == [(made.asked(1).digest, Erred())]


async def test_inference_that_breaks_is_an_error_of_each_request(place, caplog):
    async def infer(runs):
        raise RuntimeError("a bug")

    place.infer = infer
    place.script.on[Received] = Ready(run=[run(0), run(1)])
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(lambda: any(isinstance(each, Ran) for each in place.script.heard))
    (ran,) = (each for each in place.script.heard if isinstance(each, Ran))
    assert [each.said for each in ran.results] == [Erred(), Erred()]
    assert "a bug" in caplog.text


async def test_a_member_that_comes_back_is_linked_to_at_once(place, monkeypatch):
    monkeypatch.setattr(wire.line, "FIRST_PAUSE", 3600.0)
    monkeypatch.setattr(wire.line, "LONGEST_PAUSE", 3600.0)
    place.links[2].drop(Unavailable("gone"))
    await until(lambda: Lost(2) in place.script.heard)
    await turns()
    assert place.host.reached == 3
    await place.linked(made.KEYS[2])
    await until(lambda: place.host.reached == 4)


async def test_outcomes_are_told_again_those_of_one_entry_together(place):
    replies = []
    requests = tuple(made.asked(i) for i in range(5))
    place.shelf.kept = [made.record(1), made.record(2, requests)]
    client = CLIENT.public.raw
    recall = [(client, 2, 3), (client, 2, 1), (client, 2, 3), (b"\x01" * 32, 2, 0), (client, 9, 0)]
    place.script.on[Received] = Ready(recall=recall)
    line = await place.linked(CLIENT, lambda frame: replies.append(decode(frame)))
    line.send(encode(status(0)))
    await until(lambda: replies != [])
    (told,) = replies
    record = place.shelf.kept[1]
    assert isinstance(told, Decided)
    assert told.ended == ((3, record.ended[3]), (1, record.ended[1]))
    assert (told.entry, told.commits) == (record.entry, record.commits)
    assert told.leaves == tuple(each.leaf for each in record.ended)


async def test_a_disk_that_cannot_be_read_costs_an_answer_and_no_more(place, caplog):
    place.shelf.problems.append(Unavailable("the log could not read", code="log-failed"))
    place.script.on[Received] = Ready(supply=[behind(2, 1)], wake=1)
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(lambda: Tick() in place.script.heard)
    assert "the log could not read" in caplog.text


async def test_a_member_that_goes_and_comes_back_is_told(place):
    place.links[2].drop(Unavailable("gone"))
    await until(lambda: place.script.heard.count(Linked(2)) == 2)
    last = [each for each in place.script.heard if isinstance(each, Lost | Linked) and each.member == 2]
    assert last[-1] == Linked(2)
    assert place.host.reached == 4


async def test_an_owners_wish_is_passed_on(place):
    place.host.adopt(groups.model(9))
    await until(lambda: Adopting(groups.model(9)) in place.script.heard)


async def test_what_is_being_written_is_written_to_its_end_before_it_closes(place):
    place.shelf.free.clear()
    place.script.on[Received] = Ready(persist=[Cast(made.vote(1))], send=[(1, status(1))])
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(place.shelf.writing.is_set)
    closing = asyncio.create_task(place.host.close())
    await turns()
    assert not closing.done()
    place.shelf.free.set()
    await closing
    assert place.shelf.written == [[Cast(made.vote(1))]]
    assert place.frames == []
