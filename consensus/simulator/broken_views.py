"""Replicas that are broken on purpose when views change, as `broken` has them for all else."""

# ruff: noqa: SLF001, ARG001 - it breaks in; what it puts in place takes what it took

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from msgspec.structs import replace

from assay.agreement.views import Estate, Move, Quorum, estate
from assay.digest import Tag
from consensus import viewing
from consensus.hearing import Hearing
from consensus.messages import NewView, Propose, ViewChange, Vote
from consensus.simulator.breaking import every, hasty, instead, restored
from consensus.slots import AHEAD, Slot
from consensus.succession import Moves, installing
from consensus.suspecting import PATIENCE, Suspecting
from consensus.viewing import Viewing


def forget_locks() -> AbstractContextManager[None]:
    """Forgets, when it starts again, on what its commitments rested."""
    return restored(
        lambda kept: dataclasses.replace(kept, votes=[dataclasses.replace(each, lock=None) for each in kept.votes])
    )


def forget_moves() -> AbstractContextManager[None]:
    """Forgets, when it starts again, that it has moved on."""
    return restored(lambda kept: dataclasses.replace(kept, moved=None))


def forget_beginnings() -> AbstractContextManager[None]:
    """Forgets, when it starts again, which view has begun."""
    return restored(lambda kept: dataclasses.replace(kept, installed=None))


def accept_stale_votes() -> AbstractContextManager[None]:
    """Counts votes of earlier views, and on other beginnings of this one."""

    def early(self: Viewing, sender: int, message: Vote | Propose) -> bool:
        return False

    def slot(self: Hearing, message: Vote | Propose) -> Slot | None:
        state = self._state
        if not state.active or message.view > state.view:
            return None
        if not state.standing.entries < message.number <= state.standing.entries + AHEAD:
            return None
        return state.slots.setdefault(message.number, Slot(message.number))

    return every(instead(Viewing, "early", early), instead(Hearing, "_slot", slot))


def _inheriting(choose: Callable[[bytes, list[Move]], Estate]) -> AbstractContextManager[None]:
    def chosen(genesis: bytes, moves: Iterable[Move]) -> Estate:
        return choose(genesis, list(moves))

    return instead(viewing, "estate", chosen)


def take_over_nothing() -> AbstractContextManager[None]:
    """Begins views as if nothing had been committed to."""
    return _inheriting(lambda genesis, moves: Estate(estate(genesis, moves).head, ()))


def take_over_the_oldest() -> AbstractContextManager[None]:
    """Takes over what was prepared first where several entries were at one number."""

    def upside_down(move: Move) -> Move:
        return replace(move, locks=tuple(replace(lock, view=-lock.view) for lock in move.locks))

    def oldest(genesis: bytes, moves: list[Move]) -> Estate:
        found = estate(genesis, [upside_down(move) for move in moves])
        return Estate(found.head, tuple(replace(lock, view=-lock.view) for lock in found.carried))

    return _inheriting(oldest)


def build_below_the_head() -> AbstractContextManager[None]:
    """Decides anew in a view what the group has decided before it, where it has not heard of that."""
    enter = Viewing._enter

    def low(self: Viewing, new_view: NewView) -> None:
        enter(self, new_view)
        self._state.floor = 0

    return instead(Viewing, "_enter", low)


def lock_on_too_few() -> AbstractContextManager[None]:
    """Takes for prepared what f + 1 members have prepared, in others' moves."""
    proves = Moves.proves

    def easily(self: Moves, tag: Tag, quorum: Quorum) -> bool:
        if tag is not Tag.AGREEMENT_PREPARE:
            return proves(self, tag, quorum)
        with hasty(self, "_group"):
            return proves(self, tag, quorum)

    return instead(Moves, "proves", easily)


def begin_on_too_few() -> AbstractContextManager[None]:
    """Begins a view when f + 1 members have moved."""
    begin, begins = Viewing._begin, Moves.begins

    def soon(self: Viewing) -> None:
        with hasty(self._state, "group"):
            begin(self)

    def easily(self: Moves, new_view: NewView) -> bool:
        with hasty(self, "_group"):
            return begins(self, new_view)

    return every(instead(Viewing, "_begin", soon), instead(Moves, "begins", easily))


def begin_twice() -> AbstractContextManager[None]:
    """Lets its leader begin a view another time."""

    def new_view(self: Viewing, message: NewView) -> None:
        state = self._state
        other = installing(state.group, message.view, message.changes) != state.installed
        if message.view >= state.view and other and self._moves.begins(message):
            self._install(message)

    return instead(Viewing, "new_view", new_view)


def vote_after_moving() -> AbstractContextManager[None]:
    """Says that it moves on, and goes on in the view in which it is."""
    move = Viewing._move

    def half(self: Viewing, view: int) -> None:
        state = self._state
        if state.moved is not None and state.moved.move.view >= view:
            return
        before = (state.view, state.active, dict(state.slots))
        move(self, view)
        state.view, state.active = before[:2]
        state.slots.update(before[2])

    return instead(Viewing, "_move", half)


def suspect_nobody() -> AbstractContextManager[None]:
    """Gives up on no leader."""
    return instead(Suspecting, "has_failed", lambda _self: False)


def suspect_always() -> AbstractContextManager[None]:
    """Gives up on a leader as soon as there is something to do."""

    def has_failed(self: Suspecting) -> bool:
        return self._state.active and not self._state.leads and self._waiting_since is not None

    return instead(Suspecting, "has_failed", has_failed)


def never_wait_longer() -> AbstractContextManager[None]:
    """Gives every leader the same time, however many have failed."""
    return instead(Suspecting, "patience", property(lambda _self: PATIENCE // 16))


def believe_any_beginning() -> AbstractContextManager[None]:
    """Takes a view for begun whoever says so."""

    def begins(self: Moves, new_view: NewView) -> bool:
        members = [each.move.member for each in new_view.changes]
        return (
            members == sorted(set(members))
            and len(members) >= self._group.quorum
            and all(each.move.view == new_view.view and self.is_right(each) for each in new_view.changes)
        )

    return instead(Moves, "begins", begins)


def believe_any_move() -> AbstractContextManager[None]:
    """Takes a move for a member's whoever has signed it."""

    def is_right(self: Moves, change: ViewChange) -> bool:
        move = change.move
        return (
            move.member < self._group.configuration.n
            and all(lock.view < move.view for lock in move.locks)
            and (move.head is None or self.proves(Tag.AGREEMENT_COMMIT, move.head))
            and all(self.proves(Tag.AGREEMENT_PREPARE, lock) for lock in move.locks)
        )

    return instead(Moves, "is_right", is_right)


OF_VIEWS: tuple[Callable[[], AbstractContextManager[None]], ...] = (
    forget_locks,
    forget_moves,
    forget_beginnings,
    accept_stale_votes,
    take_over_nothing,
    build_below_the_head,
    lock_on_too_few,
    begin_on_too_few,
    begin_twice,
    vote_after_moving,
    suspect_nobody,
    suspect_always,
    never_wait_longer,
    believe_any_beginning,
    believe_any_move,
)
