"""A member of a group, without sockets, clock, threads or chance: events in, effects out.

    step: hear what has come in -> run models -> sign results -> report what is ready
          -> judge, vote, execute -> propose -> send again what may have been lost

Whoever runs it (`consensus.host`, `consensus.simulator`) does what `Ready` says, in its order.
"""

from __future__ import annotations

from collections.abc import Iterable

from assay.digest import Tag
from consensus.catching_up import CatchingUp
from consensus.durable import Restored
from consensus.events import Adopting, Event, Linked, Lost, Ran, Ready, Received, Reconfiguring, Tick
from consensus.hearing import Hearing
from consensus.judging import LINGER, Group
from consensus.messages import (
    Body,
    Change,
    Exec,
    Farewell,
    Have,
    Heard,
    Held,
    Jump,
    NewView,
    Older,
    Propose,
    Reconfigure,
    Records,
    Requests,
    Status,
    Succeeded,
    Update,
    ViewChange,
    Vote,
    Want,
)
from consensus.ordering import Ordering
from consensus.proposing import Proposing
from consensus.resending import Resending
from consensus.seals import Seal
from consensus.slots import Slot
from consensus.speaking import Speaking
from consensus.state import State
from consensus.succeeding import Succeeding
from consensus.suspecting import Suspecting
from consensus.viewing import Viewing


