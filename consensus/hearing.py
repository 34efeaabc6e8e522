"""What comes in: each message checked for itself, and put where the rest of the replica finds it.

Nothing here depends on who has sent a message beyond what is said of clients: what counts is who has signed it.
What does not hold is dropped without a word; its sender may be a liar, or late.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.agreement.entry import Asked
from assay.digest import Tag
from assay.errors import AssayError
from assay.model import input_digest
from consensus.judging import LINGER, SLACK, fits
from consensus.messages import (
    MAX_VOTES,
    Batch,
    Body,
    Exec,
    Have,
    Held,
    Payload,
    Propose,
    Refusal,
    Requests,
    Update,
    Vote,
    Want,
)
from consensus.pool import Pending
from consensus.slots import AHEAD, Slot
from consensus.state import State, Wish

GIVEN = 500  # ms within which a member is not sent the same thing twice because it asks
NEAR = 8  # numbers beyond the last entry for which proposals are kept: they may be large
AHEAD_OF_US = 5_000  # ms by which a client's clock may be ahead of ours


class Hearing:
    """Fills `state`."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._interface = state.group.configuration.interface

    # --- requests -----------------------------------------------------------------------------------------

    def requests(self, sender: int | bytes, message: Requests) -> None:
        state, batch = self._state, message.batch
        if len(message.payloads) != len(batch.asked) or (isinstance(sender, bytes) and sender != batch.client):
            return
        if any((each.client, each.group) != (batch.client, state.group.genesis) for each in batch.asked):
            return
        digests = tuple(each.digest for each in batch.asked)
        unknown = any(state.pool.get(digest) is None and not state.is_over(digest) for digest in digests)
        if unknown and not self._signed_by_client(batch, digests):
            return
        refused: dict[str, list[bytes]] = {}
        for place, payload in enumerate(message.payloads):
            if problem := self._request(sender, batch, place, digests, payload):
                refused.setdefault(problem, []).append(digests[place])
        if isinstance(sender, bytes):
            for problem, which in refused.items():
                state.out.reply.append((sender, Refusal(tuple(which), "refused", problem)))

    def _signed_by_client(self, batch: Batch, digests: Sequence[bytes]) -> bool:
        signed = Batch.signed(digests)
        return self._state.seal.verifies(batch.client, Tag.AGREEMENT_BATCH, signed, batch.signature)

    def _request(
        self, sender: int | bytes, batch: Batch, place: int, together: tuple[bytes, ...], payload: Payload | None
    ) -> str:
        """Takes in one request; why not, where that is for ever."""
        state, asked, digest = self._state, batch.asked[place], together[place]
        if past := state.past(asked):
            if isinstance(sender, bytes) and past.request == digest:
                state.out.recall.append((sender, past.number, past.index))
            return ""
        pending = state.pool.get(digest)
        if pending is None:
            if self._is_too_late(asked, 0 if isinstance(sender, bytes) else LINGER):
                return ""
            if asked.deadline > state.now + state.group.configuration.horizon + _ahead(sender):
                return "the deadline is beyond the group's horizon"
            if digest not in state.missing and not state.pool.has_room(batch.client):
                return ""
            pending = Pending(digest, asked, batch, together, heard=state.now)
            state.let_in(pending)
        if payload is None and pending.payload is None and isinstance(sender, int) and sender != state.me:
            state.miss(digest, sender)  # its inputs: whoever sent it was asked for others of its batch
        if payload is None or pending.payload is not None:
            return ""
        return self._fill(pending, payload)

    def _is_too_late(self, asked: Asked, after: int) -> bool:
        """By this member's clock, or by the group's: what was said of it in time may have been forgotten."""
        state = self._state
        return state.now > asked.deadline + after or state.standing.time > asked.deadline + LINGER

    def _fill(self, pending: Pending, payload: Payload) -> str:
        try:
            if input_digest(payload.salt, payload.inputs) != pending.asked.input:
                return ""  # somebody has the right one, or nobody
            inputs = self._interface.accept(payload.inputs)
        except AssayError as error:
            return str(error)[:1024]
        if inputs != payload.inputs or inputs[0].shape[0] != pending.asked.rows:
            return "the inputs are not in the interface's order, or not as many rows as were said"
        self._state.pool.fill(pending, payload)
        self._state.missing.forget(pending.digest)
        self._state.touched[pending.digest] = None
        return ""

    def heard(self, sender: int, requests: tuple[bytes, ...]) -> None:
        """Requests that a member knows: those that are unknown here are asked for."""
        state = self._state
        for request in state.undecided(requests):
            if state.pool.get(request) is None:
                state.miss(request, sender)

    # --- results ------------------------------------------------------------------------------------------

    def results(self, message: Exec) -> None:
        """A batch of anybody's results."""
        state, member = self._state, message.member
        if member >= state.n or len({each.request for each in message.results}) != len(message.results):
            return
        if len(message.results) > 1 and message.votes > MAX_VOTES:
            return
        held = Held(member, message.root)
        if held in state.answers:
            return
        signed = Exec.signed(
            state.group.genesis,
            state.group.configuration.epoch,
            member,
            len(message.results),
            held.root,
        )
        if state.seal.verifies(state.key(member), Tag.AGREEMENT_EXEC, signed, message.signature):
            self.hold(held, message)

    def hold(self, held: Held, signed: Exec, *, needed: bool = False) -> None:
        """A batch whose signature is right."""
        state = self._state
        needed = state.lacking.forget(held) or needed or held.member == state.me
        undecided = state.undecided(each.request for each in signed.results)
        self._compare(held, signed)
        if not undecided or not (needed or self._is_of_use(signed, undecided)):
            return
        strangers = [request for request in undecided if state.pool.get(request) is None]
        state.answers.add(held, signed, undecided, strange=set(strangers), now=state.now)
        for request in strangers if held.member != state.me else ():
            state.miss(request, held.member)
        for request in undecided:
            state.touched[request] = None

    def _compare(self, held: Held, signed: Exec) -> None:
        """With what the same member has said of the same requests, by the same models."""
        state = self._state
        for result in signed.results:
            for other, before in state.answers.about(result.request).items():
                if other.member == held.member and before.contradicts(result):
                    about = (result.request, result.model)
                    state.catch(held.member, "result", about, state.answers[other], signed)

    def _is_of_use(self, signed: Exec, undecided: Iterable[bytes]) -> bool:
        """Whether to keep a batch that nobody else has named: not one more of what its member has said already."""
        answers = self._state.answers
        return answers.has_room_for(signed) and any(answers.has_room(signed.member, each) for each in undecided)

    # --- reports and updates ------------------------------------------------------------------------------

    def have(self, sender: int, message: Have) -> None:
        """A report, if it is right: a leader is told by each member, and by others what it may have missed."""
        digest = message.report.digest
        if digest not in self._state.reports and self.is_right(message):
            self.report(digest, message, sender)

    def report(self, digest: bytes, have: Have, sender: int) -> None:
        """A report whose signature is right."""
        state, report = self._state, have.report
        undecided = state.undecided(each.request for each in report.ready)
        state.reports.add(digest, have, undecided, state.now)
        for each in report.ready if sender != state.me else ():
            if each.request in undecided:
                if state.pool.get(each.request) is None:
                    state.miss(each.request, sender)
                for place in each.held:
                    if report.held[place] not in state.answers:
                        state.lack(report.held[place], sender)

    def is_right(self, have: Have) -> bool:
        """Whether a report is well formed and its member's."""
        state, report = self._state, have.report
        named = {each.held for each in report.ready}  # most requests rest on the same batches
        fitting = (
            (report.group, report.epoch) == (state.group.genesis, state.group.configuration.epoch)
            and report.member < state.n
            and all(held.member < state.n for held in report.held)
            and len({each.request for each in report.ready}) == len(report.ready)
            and all(len(set(places)) == len(places) for places in named)
            and {place for places in named for place in places} == set(range(len(report.held)))
        )
        return fitting and state.seal.verifies(
            state.key(report.member), Tag.AGREEMENT_HAVE, report.digest, have.signature
        )

    def update(self, message: Update) -> None:
        """A change of model that its owner has signed and the group has not ordered."""
        state, change = self._state, message.change
        if state.updates.get(change.member) == message:
            state.wished[change.member].last = state.now
        elif (
            change.member < state.n and change.serial > self._last_serial(change.member) and self.is_owned(message)
        ):
            if change.model == state.standing.serving[change.member].model:
                state.updates.pop(change.member, None)  # its owner no longer wants to change
            else:
                state.updates[change.member] = message
                state.wished[change.member] = Wish(state.now, state.now)

    def _last_serial(self, member: int) -> int:
        waiting = self._state.updates.get(member)
        return waiting.change.serial if waiting else self._state.standing.serving[member].serial

    def is_owned(self, update: Update) -> bool:
        """Whether a change is one that this group can make, signed by the member whose model it is."""
        state, change = self._state, update.change
        return (
            (change.group, change.epoch) == (state.group.genesis, state.group.configuration.epoch)
            and change.member < state.n
            and fits(state.group.configuration, change.member, change.model)
            and state.seal.verifies(
                state.key(change.member), Tag.AGREEMENT_UPDATE, change.digest, update.signature
            )
        )

    # --- ordering -----------------------------------------------------------------------------------------

    def propose(self, sender: int | bytes, message: Propose) -> None:
        """The leader's proposal for a number that is open; the first one counts.

        Nobody has signed it, hence it must come from the leader itself.
        """
        slot = self._slot(message)
        near = message.number <= self._state.standing.entries + NEAR
        if slot is not None and near and slot.content is None and sender == self._state.leader:
            slot.content = message.content
            slot.began = slot.began or self._state.now

    def body(self, message: Body) -> None:
        """An entry that the view must decide again; whether it is that one is seen when it is judged."""
        state = self._state
        if message.entry in state.absent and message.entry not in state.bodies:
            state.bodies[message.entry] = message

    def prepared(self, body: Body) -> None:
        """An entry that this member prepared before it was restarted, with what it rests on."""
        state = self._state
        state.bodies[body.entry] = body
        orders = set(body.content.orders)
        for batch in body.batches:
            together = tuple(asked.digest for asked in batch.asked)
            for digest, asked in zip(together, batch.asked, strict=True):
                if digest in orders and state.pool.get(digest) is None and not state.is_over(digest):
                    state.let_in(Pending(digest, asked, batch, together, heard=state.now))
        for signed in body.results:
            self.hold(Held(signed.member, signed.root), signed, needed=True)

    def vote(self, message: Vote) -> None:
        """A member's vote on a number that is open; its first of each kind counts.

        One on another beginning of the view counts for nothing, but nobody honest says both.
        """
        state, slot = self._state, self._slot(message)
        counts = slot is not None
        slot = slot or self._astray(message)
        if slot is None or message.member >= state.n:
            return
        before = slot.said(message.kind, message.member)
        if any((each.installed, each.entry) == (message.installed, message.entry) for each in before):
            return
        if counts and not before and slot.has_enough(message, state.group.quorum):
            slot.unread[message.kind, message.member] = message
            return
        if not self._is_signed(message):
            return
        votes = slot.votes(message.kind) if counts else slot.strays(message.kind)
        votes.setdefault(message.member, message)
        if before and self._is_signed(before[0]):
            state.catch(message.member, message.kind, (message.view, message.number), before[0], message)

    def _is_signed(self, vote: Vote) -> bool:
        ballot = vote.ballot(self._state.group.genesis, self._state.group.configuration.epoch)
        key = self._state.key(vote.member)
        return self._state.seal.verifies(key, vote.tag, ballot.digest(vote.tag), vote.signature)

    def _slot(self, message: Propose | Vote) -> Slot | None:
        state = self._state
        if not state.active or (message.view, message.installed) != (state.view, state.installed):
            return None
        return self._open(message.number)

    def _astray(self, message: Vote) -> Slot | None:
        state = self._state
        is_here = state.active and message.view == state.view and message.installed != state.installed
        return self._open(message.number) if is_here else None

    def _open(self, number: int) -> Slot | None:
        state = self._state
        if not max(state.standing.entries, state.floor) < number <= state.standing.entries + AHEAD:
            return None
        return state.slots.setdefault(number, Slot(number))

    # --- what others lack ---------------------------------------------------------------------------------

    def want(self, sender: int | bytes, message: Want) -> None:
        """Sends a member what it lacks, as far as it is here."""
        state = self._state
        if isinstance(sender, bytes):
            return
        wanted: set[bytes] = set()
        batches: dict[bytes, Pending] = {}
        for digest in message.requests:
            pending = state.pool.get(digest)
            if pending is not None and self.gives(sender, digest):
                wanted.add(digest)
                batches[pending.batch.signature] = pending
        for one in batches.values():
            state.out.send.append((sender, Requests(one.batch, tuple(self._payloads(one.together, wanted)))))
        for held in message.results:
            if held in state.answers and self.gives(sender, held):
                state.out.send.append((sender, state.answers[held]))
        for entry in message.entries:
            if entry in state.bodies and self.gives(sender, entry):
                state.out.send.append((sender, state.bodies[entry]))

    def gives(self, member: int, what: bytes | Held) -> bool:
        """Notes it: the little that it takes to ask must not bring forth the same again and again."""
        given, now = self._state.given, self._state.now
        again = now < given.get((member, what), -GIVEN) + GIVEN
        if not again:
            given[member, what] = now
        return not again

    def _payloads(self, together: tuple[bytes, ...], wanted: set[bytes]) -> list[Payload | None]:
        every = (self._state.pool.get(each) for each in together)
        return [pending.payload if pending and pending.digest in wanted else None for pending in every]


def _ahead(sender: int | bytes) -> int:
    """ms by which a deadline may be beyond the horizon: what others have let in, by clocks ahead of this one, must
    not be refused here, or a leader whose clock is slow would be given up.
    """
    return AHEAD_OF_US if isinstance(sender, bytes) else SLACK
