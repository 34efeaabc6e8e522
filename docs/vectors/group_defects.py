# ruff: noqa: INP001  # a script beside its output, not a package
"""The groups' certificates that are wrong, each in one way, which is its name.

Three kinds: fields altered after all was signed; evidence that does not hold together, or was never signed so; and
what every member of a group has signed that breaks the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from assay import cbor, direct, merkle
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Signed, Values
from assay.agreement.issue import statement
from assay.agreement.votes import Absent, Answered, Said, Withheld
from assay.certificate import FORMAT, AgreementCertificate, Statement
from assay.digest import Tag, sha256
from assay.errors import AssayError
from assay.fields import plain
from assay.keys import PrivateKey
from assay.model import ImagePreprocessing, ModelReference
from assay.tensor import Tensor
from docs.vectors import defects, edwards, sample
from docs.vectors.defects import Defect
from docs.vectors.group import CERTIFIED, DIGITS, GOOD, OWNERS, RESISTANT, STRANGERS, WITHHELD, Case, Group, signed

change = msgspec.structs.replace
RIGHT = CERTIFIED.certificate
EVIDENCE, STATEMENT = RIGHT.evidence, RIGHT.statement

# of members and models after the first, and of what is the same in mode `direct`: read by the same code
ALIKE = re.compile(
    r"(members|models)-[1-9]\d*-(model-)?interface-|^(missing|unknown-field)-statement-models-0-interface"
)


def every() -> Iterator[Defect]:
    for kind in (shapes, paths, quorums, geneses, entries, ballots_of_liars, resistant, statements, mixtures):
        for name, document, code in kind():
            yield f"group-{name}", document, code


def shapes() -> Iterator[Defect]:
    """Every field altered, left out, or joined by an unknown one."""
    for kind in (defects.altered, defects.misshapen):
        yield from (each for each in kind(CERTIFIED) if not ALIKE.search(each[0]))


def paths() -> Iterator[Defect]:
    """Places in the tree other than the outcome's own, and trees in which a node could pass for a leaf."""
    right = GOOD["group-last-leaf"].evidence  # the fifth of five
    third = replace(CERTIFIED, at=2, batch=5).evidence
    for name, evidence, code in (
        ("path-too-short", change(third, path=third.path[:-1]), "bad-path"),
        ("path-too-long", change(third, path=(*third.path, third.path[0])), "bad-path"),
        ("path-swapped", change(third, path=third.path[::-1]), "wrong-evidence"),
        ("path-of-another-outcome", change(third, path=right.path), "bad-path"),
        ("index-of-another-outcome", change(third, index=3), "wrong-evidence"),
        ("index-outside-the-tree", change(third, index=5), "bad-path"),
        ("count-of-a-larger-tree", change(third, entry=change(third.entry, count=8)), "bad-signature"),
        ("count-of-a-smaller-tree", change(third, entry=change(third.entry, count=3)), "bad-path"),
    ):
        yield name, issued(evidence), code
    leaf = third.ended.leaf
    for name, root, count in (
        ("tree-whose-root-is-the-leaf", leaf, 1),
        ("tree-whose-leaf-is-hashed-as-a-node", merkle.node_hash(leaf[:16], leaf[16:]), 1),
        ("tree-whose-leaf-is-hashed-without-prefix", sha256(leaf), 1),
    ):
        entry = change(third.entry, root=root, count=count)
        forged = signed(change(third, entry=entry, index=0, path=()), DIGITS.keys, (0, 1, 2))
        yield name, issued(forged), "wrong-evidence"


