"""What each member of a group said, one by one, and what came of it, as pages show it: from the certificate alone,
but for why a member abstained, which is known here at best.

Nothing is checked here: what is shown has been checked before it was stored, and is again in the reader's browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assay.agreement.group import DECIDED, FIRM, Labels
from assay.agreement.votes import Absent, Abstained, Answered, Erred, Said, Withheld
from assay.answer import answers
from assay.certificate import AgreementCertificate, AnyCertificate
from assay.tensor import Tensor, by_name
from assay.verify.votes import failure, written
from marketplace.catalogue.models import ModelVersion
from marketplace.certificates.shortfall import shortfall
from marketplace.web.abstentions import reasons

MAX_ROWS = 50  # written out on a page
COUNTED = {
    "plurality": "The answer is the label with most votes, {least} at least.",
    "median": "The answer is the median of at least {quorum} numbers.",
    "trimmed-mean": "The answer is the mean of at least {quorum} numbers, without the {f} highest and {f} lowest.",
}


@dataclass(frozen=True)
class Standing:
    """How a member stands to the group's answer: `word` says it, `tone` gives it a mark."""

    word: str
    tone: str = ""


AGREES, DISSENTS = Standing("Agrees", "good"), Standing("Dissents", "warn")
COUNTS, CONTESTS, VOTED = Standing("Counted", "good"), Standing("Voted", "warn"), Standing("Voted")
SILENT = {
    Abstained: Standing("Abstained: it lacked the input, or its model was out of reach"),
    Erred: Standing("Its model could not answer"),
    Absent: Standing("Silent"),
    Withheld: Standing("Withheld: it had committed to an answer, and did not show it", "bad"),
}

UNHEARD = {Absent: "the silent", Withheld: "those who withheld theirs"}  # whose votes nobody knows


@dataclass(frozen=True)
class Vote:
    """A member's word: by row what it voted, in words; nothing where it did not vote."""

    owner: str
    model: str  # owner/name@version, where it is one that is known here
    commitment: str  # hexadecimal, of the model that voted
    rows: tuple[str, ...]
    standing: Standing


@dataclass(frozen=True)
class Row:
    """The group's answer to a row beside each member's vote (empty for those without), in the members' order."""

    number: int
    answer: str
    contested: bool
    votes: tuple[tuple[str, bool], ...]  # in words, and whether it is otherwise than the answer


@dataclass(frozen=True)
class Votes:
    """See the module's first lines. `rows` only where there are several; `more` than are shown."""

    members: tuple[Vote, ...]
    rows: tuple[Row, ...]
    more: int
    contested: bool
    short: str  # that fewer votes were had than the buyer asked for
    note: str  # what the silent could have changed; why it failed
    counted: str


def votes(certificate: AnyCertificate) -> Votes | None:
    """None for a certificate of something other than a group."""
    if not isinstance(certificate, AgreementCertificate):
        return None
    evidence = certificate.evidence
    configuration = evidence.configuration
    outputs = certificate.statement.outputs
    given = answers(certificate.interface, outputs, MAX_ROWS)
    names = _names(certificate)
    said = evidence.ended.said
    known = reasons(certificate, (i for i, word in enumerate(said) if isinstance(word, Abstained)))
    members = tuple(
        _vote(certificate, member.owner, word, names, known.get(i, ""))
        for i, (member, word) in enumerate(zip(configuration.members, said, strict=True))
    )
    rows = evidence.asked.rows
    return Votes(
        members=members,
        rows=tuple(
            Row(i + 1, each.text, each.contested, tuple(_of_row(vote, i, each.text) for vote in members))
            for i, each in enumerate(given)
        )
        if rows > 1
        else (),
        more=rows - len(given) if given else 0,
        contested=any(not sure for sure in _flags(outputs, DECIDED.name)),
        short=shortfall(certificate),
        note=_note(certificate),
        counted=COUNTED[configuration.aggregator].format(
            least=max(evidence.asked.least, configuration.f + 1),
            quorum=max(evidence.asked.least, configuration.quorum),
            f=configuration.f,
        ),
    )


def _vote(
    certificate: AgreementCertificate,
    owner: str,
    word: Said,
    names: Mapping[tuple[str, bytes], str],
    reason: str,
) -> Vote:
    """`reason`: why it abstained, if that is known here."""
    if not isinstance(word, Answered):
        standing = Standing(f"Abstained: {reason}") if reason else SILENT[type(word)]
        return Vote(owner, "", "", (), standing)
    configuration = certificate.evidence.configuration
    rows = tuple(written(configuration, vote) for vote in word.votes[:MAX_ROWS])
    named = names.get((owner, word.model), "")
    return Vote(owner, named, word.model.hex(), rows, _standing(certificate, word))


def _standing(certificate: AgreementCertificate, word: Answered) -> Standing:
    """Only labels are dissented from: that numbers differ is how they are."""
    decided = _flags(certificate.statement.outputs, DECIDED.name)
    if not any(decided):
        return CONTESTS if decided else VOTED
    if not isinstance(certificate.evidence.configuration.answer, Labels):
        return COUNTS
    label = by_name(certificate.statement.outputs)["label"].array()
    others = sum(sure and mine != theirs for sure, mine, theirs in zip(decided, word.votes, label, strict=True))
    if not others:
        return AGREES
    return (
        DISSENTS if len(word.votes) == 1 else Standing(f"Dissents on {others} of {len(word.votes)} rows", "warn")
    )


def _of_row(vote: Vote, row: int, answer: str) -> tuple[str, bool]:
    said = vote.rows[row] if vote.rows else ""
    return said, bool(said) and vote.standing not in (COUNTS, CONTESTS) and said != answer


def _note(certificate: AgreementCertificate) -> str:
    evidence, outputs = certificate.evidence, certificate.statement.outputs
    said = evidence.ended.said
    if not outputs:
        return f"There is no answer: {failure(evidence)}."
    silent = " and ".join(word for kind, word in UNHEARD.items() if any(isinstance(each, kind) for each in said))
    firm = _flags(outputs, FIRM.name)
    if not silent:
        return ""
    if all(firm):
        return f"Firm: it would be the same whatever {silent} had voted."
    where = f" on {firm.count(False)} of {len(firm)} rows" if len(firm) > 1 else ""
    return f"Not firm{where}: other votes of {silent} could have changed it."


def _names(certificate: AgreementCertificate) -> dict[tuple[str, bytes], str]:
    """By owner and commitment, what the model is called here. One query."""
    said = certificate.evidence.ended.said
    voted = {each.model for each in said if isinstance(each, Answered)}
    found = ModelVersion.objects.filter(commitment__in=voted).select_related("model__organisation")
    fields = ("number", "commitment", "model__slug", "model__organisation__slug")
    return {
        (each.model.organisation.slug, bytes(each.commitment or b"")): str(each)
        for each in found.only(*fields).order_by("pk")
    }


def _flags(outputs: Sequence[Tensor], name: str) -> list[bool]:
    found = by_name(outputs).get(name)
    return [] if found is None else [bool(each) for each in found.array()]
