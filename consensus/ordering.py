"""The log: members judge what is proposed, prepare it, commit to it, carry it out in order.

Entries are pipelined: number n + 1 may be proposed on top of n while n is being voted on; a member commits to a
number only when it and all below it are prepared, and carries entries out strictly in their order.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from assay.agreement.entry import Ballot
from assay.agreement.views import Quorum
from assay.digest import Tag
from assay.errors import Refused
from consensus.durable import Accepted, Cast, Executed, Jumped, Past, Standing
from consensus.hearing import Hearing
from consensus.judging import LINGER, Judged, entered, fixings_of, judge
from consensus.knowledge import Contained, Knowledge
from consensus.messages import Body, Content, Propose, Record, Vote
from consensus.slots import Slot
from consensus.state import State
from consensus.succeeding import is_agreed
from consensus.telling import decided, voting


class Ordering:
    """Reads and fills `state`."""

    def __init__(self, state: State, hearing: Hearing) -> None:
        self._state = state
        self._hearing = hearing

    # --- voting -------------------------------------------------------------------------------------------

    def advance(self) -> bool:
        """Judges, votes and executes as far as it goes. Whether anything was executed."""
        self._vote()
        executed = False
        while self._execute_next():
            executed = True
        return executed

    def _vote(self) -> None:
        """Slots from the lowest up: each is judged on top of the one below."""
        state, parent, all_prepared = self._state, self._state.standing, True
        while (slot := state.slots.get(parent.entries + 1)) is not None:
            if slot.judged is None:
                self._judge(slot, parent)
            if slot.judged is None or slot.judged.entry.parent != parent.last:
                return
            all_prepared = all_prepared and slot.has_prepared(state.group.quorum)
            if all_prepared and state.me not in slot.commits:
                self._cast("commit", slot)
            parent = slot.judged.standing

    def _judge(self, slot: Slot, parent: Standing) -> None:
        """Prepares what the slot is to hold if it is here with all that it rests on, and right."""
        if slot.entry is not None:
            self._judge_again(slot, slot.entry, parent)
        elif slot.content is not None and not slot.refused:
            self._judge_proposal(slot, slot.content, parent)

    def _judge_proposal(self, slot: Slot, content: Content, parent: Standing) -> None:
        state = self._state
        if not self._has_bodies(content):
            return
        try:
            if not all(self._hearing.is_right(have) for have in content.haves):
                raise Refused("a report in it is not its member's", code="wrong-proposal")
            if not self._is_agreed(content):
                raise Refused("a change in it is not agreed to", code="wrong-proposal")
            judged = judge(state.group, parent, content, Knowledge(state, slot.number))
        except Refused:
            slot.refused = True  # a liar leads
            return
        self._prepare(slot, judged, self._body(slot.number, judged, content))

    def _judge_again(self, slot: Slot, entry: bytes, parent: Standing) -> None:
        """An entry that a quorum has prepared before, or this member: it can only be what it was."""
        state = self._state
        body = state.bodies.get(entry)
        if body is None:
            return
        try:
            judged = judge(state.group, parent, body.content, Contained(state, body))
        except (Refused, KeyError):
            judged = None
        if judged is None or judged.standing.last != entry or not self._is_agreed(body.content):
            del state.bodies[entry]  # whoever has sent it is a liar
            return
        self._prepare(slot, judged, body)

    def _is_agreed(self, content: Content) -> bool:
        """Whether all who must have signed the changes in it."""
        state, successor = self._state, content.successor
        return all(self._hearing.is_owned(update) for update in content.updates) and (
            successor is None or is_agreed(state.group, successor, state.seal)
        )

    def _prepare(self, slot: Slot, judged: Judged, body: Body) -> None:
        state = self._state
        slot.judged = judged
        state.flight.add(judged)
        state.bodies[body.entry] = body
        state.absent.forget(body.entry)
        if state.me not in slot.prepares:
            state.out.persist.append(Accepted(body))
            self._cast("prepare", slot)

    def lead(self, slot: Slot, content: Content, judged: Judged) -> None:
        """Proposes what this member has judged itself."""
        state = self._state
        state.slots[slot.number] = slot
        slot.content, slot.began = content, state.now
        state.announce(Propose(state.view, state.installed, slot.number, content))
        self._prepare(slot, judged, self._body(slot.number, judged, content))

    def _has_bodies(self, content: Content) -> bool:
        """Whether all requests and batches that it rests on are here; what is not is fetched from the leader."""
        state = self._state
        lacking = [request for request in content.orders if state.pool.get(request) is None]
        for request in lacking:
            if not state.is_over(request):
                state.miss(request, state.leader)
        absent = [held for held in content.named if held not in state.answers]
        for held in absent:
            state.lack(held, state.leader)
        return not lacking and not absent

    def _body(self, number: int, judged: Judged, content: Content) -> Body:
        """What has been judged, with all that it took to judge it."""
        state = self._state
        every = (state.pool.get(request) for request in content.orders)
        batches = {pending.batch.signature: pending.batch for pending in every if pending is not None}
        results = tuple(state.answers[held] for held in content.named)
        return Body(number, judged.standing.last, content, tuple(batches.values()), results)

    def _cast(self, kind: Literal["prepare", "commit"], slot: Slot) -> None:
        state = self._state
        assert slot.judged is not None, "votes are for what has been judged"
        entry = slot.judged.standing.last
        vote = self._vote_for(kind, slot.number, entry)
        slot.votes(kind)[state.me] = vote
        lock = None
        if kind == "commit":
            lock = Quorum(slot.judged.entry, state.view, state.installed, slot.signatures("prepare"))
            state.locks[slot.number] = lock
        state.out.persist.append(Cast(vote, lock))
        state.broadcast(vote)

    def _vote_for(self, kind: Literal["prepare", "commit"], number: int, entry: bytes) -> Vote:
        state = self._state
        tag = Tag.AGREEMENT_PREPARE if kind == "prepare" else Tag.AGREEMENT_COMMIT
        signature = state.seal.sign(tag, self._ballot(number, entry).digest(tag))
        return Vote(kind, state.me, state.view, state.installed, number, entry, signature)

    def _ballot(self, number: int, entry: bytes) -> Ballot:
        state = self._state
        return Ballot(
            state.group.genesis,
            state.group.configuration.epoch,
            state.view,
            state.installed,
            number,
            entry,
        )

    # --- executing ----------------------------------------------------------------------------------------

    def _execute_next(self) -> bool:
        state = self._state
        slot = state.slots.get(state.standing.entries + 1)
        if slot is None or slot.judged is None or not slot.has_committed(state.group.quorum):
            return False
        judged = slot.judged
        if judged.entry.parent != state.standing.last:
            return False  # prepared on top of what another view has replaced
        record = Record(
            entry=judged.entry,
            view=state.view,
            installed=state.installed,
            commits=slot.signatures("commit"),
            reports=judged.reports,
            updates=state.bodies[judged.standing.last].content.updates,
            asked=judged.asked,
            ended=judged.ended,
            models=(),
            successor=state.bodies[judged.standing.last].content.successor,
            fixed=judged.fixed,
        )
        models = voting(state.group.configuration, state.standing, record)
        self.execute(msgspec.structs.replace(record, models=models), judged.leaves, judged.standing)
        return True

    def jump(self, jumped: Jumped) -> None:
        """Goes on from an entry that others have executed; what stands before it is theirs to tell."""
        state, before, last = self._state, self._state.standing, jumped.records[-1]
        state.out.persist.append(jumped)
        self._stand(jumped.standing, last)
        for record in jumped.records:
            self._settle(record)
        self._tidy()
        self._serve(before)

    def execute(self, record: Record, leaves: tuple[bytes, ...], standing: Standing) -> None:
        """Makes an entry the log's last: the same on every member, in the same order."""
        state, before = self._state, self._state.standing
        state.out.persist.append(Executed(record, standing))
        self._stand(standing, record)
        self._settle(record)
        self._tidy()
        state.out.reply += decided(record, leaves)
        self._serve(before)

    def _stand(self, standing: Standing, record: Record) -> None:
        """The log ends there now: what was said of it, and of what is below, is of no use any more."""
        state = self._state
        state.standing, state.head = entered(state.group, standing), record.head
        state.ending = record.successor
        state.progressed = state.now
        state.setbacks = max(0, state.setbacks - 1)
        for number in [number for number in state.slots if number <= standing.entries]:
            del state.slots[number]
        for number in [number for number in state.locks if number <= standing.entries]:
            del state.locks[number]
        for entry in [entry for entry, body in state.bodies.items() if body.number <= standing.entries]:
            del state.bodies[entry]
        state.flight.land(standing.entries)

    def _settle(self, record: Record) -> None:
        """What an entry fixes or decides stays so for ever."""
        state, number = self._state, record.entry.number
        for fixing in fixings_of(number, record.fixed):
            state.fix(fixing)
        for index, (asked, ended) in enumerate(zip(record.asked, record.ended, strict=True)):
            lapse = asked.deadline + LINGER
            state.remember(Past(ended.request, asked.client, asked.id, number, index, lapse))
            state.fixings.settle(ended.request)
            for version in state.pool.versions(asked) | {ended.request}:
                state.drop(version)

    def _tidy(self) -> None:
        state = self._state
        state.forget_lapsed()
        for held in [held for held in state.signed if held not in state.answers]:
            del state.signed[held]

    def _serve(self, before: Standing) -> None:
        """Forgets updates that have been ordered; this member's own model may have changed with one."""
        state = self._state
        for member, serving in enumerate(state.standing.serving):
            waiting = state.updates.get(member)
            if waiting is None:
                continue
            if waiting.change.serial <= serving.serial or waiting.change.model == serving.model:
                del state.updates[member]
        if state.serving.serial != before.serving[state.me].serial:
            state.out.adopted.append(state.serving.commitment)