def quorums() -> Iterator[Defect]:
    """Signatures that are not 2f + 1 members' under this very ballot."""
    keys, commits, code = DIGITS.keys, EVIDENCE.commits, "wrong-quorum"
    four_of_seven = replace(GOOD["group-trimmed-mean"], committing=(0, 1, 2, 3))
    yield "commits-of-four-of-seven", issued(four_of_seven.evidence), code
    yield "commits-too-few", _with(commits=commits[:2]), "invalid"
    yield "commits-by-one-twice", _with(commits=(commits[0], commits[1], commits[1])), code
    yield (
        "commits-by-one-under-two-numbers",
        _with(commits=(*commits[:2], change(commits[1], member=3))),
        "bad-signature",
    )
    yield "commits-out-of-order", _with(commits=commits[::-1]), code
    yield "commits-by-a-member-that-is-none", _with(commits=(*commits[:2], change(commits[2], member=4))), code
    swapped = tuple(change(each, member=i) for i, each in enumerate(commits[::-1]))
    yield "commits-swapped", _with(commits=swapped), "bad-signature"
    strange = STRANGERS.group.keys
    for name, evidence in (
        ("of-another-groups-members", signed(EVIDENCE, strange, (0, 1, 2))),
        ("of-one-stranger-among-members", signed(EVIDENCE, [strange[0], *keys[1:]], (0, 1, 2))),
        ("that-only-prepare", signed(EVIDENCE, keys, (0, 1, 2), Tag.AGREEMENT_PREPARE)),
        ("in-another-view", change(EVIDENCE, view=EVIDENCE.view + 1)),
        ("under-another-new-view", change(EVIDENCE, installed=bytes(32))),
        ("of-another-entry", change(EVIDENCE, commits=replace(CERTIFIED, entry={"number": 8}).evidence.commits)),
    ):
        yield f"commits-{name}", _certificate(evidence), "bad-signature"
    message = Tag.AGREEMENT_COMMIT.prefix + EVIDENCE.ballot.digest(Tag.AGREEMENT_COMMIT)
    secret = edwards.secret_scalar(sha256(f"{DIGITS.seed} {OWNERS[0]}".encode()))
    public = keys[0].public.raw
    for name, key, lax in edwards.lax_signatures(message, public, commits[0].signature, secret):
        if key == public:
            yield f"commit-{name}", _with(commits=(Signed(0, lax), *commits[1:])), "bad-signature"


def geneses() -> Iterator[Defect]:
    """Groups that are none, though those who say that they are its members have signed all of it."""
    genesis, keys = DIGITS.genesis, DIGITS.keys
    consents = genesis.consents
    for name, changes, code in (
        ("consent-missing", {"consents": consents[:3]}, "invalid"),
        ("consent-too-many", {"consents": (*consents, consents[0])}, "wrong-quorum"),
        ("consents-swapped", {"consents": (consents[1], consents[0], *consents[2:])}, "bad-signature"),
        (
            "consent-of-a-stranger",
            {"consents": (*consents[:3], _consent(STRANGERS.group.keys[3]))},
            "bad-signature",
        ),
        (
            "consent-to-another-group",
            {"consents": (*consents[:3], STRANGERS.group.genesis.consents[3])},
            "bad-signature",
        ),
        (
            "consent-under-another-tag",
            {"consents": (*consents[:3], _consent(keys[3], Tag.HANDSHAKE))},
            "bad-signature",
        ),
        ("approved", {"approvals": (Signed(0, consents[0]),)}, "invalid"),
    ):
        yield f"genesis-{name}", _with(epochs=(change(genesis, **changes),)), code
    yield "genesis-twice", _with(epochs=(genesis, genesis)), "wrong-epoch"
    members = DIGITS.configuration.members
    swapped = change(members[3], owner=members[2].owner)
    doubled = change(members[3], key=members[2].key)
    relabelled = change(members[3], model=DIGITS.model("dana", labels=("one", "two", "zero")))
    other_tasks = change(members[3], model=DIGITS.model("dana", task="other"))
    recut = change(members[3], model=DIGITS.model("dana", preprocessing=ImagePreprocessing("image", 8, 8)))
    for name, changes, code in (
        ("of-a-later-epoch", {"epoch": 1}, "wrong-epoch"),
        ("with-a-group-before-it", {"previous": sha256(b"previous")}, "wrong-epoch"),
        ("of-one-owner-twice", {"members": (*members[:3], swapped)}, "same-member"),
        ("of-one-key-twice", {"members": (*members[:3], doubled)}, "same-member"),
        (
            "of-five",
            {"members": (*members, change(members[0], owner="emeka", key=keys[0].public.raw))},
            "wrong-size",
        ),
        ("with-other-labels", {"members": (*members[:3], relabelled)}, "wrong-interface"),
        ("with-another-task", {"members": (*members[:3], other_tasks)}, "wrong-interface"),
        ("with-other-preprocessing", {"members": (*members[:3], recut)}, "wrong-interface"),
        (
            "with-other-inputs",
            {"inputs": (change(DIGITS.configuration.inputs[0], shape=(-1, 63)),)},
            "wrong-interface",
        ),
        ("with-a-plain-mean", {"aggregator": "mean"}, "unsafe-aggregator"),
        ("with-a-median-of-labels", {"aggregator": "median"}, "wrong-aggregator"),
        ("with-no-aggregator", {"aggregator": "vote"}, "unknown-aggregator"),
        ("with-values-of-labels", {"answer": Values(10)}, "wrong-interface"),
    ):
        case = replace(CERTIFIED, group=replace(DIGITS, changes=changes), outcome="certified")
        yield f"genesis-{name}", signed_all(case), code


