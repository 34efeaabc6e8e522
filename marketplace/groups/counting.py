"""From the certificate of one prediction to what it adds to its group's statistics: counts, and nothing else.

A member dissents on a row where the group has an answer and the member's vote is another. For labels that is
plain. Numbers differ as they are, so there a vote dissents that lies further from the answer than STRAY times the
row's own spread: the (lower) median distance of that row's votes from the answer, one step of the group's scale at
least. No f members can move that beyond the honest members' distances. Two members that dissent on one row do so
alike if they gave the same label, or lie on the same side of the answer.

Rows without an answer (contested, failed) count for nobody: there is nothing to dissent from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import combinations

from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Labels
from assay.agreement.votes import Absent, Abstained, Answered, Erred, Withheld

STRAY = 5  # spreads from the answer beyond which a number dissents


class OfMember(IntEnum):
    """What is counted of each member: requests by what it said to them; rows with an answer on which it voted."""

    ANSWERED = 0
    ABSTAINED = 1
    ERRED = 2
    ABSENT = 3
    ROWS = 4
    DISSENTED = 5
    WITHHELD = 6  # appended: counts are stored in this order


class OfPair(IntEnum):
    """What is counted of two members: rows with an answer on which both voted, and who dissented on them."""

    ROWS = 0
    FIRST = 1  # the first did, the second as well or not
    SECOND = 2
    BOTH = 3
    ALIKE = 4


WORDS = {
    Answered: OfMember.ANSWERED,
    Abstained: OfMember.ABSTAINED,
    Erred: OfMember.ERRED,
    Absent: OfMember.ABSENT,
    Withheld: OfMember.WITHHELD,
}


@dataclass(frozen=True)
class Counts:
    """`requests` were certified, whatever the outcome; `rows` have an answer.

    `members` holds OfMember for each in the configuration's order, `pairs` OfPair for 01, 02, … 12, 13, …
    """

    requests: int
    rows: int
    members: tuple[int, ...]
    pairs: tuple[int, ...]

    def __add__(self, other: Counts) -> Counts:
        """Of the same epoch of the same group."""
        return Counts(
            self.requests + other.requests,
            self.rows + other.rows,
            tuple(a + b for a, b in zip(self.members, other.members, strict=True)),
            tuple(a + b for a, b in zip(self.pairs, other.pairs, strict=True)),
        )


def counted(evidence: AgreementEvidence) -> Counts:
    """What a certificate's evidence, which has been checked, adds."""
    said = evidence.ended.said
    answers = tuple(each.value for each in evidence.tally.decisions)
    words = tuple(WORDS[type(each)] for each in said)
    votes = tuple(each.votes if isinstance(each, Answered) else () for each in said)
    count = _counted if len(answers) > 1 else _remembered
    return count(isinstance(evidence.configuration.answer, Labels), answers, words, votes)


def _counted(
    labelled: bool,
    answers: Sequence[int | None],
    words: Sequence[OfMember],
    votes: Sequence[Sequence[int]],
) -> Counts:
    rows = sum(answer is not None for answer in answers)
    voted = {i: votes[i] for i, word in enumerate(words) if word is OfMember.ANSWERED}
    members = [[0] * len(OfMember) for _ in words]
    for i, word in enumerate(words):
        members[i][word] = 1
        members[i][OfMember.ROWS] = rows if i in voted else 0
    pairs = {pair: [0] * len(OfPair) for pair in combinations(range(len(words)), 2)}
    for pair in combinations(voted, 2):
        pairs[pair][OfPair.ROWS] = rows
    for row, answer in enumerate(answers):
        if answer is not None:
            apart = _dissent(answer, {i: each[row] for i, each in voted.items()}, labelled=labelled)
            _note(apart, voted, members, pairs)
    return Counts(1, rows, _flat(members), _flat(pairs.values()))


def dissented(evidence: AgreementEvidence) -> tuple[bytes, ...]:
    """By member, for each row with an answer 1 if it dissented from it, else 0; nothing of who did not vote."""
    labelled = isinstance(evidence.configuration.answer, Labels)
    voted = {i: each.votes for i, each in enumerate(evidence.ended.said) if isinstance(each, Answered)}
    apart = [
        _dissent(decision.value, {i: votes[row] for i, votes in voted.items()}, labelled=labelled)
        for row, decision in enumerate(evidence.tally.decisions)
        if decision.value is not None
    ]
    return tuple(
        bytes(i in each for each in apart) if i in voted else b"" for i in range(len(evidence.ended.said))
    )


_remembered = lru_cache(4096)(_counted)  # of one row there is mostly the same to say


def _dissent(answer: int, votes: Mapping[int, int], *, labelled: bool) -> dict[int, int]:
    """Who dissents on a row, each with how: two with the same number dissent alike."""
    if labelled:
        return {i: vote for i, vote in votes.items() if vote != answer}
    away = {i: vote - answer for i, vote in votes.items()}
    distances = sorted(map(abs, away.values()))
    spread = max(1, distances[(len(distances) - 1) // 2])
    return {i: (1 if by > 0 else -1) for i, by in away.items() if abs(by) > STRAY * spread}


def _note(
    apart: Mapping[int, int],
    voted: Mapping[int, Sequence[int]],
    members: Sequence[list[int]],
    pairs: Mapping[tuple[int, int], list[int]],
) -> None:
    for i in apart:
        members[i][OfMember.DISSENTED] += 1
        for j in voted:
            if j > i:
                pairs[i, j][OfPair.FIRST] += 1
            elif j < i:
                pairs[j, i][OfPair.SECOND] += 1
    for pair in combinations(apart, 2):
        pairs[pair][OfPair.BOTH] += 1
        pairs[pair][OfPair.ALIKE] += apart[pair[0]] == apart[pair[1]]


def _flat(lists: Iterable[list[int]]) -> tuple[int, ...]:
    return tuple(number for each in lists for number in each)
