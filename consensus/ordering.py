"""The log: the leader proposes what is ready; members judge it, prepare it, commit to it, carry it out in order.

Entries are pipelined: number n + 1 may be proposed on top of n while n is being voted on; a member commits to a
number only when it and all below it are prepared, and carries entries out strictly in their order.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from assay.agreement.entry import Asked, Ballot
from assay.digest import Tag
from assay.errors import Refused
from consensus.durable import Accepted, Cast, Executed, Jumped, Past, Standing
from consensus.hearing import Hearing
from consensus.judging import LINGER, Judged, TooEarly, judge, named, time_of, timely
from consensus.messages import (
    MAX_BATCH,
    MAX_REPORTS,
    Body,
    Content,
    Exec,
    Have,
    Held,
    Propose,
    Quorum,
    Record,
    Report,
    Update,
    Vote,
)
from consensus.slots import Slot
from consensus.state import State
from consensus.telling import decided, voting

DEPTH = 4  # entries that the leader has under vote at one time
MOST_BYTES = 16 * 1024 * 1024  # of the reports of one entry, unless a single request has more


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
            if not all(self._hearing.is_owned(update) for update in content.updates):
                raise Refused("an update in it is not its member's", code="wrong-proposal")
            judged = judge(state.group, parent, content, Knowledge(state, slot.number))
            prepared = self._leaders(slot, judged.standing.last)
        except Refused:
            slot.refused = True  # a liar leads
            return
        slot.prepares[state.leader] = prepared
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
        owned = all(self._hearing.is_owned(update) for update in body.content.updates)
        if judged is None or judged.standing.last != entry or not owned:
            del state.bodies[entry]  # whoever has sent it is a liar
            return
        self._prepare(slot, judged, body)

    def _prepare(self, slot: Slot, judged: Judged, body: Body) -> None:
        state = self._state
        slot.judged = judged
        state.flight.add(judged)
        state.bodies[body.entry] = body
        state.absent.forget(body.entry)
        if state.me not in slot.prepares:
            state.out.persist.append(Accepted(body))
            self._cast("prepare", slot)

    def _leaders(self, slot: Slot, entry: bytes) -> Vote:
        """The leader's PREPARE, which its proposal carries. Raises Refused where it is not over that entry."""
        state = self._state
        vote = Vote(
            kind="prepare",
            member=state.leader,
            view=state.view,
            installed=state.installed,
            number=slot.number,
            entry=entry,
            signature=slot.signature,
        )
        signed = vote.ballot(state.group.genesis, state.group.configuration.epoch).digest(vote.tag)
        if not state.seal.verifies(state.key(state.leader), vote.tag, signed, vote.signature):
            raise Refused("the leader has signed another entry", code="wrong-proposal")
        return vote

    def _has_bodies(self, content: Content) -> bool:
        """Whether all requests and batches that it rests on are here; what is not is fetched from the leader."""
        state = self._state
        lacking = [request for request in content.decided if state.pool.get(request) is None]
        for request in lacking:
            if not state.is_over(request):
                state.miss(request, state.leader)
        absent = [held for held in named(content) if held not in state.answers]
        for held in absent:
            state.lack(held, state.leader)
        return not lacking and not absent

    def _body(self, number: int, judged: Judged, content: Content) -> Body:
        """What has been judged, with all that it took to judge it."""
        state = self._state
        every = (state.pool.get(request) for request in content.decided)
        batches = {pending.batch.signature: pending.batch for pending in every if pending is not None}
        results = tuple(state.answers[held] for held in named(content))
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
        )
        models = voting(state.group.configuration, state.standing, record)
        self.execute(msgspec.structs.replace(record, models=models), judged.leaves, judged.standing)
        return True

    def jump(self, jumped: Jumped) -> None:
        """Goes on from an entry that others have executed; what stands before it is theirs to tell."""
        state, before, last = self._state, self._state.standing, jumped.records[-1]
        state.out.persist.append(jumped)
        self._stand(jumped.standing, last.head)
        for record in jumped.records:
            self._settle(record)
        self._tidy()
        self._serve(before)

    def execute(self, record: Record, leaves: tuple[bytes, ...], standing: Standing) -> None:
        """Makes an entry the log's last: the same on every member, in the same order."""
        state, before = self._state, self._state.standing
        state.out.persist.append(Executed(record, standing))
        self._stand(standing, record.head)
        self._settle(record)
        self._tidy()
        state.out.reply += decided(record, leaves)
        self._serve(before)

    def _stand(self, standing: Standing, head: Quorum) -> None:
        """The log ends there now: what was said of it, and of what is below, is of no use any more."""
        state = self._state
        state.standing, state.head = standing, head
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
        """What an entry decides is decided for ever."""
        state, number = self._state, record.entry.number
        for index, (asked, ended) in enumerate(zip(record.asked, record.ended, strict=True)):
            lapse = asked.deadline + LINGER
            state.remember(Past(ended.request, asked.client, asked.id, number, index, lapse))
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

    # --- proposing ----------------------------------------------------------------------------------------

    def propose(self) -> bool:
        """Proposes the next entry if this member leads and there is something to put into it."""
        state = self._state
        if not state.leads:
            return False
        parent, under_vote = state.standing, 0
        while (slot := state.slots.get(parent.entries + 1)) is not None and slot.judged is not None:
            if slot.judged.entry.parent != parent.last:
                return False
            parent, under_vote = slot.judged.standing, under_vote + 1
        if under_vote >= DEPTH or (slot is not None and not slot.is_open):
            return False
        found = self._next(parent, state.flight.ids(parent.entries + 1))
        if found is None:
            return False
        self._propose(slot or Slot(parent.entries + 1), *found)
        return True

    def could_propose(self, before: int) -> bool:
        """Whether there is something that a leader should have proposed by then, whatever is under vote."""
        state = self._state
        return self._next(state.standing, set(), ripe_by=before) is not None

    def _propose(self, slot: Slot, content: Content, judged: Judged) -> None:
        state = self._state
        vote = self._vote_for("prepare", slot.number, judged.standing.last)
        state.slots[slot.number] = slot
        slot.content, slot.signature, slot.began = content, vote.signature, state.now
        slot.prepares[state.me] = vote
        body = self._body(slot.number, judged, content)
        state.out.persist += [Accepted(body), Cast(vote)]
        self._prepare(slot, judged, body)
        state.broadcast(Propose(state.view, state.installed, slot.number, content, vote.signature))

    def _next(
        self, parent: Standing, taken: set[tuple[bytes, bytes]], ripe_by: int | None = None
    ) -> tuple[Content, Judged] | None:
        """What can be proposed on top of the parent, and what follows from it."""
        state = self._state
        content = self._content(parent, taken, state.now if ripe_by is None else ripe_by)
        while content is not None:
            try:
                return content, judge(state.group, parent, content, Knowledge(state, parent.entries + 1, taken))
            except TooEarly as early:  # those are for later
                content = _without(content, set(early.requests))
            except Refused:
                return None
        return None

    def _content(self, parent: Standing, taken: set[tuple[bytes, bytes]], ripe_by: int) -> Content | None:
        """What has been ripe since then and is not taken, with every report that names it; pending updates."""
        state = self._state
        updates = [
            each
            for each in state.updates.values()
            if each.change.serial > parent.serving[each.change.member].serial
            and state.wished[each.change.member].first <= ripe_by
        ]
        taken = set(taken)
        known: dict[bytes, bool] = {}
        haves: dict[bytes, Have] = {}
        decided: list[bytes] = []
        room = MOST_BYTES
        for request, since in state.reports.ripe.items():
            if len(decided) == MAX_BATCH or since > ripe_by:
                break
            pending = state.pool.get(request)
            if pending is None or (pending.asked.client, pending.asked.id) in taken:
                continue
            usable = self._usable(request, known)
            if len({each.report.member for each in usable.values()}) < state.group.quorum:
                continue
            room -= sum(_size(each.report) for digest, each in usable.items() if digest not in haves)
            if decided and (room < 0 or len(haves.keys() | usable.keys()) > MAX_REPORTS - state.n):
                break
            haves.update(usable)
            decided.append(request)
            taken.add((pending.asked.client, pending.asked.id))
        if not decided:
            haves = dict(state.reports.newest.values())
        return self._timely(parent, haves, decided, updates)

    def _usable(self, request: bytes, known: dict[bytes, bool]) -> dict[bytes, Have]:
        """The reports that name a request, of those of which all is here; `known`: of which that is known."""
        usable = {}
        for digest, have in self._state.reports.naming(request).items():
            if digest not in known:
                known[digest] = self._is_usable(have.report)
            if known[digest]:
                usable[digest] = have
        return usable

    def _is_usable(self, report: Report) -> bool:
        """Whether all that a report names is here: what it says counts for every request decided with it.

        And is about the request that it is named for: a batch about others only goes when those are decided, and
        a proposal that rests on it could be judged by nobody any more.
        """
        state = self._state
        return all(
            state.answers.speaks(report.held[place], readied.request)
            for readied in report.ready
            if state.pool.get(readied.request) is not None
            for place in readied.held
        )

    def _timely(
        self, parent: Standing, haves: dict[bytes, Have], decided: list[bytes], updates: list[Update]
    ) -> Content | None:
        """What may be decided at the time that follows from these reports."""
        state = self._state
        reports = tuple(haves.values())
        time = time_of(parent, reports)
        asked = {request: pending.asked for request in decided if (pending := state.pool.get(request))}
        for request, each in asked.items():
            if time > each.deadline + LINGER:
                state.drop(request)
        may = tuple(request for request, each in asked.items() if timely(each, state.group.configuration, time))
        if not may and not updates:
            return None
        return Content(reports, may, tuple(updates))


