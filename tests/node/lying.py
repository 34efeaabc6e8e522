"""A node that lies: a real member of its group, which says something else as well, with its own key."""

from __future__ import annotations

import msgspec

from consensus.messages import Vote
from node.daemon import Daemon


def vote_twice(daemon: Daemon) -> None:
    """From now on its member votes for nothing, too, wherever it votes for something."""
    (member,) = daemon._members._members.values()
    send = member.host._send

    def twice(words, frames):
        others = [(to, _other(member, word)) for to, word in words if isinstance(word, Vote)]
        send([*words, *others], frames)

    member.host._send = twice


def _other(member, vote: Vote) -> Vote:
    turned = msgspec.structs.replace(vote, entry=bytes(32))
    signed = turned.ballot(member.group.genesis, member.group.configuration.epoch).digest(turned.tag)
    return msgspec.structs.replace(turned, signature=member._seal.sign(turned.tag, signed))
