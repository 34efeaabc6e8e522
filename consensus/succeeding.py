"""From one epoch to the next: a successor is ordered as the last entry; members sign where their epoch has ended.
2f + 1 such words put the next configuration in force, and this replica has done its work.

Whoever has missed that is handed the epoch that follows, and believes it for these words.
"""

from __future__ import annotations

from assay.agreement.group import Approved, Configuration, Epoch
from assay.digest import Tag
from assay.errors import AssayError
from consensus.judging import Group, require_successor
from consensus.messages import Farewell, Reconfigure, Succeeded, Successor
from consensus.seals import Seal
from consensus.speaking import Speaking
from consensus.state import State


class Succeeding:
    """Fills `state`."""

    def __init__(self, state: State, speaking: Speaking) -> None:
        self._state = state
        self._speaking = speaking
        self._farewells: dict[int, Approved] = {}  # by member, all of the same end
        self._told = False

    # --- what comes in ------------------------------------------------------------------------------------

    def reconfigure(self, message: Reconfigure) -> None:
        """A successor that may follow, agreed to by all who must; the first one counts until it is ordered."""
        state, successor = self._state, message.successor
        if state.successor is not None or state.standing.over is not None or not state.arrived:
            return
        if self._may_follow(successor) and is_agreed(state.group, successor, state.seal):
            state.successor, state.successor_heard = successor, state.now
            state.broadcast(message)
            self._speaking.tell_the_time()

    def farewell(self, message: Farewell) -> None:
        state, approved = self._state, message.approved
        over, standing = state.standing.over, state.standing
        if over is None or approved.member >= state.n or approved.member in self._farewells:
            return
        if (approved.last, approved.entry) == (standing.entries, standing.last) and _is_signed(
            state.group.configuration, state.group.genesis, over, approved, state.seal
        ):
            self._farewells[approved.member] = approved

    def succeeded(self, message: Succeeded) -> None:
        """The epoch that follows this one, from somebody who is in it."""
        state, epoch = self._state, message.epoch
        if (epoch.configuration.epoch, epoch.configuration.previous) == (
            state.group.configuration.epoch + 1,
            state.group.configuration.digest,
        ) and begins(state.group, epoch, state.seal):
            self._end(epoch)

    # --- what follows -------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Says where the epoch has ended, once it has; the next one begins with the words of a quorum."""
        state, standing = self._state, self._state.standing
        if standing.over is None and state.successor is not None and not self._may_follow(state.successor):
            state.successor = None  # a member has changed its model: another is to be signed
        if standing.over is None or state.head is None:
            return
        if state.me not in self._farewells:
            signed = Approved.signed(state.group.genesis, standing.over, standing.entries, standing.last)
            signature = state.seal.sign(Tag.GROUP_APPROVAL, signed)
            self._farewells[state.me] = Approved(state.me, standing.entries, standing.last, signature)
            self.repeat()
        successor = state.ending
        if len(self._farewells) >= state.group.quorum and successor is not None:
            approvals = tuple(self._farewells[member] for member in sorted(self._farewells))
            self._end(Epoch(successor.configuration, successor.consents, approvals))

    def repeat(self) -> None:
        """What may have been lost."""
        state = self._state
        if state.me in self._farewells:
            state.broadcast(Farewell(self._farewells[state.me]))
        elif state.successor is not None:
            state.broadcast(Reconfigure(state.successor))

    def _may_follow(self, successor: Successor) -> bool:
        try:
            require_successor(self._state.group, self._state.standing, successor.configuration)
        except AssayError:
            return False
        return True

    def _end(self, epoch: Epoch) -> None:
        if not self._told:
            self._told = True
            self._state.out.succeeded = epoch


def is_agreed(group: Group, successor: Successor, seal: Seal) -> bool:
    """Whether all its members have signed a configuration, and 2f + 1 of the present ones."""
    configuration, digest = successor.configuration, successor.digest
    members = [each.member for each in successor.words]
    if members != sorted(set(members)) or len(members) < group.quorum or members[-1] >= group.configuration.n:
        return False
    keys = [group.configuration.members[each.member].key for each in successor.words]
    words = zip(keys, (each.signature for each in successor.words), strict=True)
    return _consented(configuration, successor.consents, seal) and all(
        seal.verifies(key, Tag.GROUP, digest, signature) for key, signature in words
    )


def begins(group: Group, epoch: Epoch, seal: Seal) -> bool:
    """Whether 2f + 1 members of the present epoch have said that this one follows, and its own take part."""
    configuration, approvals = epoch.configuration, epoch.approvals
    members = [each.member for each in approvals]
    if members != sorted(set(members)) or len(members) < group.quorum or members[-1] >= group.configuration.n:
        return False
    if len({(each.last, each.entry) for each in approvals}) != 1:
        return False
    digest = configuration.digest
    return _consented(configuration, epoch.consents, seal) and all(
        _is_signed(group.configuration, group.genesis, digest, each, seal) for each in approvals
    )


def _consented(configuration: Configuration, consents: tuple[bytes, ...], seal: Seal) -> bool:
    return len(consents) == configuration.n and all(
        seal.verifies(member.key, Tag.GROUP, configuration.digest, consent)
        for member, consent in zip(configuration.members, consents, strict=True)
    )


def _is_signed(before: Configuration, genesis: bytes, after: bytes, approved: Approved, seal: Seal) -> bool:
    signed = Approved.signed(genesis, after, approved.last, approved.entry)
    return seal.verifies(before.members[approved.member].key, Tag.GROUP_APPROVAL, signed, approved.signature)