def _consent(key: PrivateKey, tag: Tag = Tag.GROUP) -> bytes:
    return key.sign(tag, DIGITS.configuration.digest)


def entries() -> Iterator[Defect]:
    """Parts of the evidence that do not belong together; what could be signed is."""
    other = sha256(b"another group")
    for name, changes in (
        ("entry-of-another-group", {"entry": {"group": other}}),
        ("entry-of-another-epoch", {"entry": {"epoch": 1}}),
        ("entry-with-another-root", {"entry": {"root": other}}),
        ("request-to-another-group", {"asked": {"group": other}}),
        ("outcome-of-another-request", {"ended": {"request": other}}),
    ):
        yield name, signed_all(replace(CERTIFIED, **changes)), "wrong-evidence"
    said = EVIDENCE.ended.said
    agreeing = Answered(said[2].model, (1,)) if isinstance(said[2], Answered) else said[2]
    for name, words in (
        ("dissent-dropped", (*said[:2], Absent(), said[3])),
        ("dissent-turned-into-assent", (*said[:2], agreeing, said[3])),
        ("silence-filled", (*said[:3], agreeing)),
        ("votes-swapped", (said[2], said[1], said[0], said[3])),
        ("members-beyond-the-group", (*said, Absent())),
    ):
        evidence = change(EVIDENCE, ended=change(EVIDENCE.ended, said=words))
        yield name, issued(evidence), "wrong-evidence"
    seven = GOOD["group-trimmed-mean"]
    fewer = replace(seven, ended={"said": seven.said[:6]})
    yield "members-left-out", signed_all(fewer), "wrong-evidence"


