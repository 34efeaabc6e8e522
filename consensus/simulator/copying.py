"""Lies in copy-resistant groups: about what is under a seal, and under whose. Elsewhere they change nothing."""

# ruff: noqa: ARG001 - all tricks have one form; many have no use for the receiver

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from assay.agreement.sealing import Author, Opened, Sealed, seal
from assay.agreement.votes import Answered, Word
from consensus.messages import Exec, Result, Spoken
from consensus.simulator.liars import Liar, Trick

replace = msgspec.structs.replace
Votes = tuple[int, ...]


def revoted(liar: Liar, result: Result, change: Callable[[Votes], Votes]) -> Result:
    """A result of the liar's with other votes: under a seal and shown alike."""
    said = result.said
    match said:
        case Answered():
            return replace(result, said=_changed(said, change))
        case Opened():
            return replace(result, said=replace(said, said=_changed(said.said, change)))
        case Sealed():
            secret = liar.state.secrets.get(result.request, {}).get(result.model)
            if secret is None or not isinstance(secret.said, Opened):
                return result
            opened = replace(secret.said, said=_changed(secret.said.said, change))
            return replace(result, said=replace(said, seal=_own_seal(liar, result, opened)))
        case _:
            return result


def _changed(word: Word, change: Callable[[Votes], Votes]) -> Word:
    return replace(word, votes=change(word.votes)) if isinstance(word, Answered) else word


def _own_seal(liar: Liar, result: Result, opened: Opened) -> bytes:
    epoch = liar.group.configuration.epoch
    return seal(Author(liar.founded.genesis, epoch, liar.place), result.request, result.model, opened)


def _is(message: Spoken, liar: Liar, kind: type[Sealed | Opened]) -> bool:
    own = isinstance(message, Exec) and message.member == liar.place
    return own and isinstance(message, Exec) and any(isinstance(each.said, kind) for each in message.results)


def _closed(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Shows nothing."""
    return [] if _is(message, liar, Opened) else [message]


def _blurting(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Shows what is under its seals along with them."""
    if not isinstance(message, Exec) or not _is(message, liar, Sealed):
        return [message]
    secrets = (liar.state.secrets.get(each.request, {}).get(each.model) for each in message.results)
    known = tuple(each for each in secrets if each is not None)
    return [message, liar.speak(known)] if known else [message]


def _rewording(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Shows something else than it has sealed: with the same salt, or what another has shown, salt and all."""
    if not isinstance(message, Exec) or not _is(message, liar, Opened):
        return [message]
    if liar.world.likely(0.5):
        return [liar.speak(tuple(_reworded(each) for each in message.results))]
    theirs = _heard(liar, Opened)
    return [liar.speak(tuple(replace(each, said=theirs.get(each.request, each.said)) for each in message.results))]


def _reworded(result: Result) -> Result:
    said = result.said
    if not isinstance(said, Opened):
        return result
    return replace(
        result, said=replace(said, said=_changed(said.said, lambda votes: tuple((v + 1) % 4 for v in votes)))
    )


def _copying(liar: Liar, to: int, message: Spoken) -> list[Spoken]:
    """Puts others' seals under its own name; and shows, when the time has come, what they have shown."""
    if not isinstance(message, Exec) or message.member != liar.place:
        return [message]
    theirs = _heard(liar, Sealed if _is(message, liar, Sealed) else Opened)
    copied = tuple(_copied(each, theirs) for each in message.results)
    return [liar.speak(copied)]


def _copied(result: Result, theirs: Mapping[bytes, Sealed | Opened]) -> Result:
    said = theirs.get(result.request)
    if isinstance(said, Sealed):
        said = replace(said, model=result.model)
    return result if said is None else replace(result, said=said)


def _heard(liar: Liar, kind: type[Sealed | Opened]) -> dict[bytes, Sealed | Opened]:
    """By request, what another has sealed or shown."""
    batches = [each for each in liar.heard if isinstance(each, Exec) and each.member != liar.place]
    return {each.request: each.said for batch in batches for each in batch.results if isinstance(each.said, kind)}


COPYING: Mapping[str, Trick] = MappingProxyType(
    {"closed": _closed, "blurting": _blurting, "rewording": _rewording, "copying": _copying}
)
