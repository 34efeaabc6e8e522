"""What a member says of requests: it runs its model, signs what that gave, and reports what is ready.

A member signs one result for a request and a model, ever (in a copy-resistant group under a seal, which it opens
once that is fixed); and calls a request ready once it has waited long enough
for the others: for all of them, or for the grace time after 2f + 1 had answered, or until the deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assay import merkle
from assay.agreement.sealing import Author, Fixed, Opened, Sealed, salted, seal
from assay.agreement.votes import Abstained, Answered, Said
from assay.digest import Tag
from consensus.durable import Spoke
from consensus.events import Run
from consensus.hearing import Hearing
from consensus.messages import (
    MAX_BATCH,
    MAX_HELD,
    MAX_VOTES,
    Exec,
    Have,
    Held,
    Readied,
    Report,
    Result,
    votes_in,
)
from consensus.pool import Pending
from consensus.state import OPENING, State
from consensus.words import opened, said, sealed

HURRY = 500  # ms for the leader to do something, before all are told what it was told


class Speaking:
    """Reads and fills `state`."""

    def __init__(self, state: State, hearing: Hearing) -> None:
        self._state = state
        self._hearing = hearing

    # --- results ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Begins inference for what has come in; abstains from what has been waited for in vain."""
        state = self._state
        for request in state.touched:
            pending = state.pool.get(request)
            if pending is None or state.fixings.number(request):
                continue  # what is said after the words have been fixed does not count
            if not self._has_spoken(pending):
                self._begin(pending)

    def _has_spoken(self, pending: Pending) -> bool:
        """Whether it has said something, or is about to, with the model that it now answers with."""
        state, model = self._state, self._state.serving.commitment
        if model not in pending.spoken:
            mine = (each for held, each in state.answers.about(pending.digest).items() if held.member == state.me)
            pending.spoken |= {each.model for each in mine}
        return bool(pending.spoken)  # what a retiring model said counts for as long as a request may wait

    def _begin(self, pending: Pending) -> None:
        state, serving, asked = self._state, self._state.serving, pending.asked
        if max(state.now, state.standing.time) > asked.deadline:
            return  # by the group's time too: what was said in time may have been forgotten since
        if pending.payload is not None:
            pending.spoken.add(serving.commitment)
            state.out.run.append(
                Run(pending.digest, serving.commitment, serving.model, pending.payload, asked.rows, asked.deadline)
            )
        elif state.now >= pending.heard + state.fetching:
            pending.spoken.add(serving.commitment)
            state.spoken.append(Result(pending.digest, serving.commitment, Abstained()))

    def sign(self) -> None:
        """Signs what this member's models have said, all together."""
        state = self._state
        while state.spoken:
            batch: dict[bytes, Result] = {}
            later: list[Result] = []
            votes = 0
            for result in state.spoken:
                if state.pool.get(result.request) is None or self._contradicts(result):
                    continue
                votes += votes_in(result)
                full = len(batch) == MAX_BATCH or (batch and votes > MAX_VOTES)
                if result.request in batch or full:
                    later.append(result)
                else:
                    batch[result.request] = result
            state.spoken = later
            if batch and state.group.configuration.copy_resistant:
                self._sign(*self._sealed(tuple(batch.values())))
            elif batch:
                self._sign(tuple(batch.values()))

    def _contradicts(self, result: Result) -> bool:
        """Whether this member has spoken about this request with this model: that word stands."""
        about = self._state.answers.about(result.request)
        return any(held.member == self._state.me and each.model == result.model for held, each in about.items())

    def open(self) -> None:
        """Shows what is under own seals that have been fixed: nobody can copy it any more."""
        state, batch, votes = self._state, list[Result](), 0
        requests, state.unopened = state.unopened, {}
        for result in (each for request in requests for each in self._under_own_seal(request)):
            votes += votes_in(result)
            if len(batch) == MAX_BATCH or (batch and votes > MAX_VOTES):
                self._sign(tuple(batch))
                batch, votes = [], votes_in(result)
            batch.append(result)
        if batch:
            self._sign(tuple(batch))

    def _under_own_seal(self, request: bytes) -> list[Result]:
        """What this member has sealed, if that was fixed, and has not shown yet."""
        state = self._state
        fixing = state.fixings.get(request)
        word = None if fixing is None else fixing.words.said[state.me]
        if not isinstance(word, Sealed):
            return []
        shown = any(
            held.member == state.me and isinstance(each.said, Opened)
            for held, each in state.answers.about(request).items()
        )
        secret = state.secrets.get(request, {}).get(word.model)
        return [] if shown or secret is None else [secret]

    def _sealed(self, results: tuple[Result, ...]) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
        """The same results under seals, and what is under them."""
        state = self._state
        author = self._author(state.me)
        hidden, secrets = [], []
        for each in results:
            assert not isinstance(each.said, Sealed | Opened), "models say what can be read"
            opened = Opened(each.said, state.seal.salt(salted(author.epoch, each.request, each.model)))
            mark = seal(author, each.request, each.model, opened)
            hidden.append(Result(each.request, each.model, Sealed(each.model, mark)))
            secrets.append(Result(each.request, each.model, opened))
            state.keep_secret(secrets[-1])
        return tuple(hidden), tuple(secrets)

    def _sign(self, results: tuple[Result, ...], secrets: tuple[Result, ...] = ()) -> None:
        state = self._state
        root = merkle.root([each.leaf for each in results])
        signed = Exec.signed(state.group.genesis, state.group.configuration.epoch, state.me, len(results), root)
        spoken = Exec(state.me, results, state.seal.sign(Tag.AGREEMENT_EXEC, signed))
        state.out.persist.append(Spoke(spoken, secrets))
        state.broadcast(spoken)
        held = Held(state.me, root)
        state.signed[held] = state.now
        self._hearing.hold(held, spoken)

    # --- readiness ----------------------------------------------------------------------------------------

    def report(self) -> None:
        """Tells the leader what has become ready, on everything that is held for it."""
        state = self._state
        ready: list[Pending] = []
        late: list[Pending] = []
        for request in state.touched:
            pending = state.pool.get(request)
            if pending is None:
                continue
            if pending.ready:
                late += [pending] if self._is_late(pending) else []
            elif self._is_ready(pending):
                ready.append(pending)
        state.touched.clear()
        self.tell(ready)
        self.tell(late, everyone=True)

    def _is_late(self, pending: Pending) -> bool:
        """Whether the leader seems not to have heard of it: nothing has come of anything for a while."""
        return self._state.now >= max(pending.reported, self._state.progressed) + HURRY

    def tell(self, ready: list[Pending], *, everyone: bool = False) -> None:
        """Signs reports on these requests, for the leader; for everyone where it seems not to hear."""
        for first in range(0, len(ready), MAX_BATCH):
            self._tell(ready[first : first + MAX_BATCH], everyone=everyone)

    def tell_the_time(self, *, everyone: bool = False) -> None:
        """A report on nothing but this member's clock, so that a change of model can be ordered."""
        self._tell([], everyone=everyone)

    def _tell(self, ready: list[Pending], *, everyone: bool) -> None:
        state = self._state
        places: dict[Held, int] = {}
        readied = []
        for pending in ready:
            fixed = state.fixings.number(pending.digest)
            names = state.answers.named(pending.digest, opened=bool(fixed))
            if len(places) + len(names) > MAX_HELD < len(places.keys() | set(names)):
                continue
            if not pending.ready:
                state.due(state.now + HURRY, pending.digest)
            pending.ready, pending.reported = True, state.now
            held = tuple(places.setdefault(name, len(places)) for name in names)
            readied.append(Readied(pending.digest, held, fixed))
        report = Report(
            group=state.group.genesis,
            epoch=state.group.configuration.epoch,
            member=state.me,
            clock=state.now,
            ready=tuple(readied),
            held=tuple(places),
        )
        digest = report.digest
        have = Have(report, state.seal.sign(Tag.AGREEMENT_HAVE, digest))
        everyone = everyone or not state.active or state.leader in state.lost
        if everyone or state.leader == state.me:
            self._hearing.report(digest, have, state.me)
        if everyone:
            state.broadcast(have)
        elif state.leader != state.me:
            state.out.send.append((state.leader, have))

    def _is_ready(self, pending: Pending) -> bool:
        state = self._state
        about = state.answers.about(pending.digest)
        is_late = state.now > pending.asked.deadline and self._had_time_to_show(pending)
        if is_late or self._has_one_word_of_each(about):
            return True
        if len(about) < state.group.quorum or len({held.member for held in about}) < state.group.quorum:
            return False
        words = self._words(pending, about.items())
        if all(word is not None for word in words):
            return True
        if sum(isinstance(word, Answered | Sealed) for word in words) < state.group.quorum:
            return False
        grace = state.group.configuration.grace
        if state.fixings.number(pending.digest):
            grace = max(grace, OPENING)
        elif all(word is not None or member in state.lost for member, word in enumerate(words)):
            return True  # nobody is waited for who cannot be heard, and has not committed to an answer
        if pending.answered_by_quorum is None:
            pending.answered_by_quorum = state.now
            state.due(state.now + grace, pending.digest)
        return state.now >= pending.answered_by_quorum + grace

    def _had_time_to_show(self, pending: Pending) -> bool:
        """Whether members could show what was fixed: just past a deadline nobody has withheld it yet."""
        state = self._state
        if not state.fixings.number(pending.digest):
            return True
        if pending.showing is None:
            state.show(pending)
            return False
        return state.now >= pending.showing + OPENING

    def _has_one_word_of_each(self, about: Mapping[Held, Result]) -> bool:
        """Whether there is nothing to look at closely: the rule, where no words are sealed."""
        state, serving = self._state, self._state.standing.serving
        return (
            len(about) == state.n == len({held.member for held in about})
            and not state.group.configuration.copy_resistant
            and all(serving[held.member].commitment == each.model for held, each in about.items())
        )

    def _words(self, pending: Pending, about: Iterable[tuple[Held, Result]]) -> list[Said | Sealed | None]:
        """By member what it has said, None where nothing that counts has been heard."""
        state = self._state
        by_member: dict[int, list[Result]] = {}
        for held, result in about:
            by_member.setdefault(held.member, []).append(result)
        configuration, rows = state.group.configuration, pending.asked.rows
        fixing = state.fixings.get(pending.digest)
        if fixing is not None:
            return self._opened(fixing.words, by_member, rows)
        if configuration.copy_resistant:
            return [
                sealed(serving, by_member[member], state.now) if member in by_member else None
                for member, serving in enumerate(state.standing.serving)
            ]
        return [
            said(configuration, serving, by_member[member], rows, state.now) if member in by_member else None
            for member, serving in enumerate(state.standing.serving)
        ]

    def _opened(
        self, fixed: Fixed, by_member: Mapping[int, list[Result]], rows: int
    ) -> list[Said | Sealed | None]:
        """The same once the words are fixed: no other than those are waited for."""
        group = self._state.group
        return [
            opened(group.configuration, self._author(member), word, by_member.get(member, ()), rows)
            if isinstance(word, Sealed)
            else word
            for member, word in enumerate(fixed.said)
        ]

    def _author(self, member: int) -> Author:
        group = self._state.group
        return Author(group.genesis, group.configuration.epoch, member)
