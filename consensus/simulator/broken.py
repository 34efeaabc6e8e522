"""Replicas that are broken on purpose, one rule at a time: a simulator that misses one of them is worth nothing.

Each breaks all members of a group alike, for as long as its context lasts. It reaches into the replica, hence it
breaks visibly when what it reaches for is no longer there.
"""

# ruff: noqa: SLF001, ARG001 - it breaks in; what it puts in place takes what it took

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from msgspec import structs

from assay.agreement.entry import Asked, Ended
from assay.agreement.group import Configuration
from assay.agreement.sealing import Opened
from assay.agreement.votes import Absent, Said, count
from consensus import judging, ordering, proposing, succeeding, words
from consensus.catching_up import CatchingUp
from consensus.durable import Durable, Past, Spoke, Standing
from consensus.events import Event, Ready
from consensus.hearing import Hearing
from consensus.judging import Group
from consensus.messages import Content, Have, Record, Result, Update, shown
from consensus.ordering import Ordering
from consensus.proposing import Proposing
from consensus.replica import Replica
from consensus.reports import Reports
from consensus.simulator.breaking import every, hasty, hurried, instead, restored
from consensus.simulator.broken_views import OF_VIEWS
from consensus.slots import Slot
from consensus.speaking import Speaking
from consensus.state import State
from consensus.succeeding import Succeeding

# --- quorums ----------------------------------------------------------------------------------------------


def commit_on_too_few() -> AbstractContextManager[None]:
    """Executes what f + 1 members have committed to."""

    def has_committed(slot: Slot, quorum: int) -> bool:
        return slot.agreeing("commit") > quorum // 2

    return instead(Slot, "has_committed", has_committed)


def prepare_on_too_few() -> AbstractContextManager[None]:
    """Commits to what f + 1 members have prepared."""

    def has_prepared(slot: Slot, quorum: int) -> bool:
        return slot.agreeing("prepare") > quorum // 2

    return instead(Slot, "has_prepared", has_prepared)


def commit_out_of_turn() -> AbstractContextManager[None]:
    """Commits to an entry while one below it is not prepared."""

    def vote(self: Ordering) -> None:
        state, parent = self._state, self._state.standing
        while (slot := state.slots.get(parent.entries + 1)) is not None:
            if slot.judged is None:
                self._judge(slot, parent)
            if slot.judged is None or slot.judged.entry.parent != parent.last:
                return
            if slot.has_prepared(state.group.quorum) and state.me not in slot.commits:
                self._cast("commit", slot)
            parent = slot.judged.standing

    return instead(Ordering, "_vote", vote)


def decide_what_is_not_ready() -> AbstractContextManager[None]:
    """Proposes, and accepts, requests that only f + 1 members have called ready."""
    ripen, content, require = Reports._ripen, Proposing._content, judging._require_decidable

    def early(self: Reports, request: bytes, now: int) -> None:
        self.ripe.setdefault(request, now)
        ripen(self, request, now)

    def lacking(self: Proposing, *rest: Any) -> Content | None:
        with hasty(self._state, "group"):
            return content(self, *rest)

    def lenient(group: Group, *rest: Any) -> None:
        require(hurried(group), *rest)

    return every(
        instead(Reports, "_ripen", early),
        instead(Proposing, "_content", lacking),
        instead(judging, "_require_decidable", lenient),
    )


# --- what must not be forgotten ---------------------------------------------------------------------------


def forget_votes() -> AbstractContextManager[None]:
    """Forgets, when it starts again, what it has voted for."""
    return restored(lambda kept: replace(kept, votes=[], bodies=[]))


def forget_bodies() -> AbstractContextManager[None]:
    """Remembers, when it starts again, what it has prepared, but not what that rests on."""
    return restored(
        lambda kept: replace(kept, bodies=[structs.replace(each, batches=(), results=()) for each in kept.bodies])
    )


