"""When a member gives up on its leader: it has had time for what this member itself could have proposed.

A slow model, or a client that reaches few members, deposes nobody: what is not ready for 2f + 1 members could not
have been proposed. Before a member gives up it hands its leader the reports that it may have missed. The time that
a leader is given doubles once f views have failed, with each that fails; it shrinks back as entries are executed.
"""

from __future__ import annotations

from consensus.messages import MAX_REPORTS, Have
from consensus.proposing import Proposing
from consensus.state import State

PATIENCE = 2_000  # ms for the leader of a view that follows a good one
MOST_DOUBLED = 6  # times
CENSORED = 4  # times its patience that a request may wait while others are decided


class Suspecting:
    """Reads `state`."""

    def __init__(self, state: State, proposing: Proposing) -> None:
        self._state = state
        self._proposing = proposing
        self._possible: int | None = None  # since when something could be proposed, as far as was looked
        self._handed: set[bytes] = set()  # reports that the present leader has been given by this member

    @property
    def patience(self) -> int:
        """ms. As many leaders as may be faulty are given the same, one by one; from then on it doubles."""
        state = self._state
        return PATIENCE << min(max(0, state.setbacks - state.group.configuration.f), MOST_DOUBLED)

    @property
    def due(self) -> int | None:
        """When to look again, at the earliest; None where nothing waits for the leader."""
        state, since = self._state, self._waiting_since
        if since is None:
            return None
        half, whole = self._deadline(since, self.patience // 2), self._deadline(since, self.patience)
        return half if state.now < half else max(whole, state.now + self.patience // 8)

    def has_failed(self) -> bool:
        """Whether the leader of the present view is given up. Hands it what it may lack at half-time."""
        state, since = self._state, self._waiting_since
        if not self._is_led:
            return False
        if any(slot.refused for slot in state.slots.values()) or self._keeps_the_epoch_open():
            return True
        if since is None or state.now < self._deadline(since, self.patience // 2):
            self._possible = None
            return False
        if self._possible is None and self._proposing.could_propose(state.now - self.patience // 2):
            self._possible = state.now
        if state.now < self._deadline(since, self.patience):
            self._hand_over()
            return False
        return self._is_stuck() or self._has_passed_over()

    def forget(self) -> None:
        """There is another leader."""
        self._handed.clear()
        self._possible = None

    # --- within -------------------------------------------------------------------------------------------

    @property
    def _waiting_since(self) -> int | None:
        """Since when something could be proposed or executed, as far as is seen at a glance."""
        state = self._state
        if not self._is_led:
            return None
        times = [slot.began for slot in state.slots.values() if not slot.is_open]
        times += [wish.first for member, wish in state.wished.items() if member in state.updates]
        for since in state.reports.ripe.values():
            times.append(since)
            break
        if state.successor is not None:
            times.append(state.successor_heard)
        return min(times) if times else None

    @property
    def _is_led(self) -> bool:
        """Whether there is a leader to wait for."""
        state = self._state
        return state.active and not state.leads and state.arrived and state.standing.over is None

    def _deadline(self, since: int, patience: int) -> int:
        """By then: nothing has been executed for so long, or this has been passed over for much longer."""
        return min(max(since, self._state.progressed) + patience, since + CENSORED * patience)

    def _keeps_the_epoch_open(self) -> bool:
        """Whether it goes on fixing words though a successor has long been known: it may be who is to go."""
        state = self._state
        if state.successor is None:
            return False
        long = state.successor_heard + CENSORED * self.patience
        proposed = (slot for slot in state.slots.values() if slot.content is not None and slot.content.fixed)
        return any(slot.began > long for slot in proposed)

    def _is_stuck(self) -> bool:
        """Whether what is under vote has led to nothing for so long."""
        state = self._state
        before = state.now - self.patience
        return any(not slot.is_open and slot.began <= before for slot in state.slots.values())

    def _has_passed_over(self) -> bool:
        """Whether the leader could have proposed something for long: not only since a slow member has answered."""
        if not self._proposing.could_propose(self._state.now - self.patience):
            self._possible = None
        return self._possible is not None and self._possible <= self._state.now - self.patience // 2

    def _hand_over(self) -> None:
        state = self._state
        haves: dict[bytes, Have] = {}
        for request in state.reports.ripe:
            haves |= state.reports.naming(request)
            if len(haves) >= MAX_REPORTS:
                break
        for digest, have in haves.items():
            if digest not in self._handed:
                self._handed.add(digest)
                state.out.send.append((state.leader, have))
