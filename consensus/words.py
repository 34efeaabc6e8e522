"""What a member's results for one request come to: its word, sealed or not, if one counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assay.agreement.group import Configuration, Labels
from assay.agreement.sealing import Author, Opened, Sealed, seal
from assay.agreement.votes import Absent, Answered, Withheld, Word
from consensus.messages import Result
from consensus.serving import Serving

ABSENT = Absent()
WITHHELD = Withheld()


def said(
    configuration: Configuration, serving: Serving, results: Sequence[Result], rows: int, time: int
) -> Word | Absent | None:
    """What a member's results for one request come to; None where there is none that counts.

    The active model's counts before that of one which is retiring. Who contradicts itself, or votes for what is no
    answer to the request, has said nothing.
    """
    result = _counting(serving, results, time)
    if not isinstance(result, Result):
        return result
    word = result.said
    if isinstance(word, Sealed | Opened) or not _is_sound(configuration, result.model, word, rows):
        return ABSENT
    return word


def sealed(serving: Serving, results: Sequence[Result], time: int) -> Sealed | Absent | None:
    """The same of sealed words, in a copy-resistant group."""
    result = _counting(serving, [each for each in results if not isinstance(each.said, Opened)], time)
    if not isinstance(result, Result):
        return result
    word = result.said
    return word if isinstance(word, Sealed) and word.model == result.model else ABSENT


def _counting(serving: Serving, results: Sequence[Result], time: int) -> Result | Absent | None:
    if len(results) == 1 and results[0].model == serving.commitment:  # the rule
        return results[0]
    models = [serving.commitment, *(old.commitment for old in serving.retired if old.until >= time)]
    by_model: dict[bytes, Result] = {}
    for result in results:
        if result.model in models and by_model.setdefault(result.model, result) != result:
            return ABSENT
    return next((by_model[model] for model in models if model in by_model), None)


def opened(
    configuration: Configuration, author: Author, fixed: Sealed, results: Iterable[Result], rows: int
) -> Word | Absent | None:
    """What the member has under a seal that is fixed; None where no result shows it."""
    for each in results:
        said = each.said
        if isinstance(said, Opened) and is_under(author, fixed, each):
            return said.said if _is_sound(configuration, fixed.model, said.said, rows) else ABSENT
    return None


def is_under(author: Author, fixed: Sealed, result: Result) -> bool:
    """Whether this is what that member has under the seal."""
    return (
        isinstance(result.said, Opened)
        and result.model == fixed.model
        and seal(author, result.request, result.model, result.said) == fixed.seal
    )


def _is_sound(configuration: Configuration, model: bytes, word: Word, rows: int) -> bool:
    """Whether that model can have said it to a request of so many rows."""
    if not isinstance(word, Answered):
        return True
    if word.model != model or len(word.votes) != rows:
        return False
    answer = configuration.answer
    return not isinstance(answer, Labels) or 0 <= min(word.votes) <= max(word.votes) < len(answer.labels)