def ballots_of_liars() -> Iterator[Defect]:
    """What every member has committed to, and yet may not be."""
    labels = len(DIGITS.question.interface.labels)
    contested, failed, rows = GOOD["group-contested"], GOOD["group-failed"], GOOD["group-rows"]
    for name, case, code in (
        ("vote-for-no-label", replace(CERTIFIED, votes=(1, 1, labels, 1), outcome="certified"), "wrong-vote"),
        ("vote-below-every-label", replace(CERTIFIED, votes=(1, 1, -1, 1), outcome="certified"), "wrong-vote"),
        ("votes-of-more-rows", replace(CERTIFIED, votes=(1, 1, (1, 1), 1), outcome="certified"), "wrong-vote"),
        (
            "votes-of-fewer-rows",
            replace(rows, votes=((0, 1), (0, 1), 0, (0, 1)), outcome="certified"),
            "wrong-vote",
        ),
        ("certified-shown-as-contested", replace(CERTIFIED, outcome="contested"), "wrong-outcome"),
        ("certified-shown-as-failed", replace(CERTIFIED, outcome="failed"), "wrong-outcome"),
        ("contested-shown-as-certified", replace(contested, outcome="certified"), "wrong-outcome"),
        ("contested-shown-as-failed", replace(contested, outcome="failed"), "wrong-outcome"),
        ("contested-row-shown-as-certified", replace(rows, outcome="certified"), "wrong-outcome"),
        ("failed-shown-as-certified", replace(failed, outcome="certified"), "wrong-outcome"),
        ("failed-shown-as-contested", replace(failed, outcome="contested"), "wrong-outcome"),
        (
            "decided-after-the-deadline",
            replace(CERTIFIED, deadline=CERTIFIED.time - 1, outcome="certified"),
            "wrong-outcome",
        ),
        ("fewer-votes-than-asked-for", replace(CERTIFIED, least=3, outcome="certified"), "wrong-outcome"),
        (
            "one-vote-shown-as-certified",
            replace(CERTIFIED, votes=(0, 1, 2, Absent()), outcome="certified"),
            "wrong-outcome",
        ),
        ("time-before-assay", replace(CERTIFIED, time=0), "wrong-time"),
        ("time-far-ahead", replace(CERTIFIED, time=2**48 - 2, deadline=2**48 - 1), "wrong-time"),
    ):
        yield f"signed-{name}", signed_all(case), code
    for name, changes in (
        ("of-other-labels", {"labels": ("one", "two", "zero")}),
        ("of-another-task", {"task": "other"}),
    ):
        model = DIGITS.model("bruno", 2, **changes)
        evidence = replace(CERTIFIED, models={1: model}).evidence
        models = (STATEMENT.models[0], model, STATEMENT.models[2])
        yield f"signed-model-{name}", _certificate(evidence, models=models), "wrong-interface"


def resistant() -> Iterator[Defect]:
    """What is withheld, and whether anything could be, told otherwise than it was signed, or than it can be."""
    right, said = WITHHELD.certificate, WITHHELD.said
    evidence, genesis = right.evidence, RESISTANT.genesis
    turned = change(genesis, configuration=change(RESISTANT.configuration, copy_resistant=False))
    yield "resistant-turned-over", issued(change(evidence, epochs=(turned,))), "bad-signature"
    plain_one = change(evidence, epochs=(DIGITS.genesis,))
    yield "resistant-under-a-genesis-that-is-not", issued(plain_one), "wrong-evidence"
    agreeing = Answered(RESISTANT.configuration.members[3].model.commitment, (1,))
    for name, words in (
        ("withheld-turned-into-absent", (*said[:3], Absent())),
        ("withheld-turned-into-an-answer", (*said[:3], agreeing)),
        ("an-answer-turned-into-withheld", (*said[:2], Withheld(), said[3])),
    ):
        yield f"resistant-{name}", issued(_saying(evidence, words)), "wrong-evidence"
    silent = replace(WITHHELD, votes=(1, 1, 2, Absent())).evidence
    framed = _saying(silent, said)
    yield "resistant-absent-turned-into-withheld", issued(framed), "wrong-evidence"
    two = GOOD["group-resistant-two-withheld"]
    for name, case, code in (
        ("withheld-where-nothing-is-sealed", replace(WITHHELD, group=DIGITS, outcome="certified"), "wrong-vote"),
        ("failed-shown-as-certified", replace(two, outcome="certified"), "wrong-outcome"),
        ("certified-shown-as-failed", replace(WITHHELD, outcome="failed"), "wrong-outcome"),
    ):
        yield f"resistant-signed-{name}", signed_all(case), code
    label, decided, _ = right.statement.outputs
    withholding = RESISTANT.configuration.members[3].model
    for name, changes in (
        ("firm", {"outputs": (label, decided, Tensor.of("firm", np.array([True])))}),
        ("model-of-who-withheld", {"models": (*right.statement.models, withholding)}),
    ):
        document = change(right, statement=change(right.statement, **changes)).to_cbor()
        yield f"resistant-said-{name}", document, "wrong-statement"


