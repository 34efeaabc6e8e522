"""Lies about requests, results and votes: what a member may say wrongly whoever leads.

Each trick is a few lines: from what an honest member would send to one receiver, what this one sends instead.
"""

# ruff: noqa: ARG001 - all tricks have one form; many have no use for the receiver

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from assay.agreement.votes import Answered
from assay.digest import Tag
from consensus.messages import (
    Change,
    Content,
    Exec,
    Have,
    Held,
    Propose,
    Readied,
    Records,
    Requests,
    Result,
    Spoken,
    Status,
    Update,
    Vote,
    Want,
)
from consensus.replica import Replica
from consensus.simulator.copying import COPYING, revoted
from consensus.simulator.founding import Founded
from consensus.simulator.liars import FOR_EVER, Liar, Trick
from consensus.simulator.misleading import MISLEADING, WITHIN
from consensus.simulator.models import WRONG
from consensus.simulator.world import World

replace = msgspec.structs.replace


def _wrong(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """All liars vote for the same wrong answer."""
    if isinstance(message, Exec) and message.member == liar.place:
        return [
            liar.speak(tuple(revoted(liar, each, lambda votes: (WRONG,) * len(votes)) for each in message.results))
        ]
    return [message]


def _silent(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    liar.mute = FOR_EVER
    return []


def _deaf_to_half(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Speaks to half of the group."""
    return [message] if to % 2 else []


def _equivocating(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """One answer to half of the group, another to the rest, and sometimes both."""
    if not isinstance(message, Exec) or message.member != liar.place:
        return [message]
    other = liar.speak(
        tuple(
            revoted(liar, each, lambda votes: tuple((vote + 1) % 4 for vote in votes)) for each in message.results
        )
    )
    if liar.world.likely(0.3):
        return [message, other]
    return [other if to % 2 else message]


def _secretive(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Gives its answers to the leader only, and only once."""
    if not isinstance(message, Exec) or message.member != liar.place:
        return [message]
    if to != 0 or message.root in liar.told:
        return []
    liar.told.add(message.root)
    return [message]


def _senseless(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Votes for no label, and not one for each row."""
    if isinstance(message, Exec) and message.member == liar.place:
        odd = liar.world.chance.choice([(-7,), (2**53 - 1,), (0, 1, 2, 3, 4)])
        return [liar.speak(tuple(revoted(liar, each, lambda _: odd) for each in message.results))]
    return [message]


def _phantom(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Reports batches that nobody has, and requests that nobody has made."""
    if not isinstance(message, Have) or message.report.member != liar.place:
        return [message]
    report = message.report
    held = (*report.held, Held(liar.world.chance.choice(liar.others), liar.noise()))
    ready = tuple(replace(each, held=(*each.held, len(report.held))) for each in report.ready)
    strange = Readied(liar.noise(), (len(report.held),))
    return [liar.report(message, ready=(*ready, strange), held=held)]


def _forgetful(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Calls requests ready without a single answer."""
    if not isinstance(message, Have) or message.report.member != liar.place:
        return [message]
    ready = tuple(replace(each, held=()) for each in message.report.ready)
    return [liar.report(message, ready=ready, held=())]


def _mistimed(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """A clock at one end of time or the other."""
    if isinstance(message, Have) and message.report.member == liar.place:
        return [liar.report(message, clock=liar.world.chance.choice((0, 2**48 - 1)))]
    return [message]


def _double(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Votes twice, in either order."""
    if not isinstance(message, Vote) or message.member != liar.place:
        return [message]
    votes: list[Spoken] = [message, liar.vote(message, entry=liar.noise())]
    return votes if liar.world.likely(0.5) else votes[::-1]


def _garbage(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Votes for nothing, for numbers far off, in other views, and in others' names."""
    if not isinstance(message, Vote) or message.member != liar.place:
        return [message]
    chance = liar.world.chance
    odd = replace(
        message,
        number=max(0, message.number + chance.choice((-1, 0, 1, 5, 1000))),
        view=chance.choice((0, 0, 1, 4)),
        kind=chance.choice(("prepare", "commit")),
    )
    forged = replace(odd, member=chance.choice(liar.others))
    return [liar.vote(odd, entry=liar.noise()), replace(forged, signature=liar.noise(64))]


def _replaying(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Says again what others have said, at another time and to others."""
    if liar.heard and liar.world.likely(0.5):
        return [message, liar.world.chance.choice(liar.heard)]
    return [message]


def _strange(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Answers what nobody has asked, and in others' names."""
    if not isinstance(message, Exec):
        return [message]
    model = liar.founded.configuration.members[liar.place].model.commitment
    made_up = liar.speak((Result(liar.noise(), model, Answered(model, (1,))),))
    forged = replace(message, member=liar.world.chance.choice(liar.others))
    return [message, made_up, forged]


def _borrowing(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Answers in the name of a model that is not its own."""
    if not isinstance(message, Exec) or message.member != liar.place:
        return [message]
    model = liar.world.chance.choice((liar.noise(), liar.founded.configuration.members[0].model.commitment))
    results = tuple(replace(each, model=model, said=Answered(model, (WRONG,))) for each in message.results)
    return [liar.speak(results)]


def _usurping(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Proposes, though another leads."""
    if not isinstance(message, Vote | Status):
        return [message]
    number = message.number if isinstance(message, Vote) else message.entries + 1
    haves = tuple(each for each in liar.heard if isinstance(each, Have))
    empty = Propose(0, bytes(32), number, Content(haves, (), ()))
    real = [each for each in liar.heard if isinstance(each, Propose)]
    return [message, *real[-1:], empty]


def _begging(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Asks for everything, and says that it has nothing, or more than anybody."""
    entries = liar.world.chance.choice((0, 10**6))
    votes = [each.entry for each in liar.heard if isinstance(each, Vote)]
    wanted = Want(
        (liar.noise(),), (Held(liar.world.chance.choice(liar.others), liar.noise()),), tuple(dict.fromkeys(votes))
    )
    return (
        [message, wanted, Status(entries, liar.world.chance.choice((0, 10**6)))]
        if isinstance(message, Status)
        else [message]
    )


def _meddling(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Changes the models of others."""
    if not isinstance(message, Status):
        return [message]
    founded = liar.founded
    member = liar.world.chance.choice(liar.others)
    change = Change(founded.genesis, liar.group.configuration.epoch, member, 1, founded.model(member, 7))
    return [message, Update(change, liar.seal.sign(Tag.AGREEMENT_UPDATE, change.digest))]


def _rewriting(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Tells of an entry to which nobody has committed."""
    record = liar.record
    if not isinstance(message, Status) or record is None:
        return [message]
    commits = tuple(replace(each, signature=liar.noise(64)) for each in record.commits)
    last = record.entry
    entry = replace(last, number=last.number + 1, parent=last.digest, time=last.time + 1)
    false = replace(record, entry=entry, commits=commits)
    return [message, Records((false,))]


def _crooked(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Well-formed messages that contradict themselves, or speak of members that do not exist."""
    nobody = 15
    odd: Spoken
    match message:
        case Have():
            first = message.report.ready[:1]
            beyond = tuple(replace(each, held=(len(message.report.held) + 3,)) for each in first)
            strangers = (*message.report.held, Held(nobody, liar.noise()))
            odd = liar.world.chance.choice(
                [
                    liar.report(message, ready=(*message.report.ready, *beyond)),
                    liar.report(message, ready=message.report.ready * 2),
                    liar.report(message, held=strangers),
                    liar.report(message, member=nobody),
                ]
            )
        case Exec() if message.member == liar.place:
            odd = liar.world.chance.choice([liar.speak(message.results * 2), replace(message, member=nobody)])
        case Vote():
            odd = replace(message, member=nobody)
        case Update():
            odd = Update(replace(message.change, member=nobody), message.signature)
        case Requests():
            odd = replace(message, payloads=(*message.payloads, None))
        case Status():
            odd = Want((liar.noise(),) * 3, (Held(nobody, liar.noise()),) * 3)
        case _:
            return [message]
    return [message, odd] if liar.world.likely(0.5) else [odd, message]


WORDS: Mapping[str, Trick] = MappingProxyType(
    {
        "wrong": _wrong,
        "silent": _silent,
        "deaf-to-half": _deaf_to_half,
        "equivocating": _equivocating,
        "secretive": _secretive,
        "senseless": _senseless,
        "phantom": _phantom,
        "forgetful": _forgetful,
        "mistimed": _mistimed,
        "double": _double,
        "garbage": _garbage,
        "replaying": _replaying,
        "strange": _strange,
        "borrowing": _borrowing,
        "usurping": _usurping,
        "begging": _begging,
        "crooked": _crooked,
        "meddling": _meddling,
        "rewriting": _rewriting,
    }
)

EVERYWHERE = (*WORDS, *MISLEADING, *WITHIN)
TRICKS = (*EVERYWHERE, *COPYING)


def lying(replica: Replica, place: int, lies: Iterable[str], founded: Founded, world: World) -> Liar:
    """A replica with these of the `TRICKS`."""
    every = {**WORDS, **MISLEADING, **COPYING}
    liar = Liar(replica, place, [every[lie] for lie in lies if lie in every], founded, world)
    for lie in lies:
        if lie in WITHIN:
            WITHIN[lie](liar)
    return liar
