"""What a leader proposes: requests that a quorum has called ready, on every usable report of them; model changes.

A member that does not lead asks itself the same, to know whether its leader could have proposed something.
"""

from __future__ import annotations

import msgspec

from assay.agreement.entry import Asked
from assay.errors import Refused
from consensus.durable import Standing
from consensus.judging import LINGER, MOST_VOTES, Judged, TooEarly, judge, time_of, timely
from consensus.knowledge import Knowledge
from consensus.messages import MAX_BATCH, MAX_REPORTS, Content, Have, Held, Report, Successor, Update
from consensus.ordering import Ordering
from consensus.slots import Slot
from consensus.state import State

DEPTH = 4  # entries that the leader has under vote at one time
MOST_BYTES = 16 * 1024 * 1024  # of the reports of one entry, unless a single request has more


class Proposing:
    """Reads and fills `state`."""

    def __init__(self, state: State, ordering: Ordering) -> None:
        self._state = state
        self._ordering = ordering

    def propose(self) -> bool:
        """Proposes the next entry if this member leads and there is something to put into it."""
        state = self._state
        if not state.leads or not state.arrived:
            return False
        if state.standing.entries < state.floor:
            return False  # who is behind catches up before it leads
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
        self._ordering.lead(slot or Slot(parent.entries + 1), *found)
        return True

    def could_propose(self, before: int) -> bool:
        """Whether there is something that a leader should have proposed by then, whatever is under vote."""
        state = self._state
        return self._next(state.standing, set(), ripe_by=before) is not None

    def _next(
        self, parent: Standing, taken: set[tuple[bytes, bytes]], ripe_by: int | None = None
    ) -> tuple[Content, Judged] | None:
        """What can be proposed on top of the parent, and what follows from it."""
        state = self._state
        if parent.over is not None:
            return None
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
        ending = state.successor is not None and state.successor_heard <= ripe_by
        if state.successor is not None and ending and (last := self._ending(state.successor, parent, taken)):
            return last
        if ending:
            updates = []
        taken = taken | self._in_flight(parent)
        known: dict[bytes, bool] = {}
        haves: dict[bytes, Have] = {}
        decided: list[bytes] = []
        room, batches, votes, most = MOST_BYTES, set[Held](), 0, MAX_REPORTS - state.n
        for request, since in state.reports.ripe.items():
            if len(decided) == MAX_BATCH or since > ripe_by:
                break
            pending = state.pool.get(request)
            if pending is None or (pending.asked.client, pending.asked.id) in taken:
                continue
            fixed = state.fixings.of(pending.asked)
            if fixed != request and (fixed is not None or ending):
                continue  # another with this id was fixed; at an epoch's end nothing more is
            usable = self._usable(request, known)
            if len({each.report.member for each in usable.values()}) < state.group.quorum:
                continue
            room -= sum(_size(each.report) for digest, each in usable.items() if digest not in haves)
            more = state.answers.about(request).keys() - batches
            votes += sum(state.answers[held].votes for held in more)
            full = room < 0 or votes > MOST_VOTES
            full = full or len(haves) + len(usable) > most < len(haves.keys() | usable.keys())
            if decided and full:
                break
            batches |= more
            haves.update(usable)
            decided.append(request)
            taken.add((pending.asked.client, pending.asked.id))
        if not decided:
            haves = dict(state.reports.newest.values())
        return self._timely(parent, haves, decided, updates)

    def _in_flight(self, parent: Standing) -> set[tuple[bytes, bytes]]:
        """(client, id) of requests on which words are being fixed, hence not yet shown."""
        fixings = self._state.flight.fixings(parent.entries + 1)
        return {(each.words.client, each.words.id) for every in fixings for each in every}

    def _ending(self, successor: Successor, parent: Standing, taken: set[tuple[bytes, bytes]]) -> Content | None:
        """What ends the epoch stands alone, on the clocks of a quorum, once all is decided that has been shown."""
        newest = tuple(have for _, have in self._state.reports.newest.values())
        if len(newest) < self._state.group.quorum:
            return None
        known = Knowledge(self._state, parent.entries + 1, taken)
        return None if known.unsettled(time_of(parent, newest)) else Content(newest, (), (), successor)

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
        if not state.group.configuration.copy_resistant:
            return Content(reports, may, tuple(updates))
        fixed = tuple(each for each in may if self._is_to_be_fixed(each, asked[each], time))
        rest = set(may) - set(fixed)
        return Content(reports, tuple(each for each in may if each in rest), tuple(updates), fixed=fixed)

    def _is_to_be_fixed(self, request: bytes, asked: Asked, time: int) -> bool:
        """Whether the words on it are still to be fixed; past its deadline it can only fail."""
        return not self._state.fixings.number(request) and time <= asked.deadline


def _size(report: Report) -> int:
    """About how many bytes it takes."""
    return 64 * (len(report.held) + len(report.ready)) + 3 * sum(len(each.held) for each in report.ready)


def _without(content: Content, requests: set[bytes]) -> Content | None:
    """What is left to propose, if anything is."""
    decided = tuple(request for request in content.decided if request not in requests)
    fixed = tuple(request for request in content.fixed if request not in requests)
    if not decided and not fixed and not content.updates:
        return None
    return msgspec.structs.replace(content, decided=decided, fixed=fixed)
