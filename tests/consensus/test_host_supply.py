"""A member that is behind is sent entries: as many as fit, the last one where it lacks too much, none too many."""

from __future__ import annotations

import consensus.disk
import consensus.host
from consensus.events import Ready, Received, Supply
from consensus.messages import Jump, Records, encode
from tests.consensus import made
from tests.consensus.hosting import CLIENT, behind, status, turns
from tests.wire.conftest import until
from wire.line import Line


async def test_a_member_that_is_behind_is_sent_entries_as_many_as_fit(place, monkeypatch):
    place.shelf.kept = [made.record(number, (made.asked(number),)) for number in range(1, 30)]
    place.script.on[Received] = Ready(supply=[behind(2, 4), Supply(3, 99, 5, jump=False)])
    line = await place.linked(CLIENT)
    line.send(encode(status(0)))
    await until(lambda: place.frames != [])
    ((member, message),) = place.frames
    assert (member, type(message)) == (2, Records)
    assert message.records == tuple(place.shelf.kept[3:19])
    monkeypatch.setattr(consensus.host, "SUPPLY", 2 * len(encode(place.shelf.kept[0])) + 1)
    place.script.on[Received] = Ready(supply=[behind(2, 4)])
    line.send(encode(status(0)))
    await until(lambda: len(place.frames) == 2)
    assert place.frames[1][1].records == tuple(place.shelf.kept[3:5])
    monkeypatch.setattr(consensus.host, "SUPPLY", 1)
    place.script.on[Received] = Ready(supply=[behind(2, 4)])
    line.send(encode(status(0)))
    await until(lambda: len(place.frames) == 3)
    assert place.frames[2][1].records == tuple(place.shelf.kept[3:4])


async def test_a_member_is_sent_the_last_entry_where_what_it_lacks_is_gone_or_is_very_much(place, monkeypatch):
    place.shelf.kept = [made.record(number) for number in range(10, 15)]
    line = await place.linked(CLIENT)
    for sent, first in enumerate((9, 10), 1):
        place.script.on[Received] = Ready(supply=[behind(2, first)])
        line.send(encode(status(0)))
        await until(lambda sent=sent: len(place.frames) == sent)
    jump, records = (message for _, message in place.frames)
    assert jump == Jump(place.shelf.kept[-1], made.SERVING)
    assert records == Records(tuple(place.shelf.kept))
    monkeypatch.setattr(consensus.host, "FAR", 3)
    place.script.on[Received] = Ready(supply=[behind(2, 10)])
    line.send(encode(status(0)))
    await until(lambda: len(place.frames) == 3)
    assert place.frames[2][1] == jump


async def test_a_member_that_jumps_is_sent_those_before_it_as_many_as_fit_from_the_end(place, monkeypatch):
    place.shelf.kept = [made.record(number) for number in range(10, 20)]
    line = await place.linked(CLIENT)
    place.script.on[Received] = Ready(supply=[Supply(2, 8, 8, jump=False)])
    line.send(encode(status(0)))
    await until(lambda: len(place.frames) == 1)
    assert place.frames[0][1].records == tuple(place.shelf.kept[:8])
    monkeypatch.setattr(consensus.host, "SUPPLY", 2 * len(encode(place.shelf.kept[0])) + 1)
    place.script.on[Received] = Ready(supply=[Supply(2, 12, 4, jump=False)])
    line.send(encode(status(0)))
    await until(lambda: len(place.frames) == 2)
    assert [each.entry.number for each in place.frames[1][1].records] == [14, 15]


async def test_a_member_that_has_enough_to_read_is_sent_no_more_entries(place, monkeypatch):
    place.shelf.kept = [made.record(1)]
    line = await place.linked(CLIENT)
    with monkeypatch.context() as slow:
        slow.setattr(Line, "unsent", property(lambda _: consensus.host.SUPPLY + 1))
        place.script.on[Received] = Ready(supply=[behind(2, 1)], send=[(2, status(1))])
        line.send(encode(status(0)))
        await until(lambda: place.frames != [])
        await turns()
    assert place.frames == [(2, status(1))]
