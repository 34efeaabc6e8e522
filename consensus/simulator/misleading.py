"""Lies of leaders, and of those that change the view."""

# ruff: noqa: ARG001, SLF001 - all tricks have one form; some reach into the replica that they twist

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from assay.agreement.entry import Entry
from assay.agreement.group import Signed
from assay.agreement.views import Move, Quorum
from assay.agreement.votes import Erred
from assay.errors import Refused
from consensus.durable import Standing
from consensus.judging import Known, judge
from consensus.knowledge import Knowledge
from consensus.messages import (
    Body,
    Content,
    Exec,
    Have,
    Held,
    NewView,
    Propose,
    Readied,
    Report,
    Result,
    Spoken,
    Status,
    ViewChange,
    Vote,
)
from consensus.proposing import _without
from consensus.simulator.liars import FOR_EVER, Liar, Trick
from consensus.succession import installing

replace = msgspec.structs.replace
FAR = (3, 10**6, 2**52)  # views ahead


# --- two proposals ----------------------------------------------------------------------------------------


def _two_faced(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Proposes one entry to some and another to the rest, both right, and votes with each."""
    if isinstance(message, Propose) and message.view % len(liar.others) == liar.place:
        place = message.view, message.number
        if place not in liar.other:
            liar.other[place] = _another(liar, message)
        other = liar.other[place]
        return [other[0]] if other and to in liar.half else [message]
    if isinstance(message, Vote) and message.member == liar.place and to in liar.half:
        other = liar.other.get((message.view, message.number))
        return [liar.vote(message, entry=other[1].digest)] if other else [message]
    return [message]


def _another(liar: Liar, proposal: Propose) -> tuple[Propose, Entry] | None:
    """Another right proposal for the same number, if there is one."""
    parent = _parent(liar, proposal.number)
    if parent is None:
        return None
    for content in _fewer(liar, proposal.content):
        if found := _follows(liar, proposal, content, parent, liar.knowledge(proposal.number)):
            return found
    return None


def _parent(liar: Liar, number: int) -> Standing | None:
    state = liar.state
    if state.standing.entries == number - 1:
        return state.standing
    slot = state.slots.get(number - 1)
    return slot.judged.standing if slot is not None and slot.judged is not None else None


def _fewer(liar: Liar, content: Content) -> Iterator[Content]:
    """Without one of its requests, its changes, or all reports of one member."""
    some = list(content.decided)
    liar.world.chance.shuffle(some)
    for request in some:
        if fewer := _without(content, {request}):
            yield fewer
    for member in liar.others:
        haves = tuple(each for each in content.haves if each.report.member != member)
        if haves != content.haves:
            yield replace(content, haves=haves)
    if content.updates and content.decided:
        yield replace(content, updates=())


def _follows(
    liar: Liar, proposal: Propose, content: Content, parent: Standing, known: Known
) -> tuple[Propose, Entry] | None:
    try:
        judged = judge(liar.group, parent, content, known)
    except (Refused, AssertionError, KeyError):
        return None
    return replace(proposal, content=content), judged.entry


def _accomplice(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Prepares, and commits to, whatever anybody has voted for."""
    if not isinstance(message, Vote) or message.member != liar.place:
        return [message]
    every: list[Spoken] = [message]
    for entry in liar.entries.get((message.view, message.number), {}):
        every += [liar.vote(message, kind=kind, entry=entry) for kind in ("prepare", "commit")]
    return every


# --- proposals that do not come, or rest on nothing -------------------------------------------------------


def _withholding(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Keeps proposals, and beginnings of views, from some."""
    if isinstance(message, Propose | NewView) and to in liar.half:
        return []
    return [message]


def _baseless(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Its proposals rest on results of its own that it gives to nobody, or on what does not exist."""
    if isinstance(message, Exec):
        return [] if message.root in liar.told else [message]
    if not isinstance(message, Propose):
        return [message]
    place = message.view, message.number
    if place not in liar.other:
        liar.other[place] = _resting_on_secrets(liar, message)
    other = liar.other[place]
    if other is not None:
        return [other[0]]
    content = replace(message.content, decided=(*message.content.decided, liar.noise()))
    return [replace(message, content=content)]


def _resting_on_secrets(liar: Liar, proposal: Propose) -> tuple[Propose, Entry] | None:
    parent, content = _parent(liar, proposal.number), proposal.content
    if parent is None or not content.decided:
        return None
    results = tuple(Result(request, parent.serving[liar.place].commitment, Erred()) for request in content.decided)
    secret = liar.speak(results)
    held = Held(liar.place, secret.root)
    liar.told.add(secret.root)
    group, epoch = liar.founded.genesis, liar.group.configuration.epoch
    ready = tuple(Readied(request, (0,)) for request in content.decided)
    report = Report(group, epoch, liar.place, liar.now, ready, (held,))
    have = liar.report(Have(report, b""))
    more = replace(content, haves=(*content.haves, have))
    return _follows(liar, proposal, more, parent, _Initiated(liar, proposal.number, {held: secret}))


def _vanishing(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Says nothing for a while, or for ever, once it has proposed something."""
    if liar.now < liar.mute:
        return []
    if isinstance(message, Propose) and to == liar.others[-1 if liar.place != liar.others[-1] else -2]:
        liar.mute = liar.now + liar.world.chance.choice((500, 3_000, 20_000, FOR_EVER))
    return [message]


def _sluggish(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Says everything late, as late as it may or later."""
    liar.say_later(liar.world.chance.choice((50, 900, 1_900, 4_000)), to, message)
    return []


class _Initiated(Knowledge):
    """Knows secret results besides."""

    def __init__(self, liar: Liar, number: int, secret: Mapping[Held, Exec]) -> None:
        super().__init__(liar.state, number)
        self._secret = secret

    def named(self, held: Held) -> Exec:
        return self._secret[held] if held in self._secret else super().named(held)


def _false_bodies(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Refuses what a new view must decide again, or shows something else in its place."""
    if not isinstance(message, Body):
        return [message]
    content = message.content
    every: list[list[Spoken]] = [
        [],
        [replace(message, content=replace(content, haves=content.haves[1:]))],
        [replace(message, results=(), batches=())],
        [replace(message, results=message.results[1:])],
        [replace(message, content=replace(content, decided=content.decided * 2)), message],
    ]
    return liar.world.chance.choice(every)


# --- moves ------------------------------------------------------------------------------------------------


def _is_own(liar: Liar, message: Spoken) -> bool:
    return isinstance(message, ViewChange) and message.move.member == liar.place


def _lockless(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Has committed to nothing when it changes the view, and sometimes never executed anything."""
    if isinstance(message, ViewChange) and _is_own(liar, message):
        head = message.move.head if liar.world.likely(0.5) else None
        return [liar.move(message.move, locks=(), head=head)]
    return [message]


def _forging_locks(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Claims to have seen prepared what was not: by too few, in another view, another entry."""
    if not isinstance(message, ViewChange) or not _is_own(liar, message):
        return [message]
    move = message.move
    locks = (*move.locks, *_claims(liar, move))
    if not locks:
        return [message]
    lock = liar.world.chance.choice(locks)
    few = liar.founded.configuration.f + 1
    forged = liar.world.chance.choice(
        [
            replace(lock, signatures=lock.signatures[:few]),
            replace(lock, view=move.view - 1),
            replace(lock, view=move.view),
            replace(lock, entry=replace(lock.entry, time=lock.entry.time + 1)),
            replace(lock, signatures=lock.signatures[:1] * len(lock.signatures)),
        ]
    )
    return [liar.move(move, locks=(forged,))]


def _claims(liar: Liar, move: Move) -> Iterator[Quorum]:
    """What some have prepared, though maybe not 2f + 1: by their PREPAREs, as they were heard, and its own."""
    head = 0 if move.head is None else move.head.entry.number
    known = {**liar.known, **{each[1].digest: each[1] for each in liar.other.values() if each is not None}}
    ballots: dict[tuple[bytes, int, bytes], dict[int, Vote]] = {}
    for vote in liar.memory:
        if isinstance(vote, Vote) and vote.kind == "prepare" and vote.entry in known and vote.view < move.view:
            ballots.setdefault((vote.entry, vote.view, vote.installed), {})[vote.member] = vote
    for (entry, view, installed), votes in ballots.items():
        if known[entry].number > head:
            some = next(iter(votes.values()))
            signed = sorted({**votes, liar.place: liar.vote(some, member=liar.place)}.items())
            yield Quorum(known[entry], view, installed, tuple(Signed(who, vote.signature) for who, vote in signed))


def _two_moves(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Moves into one view twice, with more and with less."""
    if isinstance(message, ViewChange) and _is_own(liar, message):
        bare = liar.move(message.move, locks=(), head=None)
        return [message, bare] if to in liar.half else [bare, message]
    return [message]


def _restless(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Wants another leader all the time, and sometimes a view that is far off."""
    if not isinstance(message, Status):
        return [message]
    state = liar.state
    ahead = 1 if liar.world.likely(0.7) else liar.world.chance.choice(FAR)
    group = liar.group
    view = min(state.view + ahead, 2**53 - 1)
    move = Move(group.genesis, group.configuration.epoch, liar.place, view, state.head, ())
    return [message, liar.move(move)]


# --- beginnings -------------------------------------------------------------------------------------------


def _two_beginnings(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Begins its view with one quorum for some and with another for the rest, who may also hear of both."""
    if isinstance(message, NewView) and message.view % len(liar.others) == liar.place:
        if message.view not in liar.installs:
            liar.installs[message.view] = liar.new_view(message.view, _other_moves(liar, message))
        if to in liar.half:
            other = liar.installs[message.view]
            return [other] if liar.world.likely(0.7) else [message, other]
    other_begin = liar.installs.get(message.view) if isinstance(message, Vote | Propose) else None
    if other_begin is None or to not in liar.half:
        return [message]
    installed = installing(liar.group, other_begin.view, other_begin.changes)
    if isinstance(message, Vote) and message.member == liar.place:
        return [liar.vote(message, installed=installed)]
    return [replace(message, installed=installed)] if isinstance(message, Propose) else [message]


def _other_moves(liar: Liar, new_view: NewView) -> list[ViewChange]:
    """Without one that is not needed; with its own made barer; with none of the others' locks, if that may be."""
    changes = list(new_view.changes)
    if len(changes) > liar.group.quorum:
        others = [each for each in changes if each.move.member != liar.place]
        changes.remove(max(others, key=lambda each: len(each.move.locks)))
    return [liar.move(each.move, locks=(), head=None) if _is_own(liar, each) else each for each in changes]


def _false_start(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Begins views on the word of too few, of the same ones over and over, of those who moved elsewhere or not at
    all; and in the name of others.
    """
    if not isinstance(message, Status | ViewChange | Have) or not liar.moves:
        return [message]
    chance, n, quorum = liar.world.chance, len(liar.others), liar.group.quorum
    heard = chance.choice(list(liar.moves))
    own = heard + (liar.place - heard) % n
    view = chance.choice((heard, own))
    group, epoch = liar.group.genesis, liar.group.configuration.epoch
    moves = {**liar.moves[heard], liar.place: liar.move(Move(group, epoch, liar.place, view, None, ()))}
    changes = [moves[member] for member in sorted(moves)]
    bare = [liar.move(Move(group, epoch, member, view, None, ())) for member in liar.others]
    odd = chance.choice(
        [
            liar.new_view(view, changes[: quorum // 2 + 1]),
            liar.new_view(view, (changes * quorum)[:quorum]),
            liar.new_view(own, changes),
            liar.new_view(own, bare[:quorum]),
            replace(liar.new_view(heard, changes), signature=liar.noise(64)),
            liar.new_view(heard, changes),
        ]
    )
    return [message, odd]


def _echoing(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Says again what was said in other views: votes, proposals, moves, beginnings."""
    if liar.memory and liar.world.likely(0.3):
        return [message, liar.world.chance.choice(liar.memory)]
    return [message]


# --- what happens within ----------------------------------------------------------------------------------


def _censoring(liar: Liar) -> None:
    """Proposes nothing of one client: the first that it hears of."""
    proposing: Any = liar.inner._proposing
    choose: Callable[..., Content | None] = proposing._content
    victim: list[bytes] = []

    def content(*arguments: Any) -> Content | None:
        found = choose(*arguments)
        if found is None:
            return None
        every = {each: pending.asked.client for each in found.decided if (pending := liar.state.pool.get(each))}
        victim.extend(list(every.values())[: 1 - len(victim)])
        return _without(found, {each for each, client in every.items() if client in victim})

    proposing._content = content


def _overlooking(liar: Liar) -> None:
    """Leaves out the reports of one member where there are enough others."""
    proposing: Any = liar.inner._proposing
    choose: Callable[..., Content | None] = proposing._content
    victim = liar.world.chance.choice([each for each in liar.others if each != liar.place])

    def content(*arguments: Any) -> Content | None:
        found = choose(*arguments)
        if found is None:
            return None
        haves = tuple(each for each in found.haves if each.report.member != victim)
        enough = len({each.report.member for each in haves}) >= liar.group.quorum
        return replace(found, haves=haves) if enough else found

    proposing._content = content


MISLEADING: Mapping[str, Trick] = MappingProxyType(
    {
        "two-faced": _two_faced,
        "accomplice": _accomplice,
        "withholding": _withholding,
        "baseless": _baseless,
        "vanishing": _vanishing,
        "sluggish": _sluggish,
        "false-bodies": _false_bodies,
        "lockless": _lockless,
        "forging-locks": _forging_locks,
        "two-moves": _two_moves,
        "restless": _restless,
        "two-beginnings": _two_beginnings,
        "false-start": _false_start,
        "echoing": _echoing,
    }
)
WITHIN: Mapping[str, Callable[[Liar], None]] = MappingProxyType(
    {
        "censoring": _censoring,
        "overlooking": _overlooking,
    }
)
