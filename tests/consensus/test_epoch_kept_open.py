"""Who is to leave a group, or is in an earlier epoch of it, and would hold up the others."""

from __future__ import annotations

import msgspec

from assay.agreement.group import Member
from consensus.events import Received
from consensus.messages import Status, Succeeded
from consensus.proposing import Proposing
from tests.consensus import made
from tests.consensus.test_reconfiguration import BRUNO, CHIDI, DANA, EVE, MEMBERS
from tests.consensus.town import Town, followed, successor
from tests.sdk import groups

GENESIS = msgspec.structs.replace(made.GENESIS, copy_resistant=True, horizon=60_000)
NEWCOMER = Member("eve", EVE.public.raw, "eve.example:7000", groups.model(9))
AFTER = followed(GENESIS, [NEWCOMER, *MEMBERS[1:]])


def test_a_leader_that_is_to_leave_does_not_keep_the_epoch_open_by_fixing_more_and_more(monkeypatch):
    content = Proposing._content

    def unknowing(self, parent, taken, ripe_by):
        state = self._state
        if state.me != 0 or state.group.configuration.epoch:
            return content(self, parent, taken, ripe_by)
        known, state.successor = state.successor, None
        try:
            return content(self, parent, taken, ripe_by)
        finally:
            state.successor = known

    monkeypatch.setattr(Proposing, "_content", unknowing)
    town = Town(genesis=GENESIS)
    words = tuple(enumerate(made.KEYS))[1:]
    proposed = successor(GENESIS, AFTER, [EVE, *made.KEYS[1:]], words)
    town.reconfigure(proposed, BRUNO, CHIDI, DANA)
    for i in range(150):
        town.ask(i, deadline=50_000)
        town.pass_time(100)
    assert [town.citizens[owner].epochs for owner in (BRUNO, CHIDI, DANA)] == [[0, 1]] * 3


def test_who_tells_again_and_again_that_it_is_in_an_earlier_epoch_is_not_handed_the_next_each_time():
    town = Town()
    after = followed(made.GENESIS, MEMBERS, grace=51)
    town.reconfigure(successor(made.GENESIS, after, made.KEYS, tuple(enumerate(made.KEYS))), BRUNO)
    town.pass_time(400)
    replica = town.citizens[BRUNO].replica
    said = [replica.step(town.now + 1_000 + i, [Received(3, Status(0, 0, 0, 0))]).send for i in range(100)]
    handed = [message for each in said for _, message in each if isinstance(message, Succeeded)]
    assert len(handed) == 1
    later = replica.step(town.now + 3_000, [Received(3, Status(0, 0, 0, 0))]).send
    assert any(isinstance(message, Succeeded) for _, message in later), "it may have been lost"
