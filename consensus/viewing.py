"""View changes: members move on from a leader that they have given up, and the next one begins a view.

A member that moves says what it has executed and what it has committed to, on disk before it leaves, and votes
in no earlier view again. The next leader begins its view with the moves of 2f + 1 members; what the view takes
over follows from them alone (`consensus.succession`), so nobody has to believe it. What is taken over is
prepared and committed anew, each member from its own copy or one that it fetches; then the leader proposes.
"""

from __future__ import annotations

from collections import deque

from assay.agreement.views import Move, estate
from assay.digest import Tag
from consensus.durable import Installed, Moved
from consensus.hearing import Hearing
from consensus.messages import NewView, Propose, ViewChange, Vote
from consensus.proposing import DEPTH
from consensus.slots import AHEAD, Slot
from consensus.speaking import Speaking
from consensus.state import State
from consensus.succession import Moves, installing
from consensus.suspecting import Suspecting

NEWS = b"a later view"
MOST_EARLY = 4 * AHEAD  # votes of one member in a view that has not begun here


class Viewing:
    """Fills `state`."""

    def __init__(self, state: State, hearing: Hearing, speaking: Speaking, suspecting: Suspecting) -> None:
        self._state = state
        self._hearing = hearing
        self._speaking = speaking
        self._suspecting = suspecting
        self._moves = Moves(state.group, state.seal)
        self._changes: dict[int, ViewChange] = {}  # by member its latest
        self._heard_of_moves = False  # since it was last looked whether to follow
        self._early: dict[int, deque[tuple[int, Vote | Propose]]] = {}  # by member that sent it
        self._since: int | None = None  # when 2f + 1 members had moved as far as this one, or further

    @property
    def due(self) -> int | None:
        """When this member moves on from a view that does not begin."""
        return None if self._since is None else self._since + self._suspecting.patience

    def go_on(self) -> bool:
        """Moves where that is due, and begins the view if this member leads it and may. Whether it has begun."""
        state = self._state
        before = (state.view, state.active)
        if self._suspecting.has_failed():
            self._move(state.view + 1)
        self._follow()
        if not state.active:
            self._begin()
        if not state.active:
            self._wait()
        return state.active and before != (state.view, True)

    # --- what comes in ------------------------------------------------------------------------------------

    def change(self, sender: int, message: ViewChange) -> None:
        """A member's move; who has not heard that the view has begun is told."""
        state, move = self._state, message.move
        if move.member >= state.n:
            return
        if (
            move.view <= state.in_view
            and state.new_view is not None
            and self._hearing.gives(sender, state.installed)
        ):
            state.out.send.append((sender, state.new_view))
        before = self._changes.get(move.member)
        if before is None or before.move.view < move.view:
            if self._moves.is_right(message):
                self._changes[move.member] = message
                self._heard_of_moves = True
        elif before.move.view == move.view and before.move != move and self._moves.is_right(message):
            state.catch(move.member, "move", move.view, before, message)

    def new_view(self, message: NewView) -> None:
        """The beginning of a view at least as late as that into which this member has moved."""
        state = self._state
        is_news = message.view > state.view or (message.view == state.view and not state.active)
        if is_news and self._moves.begins(message):
            self._install(message)
        elif state.new_view is not None and state.new_view.view == message.view:
            moves = [each.move for each in message.changes]
            if moves != [each.move for each in state.new_view.changes] and self._moves.begins(message):
                leader = state.group.leader(message.view)
                state.catch(leader, "beginning", message.view, state.new_view, message)

    def early(self, sender: int, message: Vote | Propose) -> bool:
        """Keeps what is said in a view that has not begun here."""
        state = self._state
        if message.view < state.view or (message.view == state.view and state.active):
            return False
        theirs = self._early.setdefault(sender, deque(maxlen=MOST_EARLY))
        if isinstance(message, Propose):
            proposals = sum(isinstance(each, Propose) for _, each in theirs)
            if proposals >= DEPTH or sender != state.group.leader(message.view):
                return True
        theirs.append((sender, message))
        if self._hearing.gives(sender, NEWS):
            state.out.send.append((sender, state.status))  # it has the NEW-VIEW
        return True

    def restore(self, moved: ViewChange | None, installed: NewView | None) -> None:
        """Where this member was before it was restarted."""
        if installed is not None:
            self._enter(installed)
        if moved is not None and moved.move.view > self._state.in_view:
            self._leave(moved)

    # --- moving -------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """f + 1 members cannot all be lying: when they have moved, so does this one."""
        state = self._state
        if not self._heard_of_moves:
            return
        self._heard_of_moves = False
        views = sorted((each.move.view for each in self._changes.values()), reverse=True)
        f = state.group.configuration.f
        if len(views) > f and views[f] > state.view:
            self._move(views[f])

    def _move(self, view: int) -> None:
        state = self._state
        state.setbacks += 1
        locks = tuple(state.locks[number] for number in sorted(state.locks))
        epoch = state.group.configuration.epoch
        move = Move(state.group.genesis, epoch, state.me, view, state.head, locks)
        change = ViewChange(move, state.seal.sign(Tag.AGREEMENT_VIEW_CHANGE, move.digest))
        state.out.persist.append(Moved(change))
        state.broadcast(change)
        self._leave(change)
        self._speaking.tell([each for each in state.pool if each.ready])

    def _leave(self, change: ViewChange) -> None:
        state = self._state
        state.view, state.active, state.moved = change.move.view, False, change
        self._changes[state.me] = change
        self._since = None
        self._clear()

    def _clear(self) -> None:
        state = self._state
        state.slots.clear()
        state.flight.clear()
        state.absent.clear()
        self._suspecting.forget()

    def _wait(self) -> None:
        """Gives the next leader its time from when it could have begun."""
        state = self._state
        moved = sum(each.move.view >= state.view for each in self._changes.values())
        if moved < state.group.quorum:
            self._since = None
        elif self._since is None:
            self._since = state.now
        elif state.now >= self._since + self._suspecting.patience:
            self._move(state.view + 1)

    # --- beginning ----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        state = self._state
        changes = [each for _, each in sorted(self._changes.items()) if each.move.view == state.view]
        if state.leader != state.me or len(changes) < state.group.quorum:
            return
        signed = installing(state.group, state.view, changes)
        new_view = NewView(state.view, tuple(changes), state.seal.sign(Tag.AGREEMENT_NEW_VIEW, signed))
        state.broadcast(new_view)
        self._install(new_view)

    def _install(self, new_view: NewView) -> None:
        """From now on this member votes in that view."""
        state = self._state
        self._enter(new_view)
        state.out.persist.append(Installed(new_view))
        state.broadcast(state.status)
        self._speaking.tell([each for each in state.pool if each.ready])
        if state.changes:
            self._speaking.tell_the_time()
        waiting, self._early = self._early, {}
        for sender, message in (each for theirs in waiting.values() for each in theirs):
            if not self.early(sender, message):
                self._hear(sender, message)

    def _enter(self, new_view: NewView) -> None:
        state = self._state
        self._clear()
        self._since = None
        state.view, state.active, state.new_view = new_view.view, True, new_view
        state.installed = installing(state.group, new_view.view, new_view.changes)
        state.progressed = state.now
        inherited = estate(state.group.genesis, (each.move for each in new_view.changes))
        state.floor = 0 if inherited.head is None else inherited.head.entry.number
        for quorum in inherited.carried:
            entry = quorum.entry
            if entry.number <= state.standing.entries:
                continue
            state.slots[entry.number] = Slot(entry.number, entry.digest, began=state.now)
            if entry.digest not in state.bodies:
                for each in quorum.signatures:
                    if each.member != state.me:
                        state.absent.name(entry.digest, each.member, state.now)

    def _hear(self, sender: int, message: Vote | Propose) -> None:
        if isinstance(message, Vote):
            self._hearing.vote(message)
        else:
            self._hearing.propose(sender, message)