def forget_results() -> AbstractContextManager[None]:
    """Forgets, when it starts again, what it has answered."""
    return restored(lambda kept: replace(kept, spoken=[]))


def speak_before_writing() -> AbstractContextManager[None]:
    """Its answers are on the disk one step after they have left."""
    step = Replica.step
    late: dict[int, list[Durable]] = {}

    def hasty(self: Replica, now: int, events: Iterable[Event]) -> Ready:
        ready = step(self, now, events)
        spoken: list[Durable] = [each for each in ready.persist if isinstance(each, Spoke)]
        others = [each for each in ready.persist if not isinstance(each, Spoke)]
        ready.persist = [*late.pop(id(self), []), *others]
        late[id(self)] = spoken
        return ready

    return instead(Replica, "step", hasty)


def decide_twice() -> AbstractContextManager[None]:
    """Does not remember what has been decided."""

    def remember(self: State, past: Past) -> None:
        pass

    return instead(State, "remember", remember)


# --- what an entry must say -------------------------------------------------------------------------------

Results = dict[int, dict[bytes, list[Result]]]


def drop_an_answer() -> AbstractContextManager[None]:
    """Leaves one member's answers out where more than 2f + 1 have been reported."""
    results = judging._results

    def fewer(content: Content, known: judging.Known) -> Results:
        found = results(content, known)
        reporting = {each.report.member for each in content.haves}
        for request in content.decided:
            members = [member for member, theirs in found.items() if request in theirs]
            if len(members) >= len(reporting):
                del found[max(members)][request]
        return found

    return instead(judging, "_results", fewer)


def use_the_local_clock() -> AbstractContextManager[None]:
    """Looks at its own clock to see whether a deadline has passed."""
    judge = judging.judge
    outcomes: Callable[..., Any] = judging._outcomes
    now = [0]

    def looking(group: Group, parent: Standing, content: Content, known: Any) -> judging.Judged:
        now[0] = known._state.now
        return judge(group, parent, content, known)

    def local(*arguments: Any) -> Any:
        return outcomes(*arguments[:-1], now[0])

    looks = (instead(room, "judge", looking) for room in (ordering, proposing))
    return every(*looks, instead(judging, "_outcomes", local))


def fail_early() -> AbstractContextManager[None]:
    """Lets a request fail before its deadline though a member has not spoken."""

    def outcomes(
        configuration: Configuration,
        parent: Standing,
        requests: Mapping[bytes, Asked],
        results: Mapping[int, Mapping[bytes, list[Result]]],
        time: int,
    ) -> tuple[Ended, ...]:
        ended = []
        for digest, asked in requests.items():
            every = tuple(
                words.said(configuration, serving, results.get(member, {}).get(digest, ()), asked.rows, time)
                or Absent()
                for member, serving in enumerate(parent.serving)
            )
            late = time > asked.deadline
            outcome = "failed" if late else count(configuration, every, asked.rows, asked.least).outcome
            ended.append(Ended(digest, outcome, every))
        return tuple(ended)

    return instead(judging, "_outcomes", outcomes)


def believe_any_clock() -> AbstractContextManager[None]:
    """Takes the latest of the clocks for the time, not the median."""

    def latest(parent: Standing, haves: Sequence[Have]) -> int:
        return max([parent.time, *(each.report.clock for each in haves)])

    return every(instead(judging, "time_of", latest), instead(proposing, "time_of", latest))


def _saying(choose: Callable[[list[bytes], Sequence[Result]], Said | None]) -> AbstractContextManager[None]:
    def said(_: Any, serving: Any, results: Sequence[Result], rows: int, time: int) -> Said | None:
        models = [serving.commitment, *(old.commitment for old in serving.retired if old.until >= time)]
        readable = [(each, shown(each)) for each in results]
        sound = [each for each, word in readable if word and words._is_sound(_, each.model, word, rows)]
        return choose(models, sound)

    return instead(judging, "said", said)


