"""What each member said to one request, and what the group says: counted row by row, by anyone, alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
import numpy as np

from assay import cbor
from assay.agreement.aggregate import HIGHEST, LOWEST, Decision, aggregator
from assay.agreement.group import Configuration, Labels
from assay.errors import NotVerified
from assay.fields import plain
from assay.model import Digest
from assay.tensor import Tensor

MAX_ROWS = 1000
FEW = 4  # votes of a word that is worth remembering

Number = Annotated[int, msgspec.Meta(ge=LOWEST, le=HIGHEST)]
Outcome = Literal["certified", "contested", "failed"]


class Answered(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="status", tag="answered"
):
    """A vote for each row, by the model of this commitment."""

    model: Digest
    votes: Annotated[tuple[Number, ...], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]


class Abstained(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="status", tag="abstained"
):
    """It said that it would not answer: it lacked the input, or its model was out of reach. No vote at all."""


class Erred(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="status", tag="error"):
    """It said that its model could not answer."""


class Absent(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="status", tag="absent"):
    """Nothing of it had reached the group when the group decided, or it contradicted itself."""


class Withheld(
    msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True, tag_field="status", tag="withheld"
):
    """It had committed to an answer, and did not show it, or none that fits, before the group decided."""


Said = Answered | Abstained | Erred | Absent | Withheld
Word = Answered | Abstained | Erred  # what a member itself may say


def encoded(said: msgspec.Struct) -> cbor.Encoded:
    """A word as it stands in what is hashed. Many members say the same of many requests, so it is remembered."""
    if isinstance(said, Answered) and len(said.votes) > FEW:
        return cbor.Encoded(cbor.encode(plain(said)))
    return _encoded(said)


def encoded_all(said: tuple[Said, ...]) -> bytes:
    """What `cbor.encode` gives for a list of words; remembered likewise."""
    for each in said:
        if isinstance(each, Answered) and len(each.votes) > FEW:
            return cbor.array([encoded(each).document for each in said])
    return _encoded_all(said)


@lru_cache(maxsize=4096)
def _encoded_all(said: tuple[Said, ...]) -> bytes:
    return cbor.array([encoded(each).document for each in said])


@lru_cache(maxsize=4096)
def _encoded(said: msgspec.Struct) -> cbor.Encoded:
    return cbor.Encoded(cbor.encode(plain(said)))


class Tally(msgspec.Struct, frozen=True):
    """The group's word: an outcome, and a decision for each row (none where it failed)."""

    outcome: Outcome
    decisions: tuple[Decision, ...]

    def outputs(self, configuration: Configuration) -> tuple[Tensor, ...]:
        """For a statement: by row the answer, whether there is one, whether the absent could change it."""
        if self.outcome == "failed":
            return ()
        numbers = [0 if each.value is None else each.value for each in self.decisions]
        if isinstance(configuration.answer, Labels):
            answer = Tensor.of("label", np.array(numbers, np.int64))
        else:  # IEEE 754 division of two exact integers: the same double everywhere
            answer = Tensor.of("value", np.array(numbers, np.float64) / np.float64(configuration.answer.scale))
        decided = Tensor.of("decided", np.array([each.value is not None for each in self.decisions]))
        return answer, decided, Tensor.of("firm", np.array([each.firm for each in self.decisions]))


def count(configuration: Configuration, said: Sequence[Said], rows: int, least: int) -> Tally:
    """Counts what the members said, in their order, about a request of so many rows that asks for `least` votes.

    Fewer than 2f + 1 answers and nothing is said: the request failed. Raises NotVerified where a word is none that
    this group has.
    """
    for i, each in enumerate(said):
        if isinstance(each, Answered):
            _require_valid(configuration, each, rows, i)
        elif isinstance(each, Withheld) and not configuration.copy_resistant:
            raise NotVerified(
                "withheld in a group whose members commit to nothing beforehand",
                code="wrong-vote",
                pointer=f"/said/{i}",
                expected="a word of a group that is not copy-resistant",
                got="withheld",
            )
    answered = [each.votes for each in said if isinstance(each, Answered)]
    if len(answered) < configuration.quorum:
        return Tally("failed", ())
    absent = sum(isinstance(each, Absent | Withheld) for each in said)
    rule = aggregator(configuration.aggregator)
    decisions = tuple(
        rule.decide([votes[row] for votes in answered], absent, configuration.f, least) for row in range(rows)
    )
    everywhere = all(each.value is not None for each in decisions)
    return Tally("certified" if everywhere else "contested", decisions)


def _require_valid(configuration: Configuration, answered: Answered, rows: int, member: int) -> None:
    votes = answered.votes
    if len(votes) != rows:
        raise NotVerified(
            "not one vote for each row",
            code="wrong-vote",
            pointer=f"/said/{member}/votes",
            expected=f"{rows} votes",
            got=str(len(votes)),
        )
    if isinstance(configuration.answer, Labels):
        last = len(configuration.answer.labels) - 1
        if not 0 <= min(votes) <= max(votes) <= last:
            row = next(row for row, vote in enumerate(votes) if not 0 <= vote <= last)
            raise NotVerified(
                "a vote for no label of the group",
                code="wrong-vote",
                pointer=f"/said/{member}/votes/{row}",
                expected=f"0 to {last}",
                got=str(votes[row]),
            )
