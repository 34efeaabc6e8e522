"""Who said what in a group, in plain words; nothing is checked here, and a certificate may hold anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import DECIDED, FIRM, Configuration, Labels
from assay.agreement.votes import Absent, Abstained, Answered, Erred, Withheld
from assay.certificate import AgreementCertificate
from assay.model import ModelReference
from assay.tensor import Tensor, by_name

MAX_NAMED = 10  # rows, by their numbers


def written(configuration: Configuration, vote: int) -> str:
    """A vote as a person reads it: the label, or the number."""
    answer = configuration.answer
    if not isinstance(answer, Labels):
        return str(vote / answer.scale)
    return answer.labels[vote] if 0 <= vote < len(answer.labels) else f"class {vote}, which has no label"


def failure(evidence: AgreementEvidence) -> str:
    """Why there is no answer."""
    if evidence.entry.time > evidence.asked.deadline:
        withheld = sum(isinstance(each, Withheld) for each in evidence.ended.said)
        awaited = f", which waited for {withheld} withheld answer{'s' * (withheld > 1)}" if withheld else ""
        return f"its deadline had passed when the group came to decide{awaited}"
    configuration, heard = evidence.configuration, len(_answered(evidence))
    return f"{heard} of {configuration.n} members answered, and it takes {configuration.quorum}"


def firmness(certificate: AgreementCertificate) -> Iterator[str]:
    """Whether those of whom nothing was heard could have changed the answer; rows without one, where several."""
    decided, firm = (_flags(certificate.statement.outputs, port.name) for port in (DECIDED, FIRM))
    rows = len(decided)
    if rows > 1 and not all(decided):
        yield f"contested: {_rows([not each for each in decided])} of {rows}, where there is no answer"
    silent = sum(isinstance(each, Absent | Withheld) for each in certificate.evidence.ended.said)
    if not rows or not silent:
        return
    if all(firm):
        yield "firm: the same whatever the silent had voted"
    else:
        where = f" on {_rows([not each for each in firm])} of {rows}" if rows > 1 else ""
        yield f"not firm{where}: other votes of the silent could have changed it"


def by_member(certificate: AgreementCertificate) -> Iterator[str]:
    """One line each. Of several rows the first is written out, and on how many the group says otherwise."""
    evidence = certificate.evidence
    configuration = evidence.configuration
    for member, word in zip(configuration.members, evidence.ended.said, strict=False):
        match word:
            case Answered(votes=votes):
                row = f" on row 1 of {len(votes)}" if len(votes) > 1 else ""
                dissent = _dissent(certificate, votes)
                yield f"{member.owner} voted {written(configuration, votes[0])}{row}{dissent}"
            case Abstained():
                yield f"{member.owner} abstained: it lacked the input, or its model was out of reach"
            case Erred():
                yield f"{member.owner} had an error: its model could not answer"
            case Absent():
                yield f"{member.owner} was silent, or contradicted itself"
            case Withheld():
                yield f"{member.owner} withheld the answer to which it had committed"


def voters(evidence: AgreementEvidence, model: ModelReference) -> list[str]:
    """Who has answered with a model."""
    said = zip(evidence.configuration.members, evidence.ended.said, strict=False)
    return [member.owner for member, word in said if isinstance(word, Answered) and word.model == model.commitment]


def use(evidence: AgreementEvidence, model: ModelReference) -> str:
    """What a model has to do with the certificate: whose answer it gave, if anybody's."""
    owners = voters(evidence, model)
    return f"{', '.join(owners)} answered with the model of" if owners else "a model that its epoch began with is"


def commitment(evidence: AgreementEvidence) -> str:
    """Whose signatures stand under it, and where."""
    configuration, entry = evidence.configuration, evidence.entry
    known = dict(enumerate(configuration.members))
    owners = [known[each.member].owner for each in evidence.commits if each.member in known]
    return (
        f"committed to by {', '.join(owners)} ({len(owners)} of {configuration.n} members), "
        f"as outcome {evidence.index + 1} of {entry.count} in entry {entry.number}, view {evidence.view}, "
        f"with the keys of epoch {configuration.epoch}"
    )


def _answered(evidence: AgreementEvidence) -> list[Answered]:
    return [each for each in evidence.ended.said if isinstance(each, Answered)]


def _dissent(certificate: AgreementCertificate, votes: Sequence[int]) -> str:
    """Only labels are dissented from: that numbers differ is how they are."""
    label = by_name(certificate.statement.outputs).get("label")
    if label is None or label.datatype != "INT64" or len(label.shape) != 1:
        return ""
    decided = _flags(certificate.statement.outputs, DECIDED.name)
    group = label.array().tolist()
    others = sum(sure and mine != theirs for sure, mine, theirs in zip(decided, votes, group, strict=False))
    if not others:
        return ""
    return (
        f", otherwise than the group on {others} of {len(votes)} rows"
        if len(votes) > 1
        else ", otherwise than the group"
    )


def _flags(outputs: Sequence[Tensor], name: str) -> list[bool]:
    """The elements of a BOOL with one for each row; none where there is no such output."""
    tensor = by_name(outputs).get(name)
    return tensor.array().tolist() if tensor and tensor.datatype == "BOOL" and len(tensor.shape) == 1 else []


def _rows(marked: Sequence[bool]) -> str:
    numbers = [i for i, each in enumerate(marked, 1) if each]
    named = ", ".join(map(str, numbers[:MAX_NAMED]))
    return f"row{'s' * (len(numbers) > 1)} {named}" + (", …" if len(numbers) > MAX_NAMED else "")