def _saying(evidence: AgreementEvidence, words: tuple[Said, ...]) -> AgreementEvidence:
    return change(evidence, ended=change(evidence.ended, said=words))


def statements() -> Iterator[Defect]:
    """Right evidence, and a statement that says something else."""
    models, outputs, caveats = STATEMENT.models, STATEMENT.outputs, STATEMENT.caveats
    label, decided, firm = outputs
    silent = DIGITS.configuration.members[3].model
    for name, changes in (
        ("target-another-group", {"target": "group:letters"}),
        ("target-a-model", {"target": "model:asha/digits@1"}),
        ("models-out-of-order", {"models": models[::-1]}),
        ("model-left-out", {"models": models[:2]}),
        ("model-twice", {"models": (*models, models[0])}),
        ("model-of-the-silent", {"models": (*models, silent)}),
        ("model-of-the-silent-in-place-of-another", {"models": (*models[:2], silent)}),
        ("model-unknown", {"models": (*models, DIGITS.model("nobody"))}),
        ("params-none", {"params": {}}),
        ("params-of-more-votes", {"params": {"votes": 3}}),
        ("params-a-word", {"params": {"votes": "0"}}),
        ("params-false-for-none", {"params": {"votes": False}}),
        ("params-further", {"params": {"votes": 0, "aggregator": "plurality"}}),
        ("request-another", {"request": bytes(16)}),
        ("input-another", {"input": bytes(32)}),
        ("outputs-of-the-dissenter", {"outputs": (Tensor.of("label", np.array([2])), decided, firm)}),
        ("outputs-firm", {"outputs": (label, decided, Tensor.of("firm", np.array([True])))}),
        ("outputs-undecided", {"outputs": (label, Tensor.of("decided", np.array([False])), firm)}),
        ("outputs-none", {"outputs": ()}),
        ("outputs-one-left-out", {"outputs": outputs[:2]}),
        ("outputs-out-of-order", {"outputs": outputs[::-1]}),
        ("outputs-of-a-model", {"outputs": sample.DIGIT.outputs}),
        ("outputs-of-another-type", {"outputs": (Tensor.of("label", np.array([1], np.int32)), decided, firm)}),
        ("outcome-contested", {"outcome": "contested"}),
        ("outcome-failed", {"outcome": "failed"}),
        ("outcome-answered", {"outcome": "answered"}),
        ("time-later", {"time": STATEMENT.time + 1}),
        ("asserted-by-a-provider", {"asserted_by": "provider"}),
        ("caveats-left-out", {"caveats": ()}),
        ("caveats-shortened", {"caveats": caveats[:-1]}),
        ("caveats-softened", {"caveats": ("Agreement is truth.", *caveats[1:])}),
        ("caveats-of-another-mode", {"caveats": sample.digit().certificate.statement.caveats}),
    ):
        yield f"said-{name}", _certificate(EVIDENCE, **changes), "wrong-statement"
    yield from _shown_otherwise()