def count_equivocators() -> AbstractContextManager[None]:
    """Takes the first answer of a member that has given two."""

    def first(models: list[bytes], results: Sequence[Result]) -> Said | None:
        return next((shown(each) for model in models for each in results if each.model == model), None)

    return _saying(first)


def count_any_model() -> AbstractContextManager[None]:
    """Takes an answer of a model with which its member does not answer."""

    def any_model(models: list[bytes], results: Sequence[Result]) -> Said | None:
        said = {shown(each) for each in results}
        return None if not said else said.pop() if len(said) == 1 else Absent()

    return _saying(any_model)


# --- what is hidden ---------------------------------------------------------------------------------------


def show_too_early() -> AbstractContextManager[None]:
    """Shows what is under its seals as soon as it has made them."""

    def sealed(self: Speaking, results: tuple[Result, ...]) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
        hidden, secrets = seal(self, results)
        self._sign(secrets)
        return hidden, secrets

    seal = Speaking._sealed
    return instead(Speaking, "_sealed", sealed)


def count_what_was_not_sealed() -> AbstractContextManager[None]:
    """Counts what a member shows, whether it was under its seal or not."""

    def is_under(author: Any, fixed: Any, result: Result) -> bool:
        return isinstance(result.said, Opened) and result.model == fixed.model

    return instead(words, "is_under", is_under)


def forget_what_is_fixed() -> AbstractContextManager[None]:
    """Forgets, when it starts again, on which requests words have been fixed."""
    return restored(lambda kept: replace(kept, fixed=[]))


# --- epochs -----------------------------------------------------------------------------------------------


def go_on_after_the_end() -> AbstractContextManager[None]:
    """Goes on in an epoch that has ended."""

    def whatever(group: Group, parent: Standing, content: Content) -> None:
        pass

    propose: Callable[..., Any] = Proposing._next

    def following(self: Proposing, parent: Standing, *more: Any, **options: Any) -> Any:
        return propose(self, structs.replace(parent, over=None), *more, **options)

    return every(instead(judging, "_require_going_on", whatever), instead(Proposing, "_next", following))


def end_on_too_few() -> AbstractContextManager[None]:
    """Takes an epoch for ended when f + 1 members say so."""
    go_on, begins = Succeeding.go_on, succeeding.begins

    def hastily(self: Succeeding) -> None:
        with hasty(self._state, "group"):
            go_on(self)

    def lenient(group: Group, epoch: Any, seal: Any) -> bool:
        return begins(hurried(group), epoch, seal)

    return every(instead(Succeeding, "go_on", hastily), instead(succeeding, "begins", lenient))


# --- who must have signed ---------------------------------------------------------------------------------


def obey_anyone() -> AbstractContextManager[None]:
    """Carries out a change of a member's model, whoever has signed it."""

    def is_owned(self: Hearing, update: Update) -> bool:
        return judging.fits(self._state.group.configuration, update.change.member, update.change.model)

    return instead(Hearing, "is_owned", is_owned)


def believe_any_record() -> AbstractContextManager[None]:
    """Takes an entry for committed because somebody says so."""

    def is_proved(self: CatchingUp, record: Record) -> bool:
        return True

    return instead(CatchingUp, "_is_proved", is_proved)


Variant = Callable[[], AbstractContextManager[None]]

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        variant.__name__.replace("_", "-"): variant
        for variant in (
            commit_on_too_few,
            prepare_on_too_few,
            commit_out_of_turn,
            decide_what_is_not_ready,
            forget_votes,
            forget_bodies,
            forget_results,
            speak_before_writing,
            decide_twice,
            drop_an_answer,
            use_the_local_clock,
            fail_early,
            believe_any_clock,
            count_equivocators,
            count_any_model,
            show_too_early,
            count_what_was_not_sealed,
            forget_what_is_fixed,
            go_on_after_the_end,
            end_on_too_few,
            obey_anyone,
            believe_any_record,
            *OF_VIEWS,
        )
    }
)
