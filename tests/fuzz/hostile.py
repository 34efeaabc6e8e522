"""Whatever one member of a group may say, made from the types of messages alone and signed with its key."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import msgspec.inspect as types
from hypothesis import strategies as st
from msgspec import structs

from assay.digest import Tag
from consensus.messages import Exec, Have, NewView, Spoken, Update, ViewChange, Vote, decode
from consensus.succession import installing
from tests.consensus import made
from tests.consensus.test_replica_attacks import GROUP, LIAR, MODELS, asked
from tests.fuzz.shapes import values
from tests.sdk import groups

KEY = made.KEYS[LIAR]
KINDS = Spoken.__args__
KNOWN = {  # what it takes to be about something: without it hardly a message gets past the first look
    bytes: (
        made.GROUP,
        *MODELS,
        *(asked(i).digest for i in range(2)),
        bytes(32),
        groups.CLIENT.public.raw,
        KEY.public.raw,
        bytes(16),
    ),
    int: (0, 1, 2, 3, 4, 64, 1_000_000, 1_060_000, 2**31 - 1, 2**48 - 1, 2**53 - 1),
}

_pack = msgspec.msgpack.Encoder().encode


def plain(kind: type) -> st.SearchStrategy[Any]:
    """Of messages of that kind, as they stand in a frame."""
    return values(types.type_info(kind), KNOWN)


def said(value: Any) -> Spoken | None:
    """As the liar would say it, by its own name where it has a place for one; None where that is no message."""
    try:
        return signed(decode(_pack(value)))
    except msgspec.DecodeError:
        return None


def signed(message: Spoken) -> Spoken:
    match message:
        case Exec(results=results):
            digest = Exec.signed(made.GROUP, 0, LIAR, len(results), message.root)
            return Exec(LIAR, results, KEY.sign(Tag.AGREEMENT_EXEC, digest))
        case Have(report=report):
            mine = structs.replace(report, group=made.GROUP, epoch=0, member=LIAR)
            return Have(mine, KEY.sign(Tag.AGREEMENT_HAVE, mine.digest))
        case Update(change=change):
            wish = structs.replace(change, group=made.GROUP, epoch=0, member=LIAR)
            return Update(wish, KEY.sign(Tag.AGREEMENT_UPDATE, wish.digest))
        case Vote():
            vote = structs.replace(message, member=LIAR)
            ballot = vote.ballot(made.GROUP, 0).digest(vote.tag)
            return structs.replace(vote, signature=KEY.sign(vote.tag, ballot))
        case ViewChange(move=move):
            move = structs.replace(move, group=made.GROUP, epoch=0, member=LIAR)
            return ViewChange(move, KEY.sign(Tag.AGREEMENT_VIEW_CHANGE, move.digest))
        case NewView():
            began = installing(GROUP, message.view, message.changes)
            return structs.replace(message, signature=KEY.sign(Tag.AGREEMENT_NEW_VIEW, began))
    return message


def varied(chance: random.Random, value: Any) -> Any:
    """The same with other digests, and other numbers here and there."""
    match value:
        case dict():
            return {name: varied(chance, each) for name, each in value.items()}
        case list():
            return [varied(chance, each) for each in value]
        case bytes() if len(value) == 32 and chance.random() < 0.5:
            return chance.randbytes(32)
        case int() if not isinstance(value, bool) and chance.random() < 0.5:
            return value + chance.randrange(64)
    return value