def _shown_otherwise() -> Iterator[Defect]:
    """Answers that the votes do not come to, most of them by another way of counting."""
    rows, failed, median = (
        GOOD["group-rows"].certificate,
        GOOD["group-failed"].certificate,
        GOOD["group-median"].certificate,
    )
    _, _, firm = rows.statement.outputs
    everything = Tensor.of("decided", np.array([True, True]))
    _, one_decided, one_firm = median.statement.outputs
    for name, right, changes in (
        ("contested-as-certified", GOOD["group-contested"].certificate, {"outcome": "certified"}),
        ("contested-row-as-the-first-label", rows, {"outputs": (rows.statement.outputs[0], everything, firm)}),
        ("one-row-of-two", rows, {"outputs": outputs_of_rows(rows.statement, 1)}),
        ("failed-with-an-answer", failed, {"outputs": STATEMENT.outputs}),
        ("failed-as-certified", failed, {"outcome": "certified", "outputs": STATEMENT.outputs}),
        (
            "plain-mean-in-place-of-the-median",
            median,
            {"outputs": (_value(2_250_113.1875), one_decided, one_firm)},
        ),
        ("upper-median", median, {"outputs": (_value(152.5), one_decided, one_firm)}),
        ("value-not-scaled", median, {"outputs": (_value(151_250.0), one_decided, one_firm)}),
        ("value-as-a-label", median, {"outputs": (Tensor.of("label", np.array([151])), one_decided, one_firm)}),
    ):
        yield (
            f"said-{name}",
            change(right, statement=change(right.statement, **changes)).to_cbor(),
            "wrong-statement",
        )
    aggregated = replace(
        GOOD["group-median"], group=Group("progression", sample.ROW, Values(1000), "trimmed-mean")
    )
    borrowed = AgreementCertificate(FORMAT, aggregated.certificate.statement, median.evidence)
    yield "said-by-another-aggregator", borrowed.to_cbor(), "wrong-statement"


def outputs_of_rows(said: Statement, rows: int) -> tuple[Tensor, ...]:
    return tuple(Tensor.of(each.name, each.array()[:rows]) for each in said.outputs)


def _value(value: float) -> Tensor:
    return Tensor.of("value", np.array([value]))


def mixtures() -> Iterator[Defect]:
    """Right halves that are not of one another."""
    provided = sample.digit().certificate
    forged = STRANGERS.certificate
    for name, document, code in (
        ("evidence-of-mode-direct", plain(RIGHT) | {"evidence": plain(provided.evidence)}, "invalid"),
        ("evidence-under-mode-direct", plain(RIGHT) | {"mode": "direct"}, "invalid"),
        (
            "evidence-of-another-request",
            plain(RIGHT) | {"evidence": plain(GOOD["group-first-leaf"].evidence)},
            "wrong-statement",
        ),
        ("genesis-of-the-real-group-for-a-forged-one", _grafted(forged.evidence), "wrong-evidence"),
        (
            "commits-of-a-forged-group",
            plain(RIGHT) | {"evidence": plain(EVIDENCE) | {"commits": plain(forged.evidence)["commits"]}},
            "bad-signature",
        ),
    ):
        yield name, cbor.encode(document), code
    yield (
        "statement-under-a-providers-signature",
        direct.issue(sample.PROVIDER, [STATEMENT])[0].to_cbor(),
        "wrong-statement",
    )


def _grafted(evidence: AgreementEvidence) -> Any:
    return plain(change(STRANGERS.certificate, evidence=change(evidence, epochs=(DIGITS.genesis,))))


def _with(**changes: Any) -> bytes:
    """The right certificate with other evidence."""
    return _certificate(change(EVIDENCE, **changes))


def _certificate(evidence: AgreementEvidence, **changes: Any) -> bytes:
    return AgreementCertificate(FORMAT, change(STATEMENT, **changes), evidence).to_cbor()


def signed_all(case: Case) -> bytes:
    """Whatever it says, every member that matters has committed to it."""
    return issued(case.evidence, case.models.values())


def issued(evidence: AgreementEvidence, models: Iterable[ModelReference] = ()) -> bytes:
    """With the statement that would follow, if the evidence were right."""
    said = STATEMENT
    try:
        right = change(evidence, ended=change(evidence.ended, outcome=evidence.tally.outcome))
        said = change(statement(right, models), outcome=evidence.ended.outcome)
    except AssayError:  # nothing follows from it
        pass
    return AgreementCertificate(FORMAT, said, evidence).to_cbor()