def _size(report: Report) -> int:
    """About how many bytes it takes."""
    return 64 * (len(report.held) + len(report.ready)) + 3 * sum(len(each.held) for each in report.ready)


def _without(content: Content, requests: set[bytes]) -> Content | None:
    """What is left to propose, if anything is."""
    decided = tuple(request for request in content.decided if request not in requests)
    if not decided and not content.updates:
        return None
    return msgspec.structs.replace(content, decided=decided)


class Knowledge:
    """What this member knows, for judging the proposal with that number."""

    def __init__(self, state: State, number: int, taken: set[tuple[bytes, bytes]] | None = None) -> None:
        self._state = state
        self._flying = state.flight.ids(number) if taken is None else taken

    def asked(self, request: bytes) -> Asked:
        pending = self._state.pool.get(request)
        assert pending is not None, "bodies are here before a proposal is judged"
        return pending.asked

    def named(self, held: Held) -> Exec:
        return self._state.answers[held]

    def taken(self, asked: Asked) -> bool:
        return self._state.past(asked) is not None or (asked.client, asked.id) in self._flying


class Contained(Knowledge):
    """What an entry brings along, for judging it anew. Nothing in it need be believed: if it is not what it was,
    neither is its digest.
    """

    def __init__(self, state: State, body: Body) -> None:
        super().__init__(state, body.number)
        self._asked = {asked.digest: asked for batch in body.batches for asked in batch.asked}
        self._named = {Held(each.member, each.root): each for each in body.results}

    def asked(self, request: bytes) -> Asked:
        return self._asked[request]

    def named(self, held: Held) -> Exec:
        return self._named[held]
