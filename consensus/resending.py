"""What may have been lost is sent again, and what is lacking is asked for; a member that is behind catches up.

Everything that a member receives twice changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.agreement.group import Epoch
from assay.agreement.views import MAX_LOCKS
from consensus.events import Supply
from consensus.judging import LINGER
from consensus.messages import MAX_BATCH, MAX_RECORDS, Heard, Held, Propose, Spoken, Status, Succeeded, Want
from consensus.slots import Slot
from consensus.speaking import Speaking
from consensus.state import FETCH, RELAY, K, Lacking, State
from consensus.succeeding import Succeeding

RESEND = 1_000  # ms after which what has led to nothing is sent again
IDLE = 5_000  # ms between words about where one stands when nothing happens
TRIES = 8  # requests for something nobody seems to have, before it is forgotten


class Resending:
    """Reads `state`; looks after lost messages."""

    def __init__(self, state: State, speaking: Speaking, succeeding: Succeeding) -> None:
        self._state = state
        self._succeeding = succeeding
        self._speaking = speaking
        self._round = 0  # when the next is due
        self._supplied: dict[int, tuple[int, int]] = {}  # by member: the first entry sent last, and when

    @property
    def wake(self) -> int:
        """When something is due."""
        state, wake = self._state, self._round
        if (due := state.next_due) is not None:
            wake = min(wake, due)
        if (passed := self._passed) is not None:
            wake = min(wake, passed.due)
        for missing in (state.missing, state.lacking, state.absent):
            if missing:
                wake = min(wake, *(each.due for each in missing.values()))
        return wake

    def relay(self) -> None:
        """Tells members of requests that their client may not have sent to them."""
        state = self._state
        silent: dict[int, list[bytes]] = {}
        for request in state.touched:
            pending = state.pool.get(request)
            if pending is None or pending.relayed or state.now < pending.heard + RELAY:
                continue
            pending.relayed = True
            spoken = {held.member for held in state.answers.about(request)} | {state.me}
            for member in set(range(state.n)) - spoken:
                silent.setdefault(member, []).append(request)
        for member, requests in sorted(silent.items()):
            for first in range(0, len(requests), MAX_BATCH):
                state.out.send.append((member, Heard(tuple(requests[first : first + MAX_BATCH]))))

    def on_time(self) -> None:
        """Does what is due."""
        self._fetch()
        self._follow()
        if self._is_busy:
            self._round = min(self._round, self._state.now + RESEND)
        if self._state.now >= self._round:
            self._again()

    def status(self, member: int, status: Status) -> None:
        """Where a member stands: it is sent what it lacks, or asked for more."""
        state, mine = self._state, self._state.standing.entries
        entries, view, earlier = status.entries, status.view, status.epoch < self._state.standing.epoch
        if status.part < state.group.configuration.epoch:
            self._hand_on(member, state.group.later[status.part])
        if entries < mine or earlier:
            before, when = self._supplied.get(member, (0, -RESEND))
            if entries + 1 > before or state.now >= when + RESEND:
                self._supplied[member] = (entries + 1, state.now)
                self._supply(Supply(member, entries + 1, MAX_RECORDS, jump=True, far=earlier))
        if not earlier and view < state.in_view and state.new_view is not None:
            state.out.send.append((member, state.new_view))
        mine_too = (mine, state.in_view, state.standing.epoch, state.group.configuration.epoch)
        if any(a > b for a, b in zip((entries, view, status.epoch, status.part), mine_too, strict=True)):
            state.out.send.append((member, state.status))

    def _hand_on(self, member: int, epoch: Epoch) -> None:
        """To who is in the one before; a standing is little, an epoch is not: no more than once in a while."""
        state, what = self._state, (member, epoch.configuration.digest)
        if state.now >= state.given.get(what, -RESEND) + RESEND // 2:
            state.given[what] = state.now
            state.out.send.append((member, Succeeded(epoch)))

    def older(self, member: int, before: int) -> None:
        """A member wants the entries before that one."""
        if 1 < before <= self._state.standing.entries:
            first = max(1, before - MAX_RECORDS)
            self._supply(Supply(member, first, before - first, jump=False))

    def _supply(self, supply: Supply) -> None:
        """Once in a step, however often it asks."""
        others = [each for each in self._state.out.supply if each.member != supply.member]
        self._state.out.supply = [*others, supply]

    def greet(self, member: int) -> None:
        """A member can be reached again: everything that it may have missed."""
        state = self._state
        self._to([member], older_than=state.now)
        if member == state.leader:
            self._speaking.tell([each for each in state.pool if each.ready])

    # --- within -------------------------------------------------------------------------------------------

    @property
    def _is_busy(self) -> bool:
        """Whether something waits to be decided."""
        state = self._state
        over = state.standing.over is not None
        return bool(state.pool or state.slots or state.changes or state.signed or not state.active or over)

    def _again(self) -> None:
        state = self._state
        state.answers.forget_strange(state.now - state.group.configuration.horizon - 2 * LINGER)
        state.signed = {held: sent for held, sent in state.signed.items() if held in state.answers}
        state.given = {what: when for what, when in state.given.items() if when > state.now - RESEND}
        self._forget_wishes()
        self._succeeding.repeat()
        self._round = state.now + (RESEND if self._is_busy else IDLE)
        others = [member for member in range(state.n) if member != state.me]
        self._to(others, older_than=state.now - RESEND // 2)
        stale = [each for each in state.pool if each.ready and each.reported <= state.now - RESEND // 2]
        stalled = state.now >= state.progressed + RESEND
        self._speaking.tell(stale, everyone=stalled)
        if state.changes:
            self._speaking.tell_the_time(everyone=stalled)

    def _forget_wishes(self) -> None:
        """Changes of which their owner speaks no more."""
        state = self._state
        for member, wish in list(state.wished.items()):
            if member not in state.updates or (member != state.me and wish.last < state.now - TRIES * RESEND):
                state.updates.pop(member, None)
                del state.wished[member]

    def _to(self, members: list[int], older_than: int) -> None:
        """One's own words that have led to nothing yet, and where one stands."""
        state = self._state
        stale = [held for held, sent in state.signed.items() if sent <= older_than and self._matters(held)]
        messages: list[Spoken] = [state.answers[held] for held in stale]
        if len(members) > 1:
            state.signed |= dict.fromkeys(stale, state.now)
        for slot in state.slots.values():
            if slot.began <= older_than:
                messages += self._said_of(slot)
        if not state.active and state.moved is not None:
            messages.append(state.moved)
        messages += [update for update in state.updates.values() if update.change.member == state.me]
        messages.append(state.status)
        state.out.send += [(member, message) for member in members for message in messages]

    def _said_of(self, slot: Slot) -> list[Spoken]:
        """A proposal of one's own, and one's votes."""
        state = self._state
        said: list[Spoken] = []
        if state.leads and slot.content is not None:
            said.append(Propose(state.view, state.installed, slot.number, slot.content))
        return [*said, *(votes[state.me] for votes in (slot.prepares, slot.commits) if state.me in votes)]

    def _matters(self, held: Held) -> bool:
        """Whether a batch is about a request that waits here; after a restart others must first tell of it."""
        state = self._state
        return held in state.answers and any(
            state.pool.get(result.request) is not None for result in state.answers[held].results
        )

    @property
    def _passed(self) -> Slot | None:
        """The next entry, where the group has decided it and this member cannot carry it out."""
        state = self._state
        slot = state.slots.get(state.standing.entries + 1)
        return slot if slot is not None and slot.is_decided(state.group.quorum) else None

    def _follow(self) -> None:
        """Asks those for the next entry who have decided it: the leader may have kept it from this member."""
        state, slot = self._state, self._passed
        if slot is None:
            return
        if slot.due and state.now >= slot.due:
            state.out.send += [(member, state.status) for member in slot.commits if member != state.me]
        if state.now >= slot.due:
            slot.due = state.now + (RESEND if slot.due else FETCH)

    def _fetch(self) -> None:
        """Asks for what has been named and has not come, one after another of those who named it."""
        state = self._state
        if not (state.missing or state.lacking or state.absent):
            return
        missing, lacking = self._due(state.missing, TRIES), self._due(state.lacking, TRIES)
        absent = self._due(state.absent, None)
        for member in sorted(missing.keys() | lacking.keys() | absent.keys()):
            wanted, batches = missing.get(member, []), lacking.get(member, [])
            entries = [entry for entry in absent.get(member, []) if entry not in state.bodies][:MAX_LOCKS]
            if wanted or batches or entries:
                lacks = Want(tuple(wanted[:MAX_BATCH]), tuple(batches[:MAX_BATCH]), tuple(entries))
                state.out.send.append((member, lacks))

    def _due(self, missing: Lacking[K], tries: int | None) -> Mapping[int, list[K]]:
        """By member what to ask it for; given up after so many tries with each."""
        found: dict[int, list[K]] = {}
        for what, each in list(missing.items()):
            if each.due <= self._state.now:
                member = each.next
                if tries is not None and each.asked[member] >= tries:
                    missing.forget(what)
                    if isinstance(what, bytes):
                        self._give_up(what)
                    continue
                found.setdefault(member, []).append(what)
                each.asked[member] += 1
                each.due = self._state.now + RESEND
        return found

    def _give_up(self, request: bytes) -> None:
        """Forgets what has been said about a request, but for one's own word: it comes again if it is true."""
        if self._state.pool.get(request) is not None:
            return  # only its inputs were missing
        self._state.reports.drop(request)
        if not self._state.has_spoken(request):
            self._state.drop(request)