class Replica:
    """Member `me` of `group`, as `restored` from its storage; `seal` signs with its key."""

    def __init__(self, group: Group, me: int, seal: Seal, restored: Restored) -> None:
        self.state = State(group, me, seal, restored)
        self._hearing = Hearing(self.state)
        self._speaking = Speaking(self.state, self._hearing)
        self._ordering = Ordering(self.state, self._hearing)
        self._succeeding = Succeeding(self.state, self._speaking)
        self._resending = Resending(self.state, self._speaking, self._succeeding)
        self._proposing = Proposing(self.state, self._ordering)
        self._catching_up = CatchingUp(self.state, self._ordering)
        self._suspecting = Suspecting(self.state, self._proposing)
        self._viewing = Viewing(self.state, self._hearing, self._speaking, self._suspecting)
        self._restored: Restored | None = restored

    def step(self, now: int, events: Iterable[Event]) -> Ready:
        """As in `events.Machine`."""
        state = self.state
        state.now = max(state.now, now)
        state.out = Ready()
        if self._restored is not None:
            self._restore(self._restored)
            self._restored = None
        for event in events:
            self._take(event)
        self._go_on()
        self._resending.on_time()
        self._catching_up.on_time()
        times = (self._resending.wake, self._suspecting.due, self._viewing.due, self._catching_up.due)
        state.out.wake = min(each for each in times if each is not None)
        return state.out

    @property
    def waiting(self) -> list[Requests]:
        """What has been asked and not decided: for the replica that takes its place in the next epoch."""
        pool, batches = self.state.pool, {each.batch.signature: each for each in self.state.pool}
        return [
            Requests(
                one.batch,
                tuple(None if (each := pool.get(digest)) is None else each.payload for digest in one.together),
            )
            for one in batches.values()
        ]

    # --- events -------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        state = self.state
        match event:
            case Received(sender, message):
                self._hear(sender, message)
            case Ran(results):
                state.spoken += results
            case Adopting(model):
                state.wanted = model
                self._adopt()
            case Reconfiguring(successor):
                self._succeeding.reconfigure(Reconfigure(successor))
            case Linked(member):
                state.lost.discard(member)
                self._resending.greet(member)
            case Lost(member):
                state.lost.add(member)
                state.touched |= dict.fromkeys(each.digest for each in state.pool if not each.ready)
                if member == state.leader:
                    self._speaking.tell([each for each in state.pool if each.ready])
            case Tick():
                pass

    def _hear(self, sender: int | bytes, message: object) -> None:
        match message:
            case Requests():
                self._hearing.requests(sender, message)
            case Want():
                self._hearing.want(sender, message)
            case _ if isinstance(sender, bytes):
                pass  # a client has nothing else to say
            case Heard():
                self._hearing.heard(sender, message.requests)
            case Exec():
                self._hearing.results(message)
            case Have():
                self._hearing.have(sender, message)
            case Update():
                self._update(message)
            case Records():
                self._catching_up.records(sender, message)
            case Jump():
                self._catching_up.jump(sender, message)
            case Older(before):
                self._resending.older(sender, before)
            case Status():
                self._resending.status(sender, message)
            case _:
                self._hear_of_views(sender, message)

    def _hear_of_views(self, sender: int, message: object) -> None:
        match message:
            case Propose():
                if not self._viewing.early(sender, message):
                    self._hearing.propose(sender, message)
            case Vote():
                if not self._viewing.early(sender, message):
                    self._hearing.vote(message)
            case Body():
                self._hearing.body(message)
            case ViewChange():
                self._viewing.change(sender, message)
            case NewView():
                self._viewing.new_view(message)
            case _:
                self._hear_of_epochs(message)

    def _hear_of_epochs(self, message: object) -> None:
        match message:
            case Reconfigure():
                self._succeeding.reconfigure(message)
            case Farewell():
                self._succeeding.farewell(message)
            case Succeeded():
                self._succeeding.succeeded(message)

    def _adopt(self) -> None:
        """Signs the owner's wish to change, once, unless it has come true.

        Serials are times, so that what was signed before a restart, and forgotten, is never signed otherwise.
        """
        state, model = self.state, self.state.wanted
        waiting = state.updates.get(state.me)
        if model is None or (waiting.change.model if waiting else state.serving.model) == model:
            return
        last = waiting.change.serial if waiting else state.serving.serial
        serial = max(last + 1, state.now)
        change = Change(state.group.genesis, state.group.configuration.epoch, state.me, serial, model)
        update = Update(change, state.seal.sign(Tag.AGREEMENT_UPDATE, change.digest))
        state.broadcast(update)
        self._update(update)

    def _update(self, update: Update) -> None:
        waiting = self.state.updates.get(update.change.member)
        self._hearing.update(update)
        if self.state.updates.get(update.change.member) is not waiting:
            self._speaking.tell_the_time()

    # --- what follows from them ---------------------------------------------------------------------------

    def _go_on(self) -> None:
        state = self.state
        state.touch_due()
        if not state.arrived:
            return
        if state.touched:
            self._forget_lapsed()
            self._resending.relay()
            self._speaking.run()
        if state.spoken:
            self._speaking.sign()
        if state.touched:
            self._speaking.report()
        self._order()
        if self._viewing.go_on():
            self._order()
        if state.unopened:
            self._open()
        self._succeeding.go_on()
        if state.out.adopted:
            self._adopt()  # it may have been an earlier wish that came true

    def _open(self) -> None:
        """Words were fixed in this step: what follows from what is under them."""
        self._speaking.open()
        self._speaking.report()
        self._order()

    def _order(self) -> None:
        while self._ordering.advance() or self._proposing.propose():
            pass

    def _forget_lapsed(self) -> None:
        """Requests on which nobody may decide any more."""
        state = self.state
        for request in state.touched.copy():
            pending = state.pool.get(request)
            if pending is not None and state.now >= pending.asked.deadline + 2 * LINGER:
                state.drop(request)

    def _restore(self, restored: Restored) -> None:
        """Own words from before: they stand, and nothing else is ever said in their place."""
        state = self.state
        for spoken in restored.spoken:
            held = Held(state.me, spoken.root)
            state.signed[held] = 0
            self._hearing.hold(held, spoken)
        for body in restored.bodies:
            self._hearing.prepared(body)
        for cast in restored.votes:
            if cast.lock is not None:  # those of later views come later
                state.locks[cast.vote.number] = cast.lock
        state.unopened |= {fixing.words.request: None for fixing in restored.fixed}
        state.head, state.ending = restored.head, restored.ending
        self._viewing.restore(restored.moved, restored.installed)
        for vote in (cast.vote for cast in restored.votes):
            if state.active and (vote.view, vote.installed) == (state.view, state.installed):
                slot = state.slots.setdefault(vote.number, Slot(vote.number, began=state.now))
                slot.entry = vote.entry
                slot.votes(vote.kind)[state.me] = vote
