# ruff: noqa: INP001  # a script beside its output, not a package
"""Certificates from later epochs of groups that are wrong, each in one way, which is its name.

Whatever is not the defect itself is right, and signed by all who would sign it if it were.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import NO_PREVIOUS, Approved, Epoch, Labels
from assay.certificate import FORMAT, AgreementCertificate
from assay.digest import Tag, sha256
from assay.model import ImagePreprocessing, Interface
from docs.vectors import defects
from docs.vectors.chains import BACK, GROWN, OF_STRANGERS, OF_VALUES, REPLACED, ROTATED, SEVEN, SHRUNK, THREE, TWO
from docs.vectors.defects import Defect
from docs.vectors.group import CERTIFIED, DIGITS, OWNERS, RESISTANT, Case, Group, followed, last_entry, signed
from docs.vectors.group_defects import issued, signed_all

change = msgspec.structs.replace
GENESIS, SECOND = REPLACED.epochs
APPROVALS = SECOND.approvals

# of the later epoch: what puts it into force, what follows the epoch before, and its new member
OF_THE_CHAIN = re.compile(
    r"-epochs-1-(approvals|consents|configuration-(format|slug|epoch|previous|aggregator|grace|horizon|copy_resistant)\b"
    r"|configuration-members-(3-(owner|key|address|model-digest)|longer|shorter)|configuration$)|-epochs-1$"
)


def every() -> Iterator[Defect]:
    for kind in (shapes, approvals, consents, orders, configurations, entries):
        for name, document, code in kind():
            yield f"chain-{name}", document, code


def shapes() -> Iterator[Defect]:
    """Every field altered, left out, or joined by an unknown one."""
    for kind in (defects.altered, defects.misshapen):
        yield from (each for each in kind(TWO) if OF_THE_CHAIN.search(each[0]))


def approvals() -> Iterator[Defect]:
    """Approvals that are not of 2f + 1 members of the epoch before, to this configuration after this entry."""
    keys, strange = DIGITS.keys, OF_STRANGERS.group.keys
    other = sha256(b"another")
    three, ahead = (0, 1, 2), REPLACED.approved((2,), keys, last=4, entry=last_entry(4))
    for name, given, code in (
        ("none", (), "wrong-quorum"),
        ("too-few", APPROVALS[:2], "wrong-quorum"),
        ("by-one-twice", (*APPROVALS[:2], APPROVALS[1]), "wrong-quorum"),
        ("by-one-under-two-numbers", (*APPROVALS[:2], change(APPROVALS[1], member=2)), "bad-signature"),
        ("by-a-member-that-is-none", (*APPROVALS[:2], change(APPROVALS[2], member=4)), "wrong-quorum"),
        ("out-of-order", APPROVALS[::-1], "wrong-quorum"),
        ("swapped", tuple(change(each, member=2 - each.member) for each in APPROVALS[::-1]), "bad-signature"),
        ("of-the-new-members", REPLACED.approved((0, 1, 3), REPLACED.keys), "bad-signature"),
        ("of-strangers", REPLACED.approved(three, strange), "bad-signature"),
        ("of-one-stranger-among-members", REPLACED.approved(three, [strange[0], *keys[1:]]), "bad-signature"),
        ("that-only-consent", REPLACED.approved(three, keys, Tag.GROUP), "bad-signature"),
        ("of-another-group", REPLACED.approved(three, keys, group=other), "bad-signature"),
        ("of-another-configuration", REPLACED.approved(three, keys, configuration=other), "bad-signature"),
        ("after-another-entry", _said(REPLACED.approved(three, keys, entry=other), entry=APPROVALS[0].entry), ""),
        ("after-another-number", _said(REPLACED.approved(three, keys, last=4), last=3), ""),
        ("with-another-entry-written-in", _said(APPROVALS, entry=other), "bad-signature"),
        ("with-another-number-written-in", _said(APPROVALS, last=2), "bad-signature"),
        ("with-different-lasts", (*APPROVALS[:2], *ahead), "wrong-quorum"),
        ("with-different-entries", (*APPROVALS[:2], *REPLACED.approved((2,), keys, entry=other)), "wrong-quorum"),
    ):
        yield f"approvals-{name}", _chained(TWO, GENESIS, change(SECOND, approvals=given)), code or "bad-signature"
    for name, group, code in (
        ("of-four-of-seven", replace(SHRUNK, approving=(0, 1, 2, 3)), "wrong-quorum"),
        ("after-entry-zero", replace(REPLACED, last=0), "wrong-epoch"),
    ):
        yield f"approvals-{name}", signed_all(replace(TWO, group=group)), code
    for name, last in (
        ("with-the-last-of-the-epoch-before", 3),
        ("with-a-last-below-that-of-the-epoch-before", 2),
    ):
        yield f"approvals-{name}", signed_all(replace(THREE, group=replace(SHRUNK, last=last))), "wrong-epoch"
    first, second, third = BACK.epochs
    for name, given in (
        ("of-the-epoch-before-the-one-before", BACK.approved((0, 1, 3), keys)),
        ("of-its-own-members", BACK.approved((0, 1, 3), BACK.keys)),
        ("to-the-epoch-before", second.approvals),
    ):
        case = replace(TWO, group=BACK)
        yield f"approvals-{name}", _chained(case, first, second, change(third, approvals=given)), "bad-signature"


def _said(given: tuple[Approved, ...], **changes: Any) -> tuple[Approved, ...]:
    """What was signed, with something else written beside it."""
    return tuple(change(each, **changes) for each in given)


def consents() -> Iterator[Defect]:
    """Members of the new epoch that have not shown that they hold their keys, or that they want to."""
    right, digest = SECOND.consents, REPLACED.configuration.digest
    rotated = ROTATED.epoch
    old = DIGITS.keys[1].sign(Tag.GROUP, rotated.configuration.digest)
    for name, case, given, code in (
        ("missing", SEVEN, GROWN.epoch.consents[:-1], "wrong-quorum"),
        ("too-many", TWO, (*right, right[0]), "wrong-quorum"),
        ("swapped", TWO, (right[1], right[0], *right[2:]), "bad-signature"),
        ("of-the-member-that-left", TWO, (*right[:3], DIGITS.keys[3].sign(Tag.GROUP, digest)), "bad-signature"),
        ("to-the-genesis", TWO, (*GENESIS.consents[:3], right[3]), "bad-signature"),
        (
            "that-approve",
            TWO,
            (*right[:3], REPLACED.keys[3].sign(Tag.GROUP_APPROVAL, digest)),
            "bad-signature",
        ),
        (
            "with-the-key-that-was-replaced",
            replace(TWO, group=ROTATED),
            (rotated.consents[0], old, *rotated.consents[2:]),
            "bad-signature",
        ),
    ):
        epochs = case.group.epochs
        yield f"consents-{name}", _chained(case, *epochs[:-1], change(epochs[-1], consents=given)), code


def orders() -> Iterator[Defect]:
    """Epochs left out, added, in another order, or of another group."""
    first, second, third = SHRUNK.epochs
    strange = OF_STRANGERS.group
    alone = followed(strange, 5)  # of another group, with the same number as our third
    for name, case, epochs, code in (
        ("one-epoch-skipped", THREE, (first, third), "wrong-epoch"),
        ("two-epochs-swapped", THREE, (first, third, second), "wrong-epoch"),
        ("backwards", THREE, (third, second, first), "wrong-epoch"),
        ("without-the-genesis", THREE, (second, third), "wrong-epoch"),
        ("the-last-alone", THREE, (third,), "wrong-epoch"),
        ("the-genesis-twice", THREE, (first, first, second, third), "wrong-epoch"),
        ("one-epoch-twice", THREE, (first, second, second, third), "wrong-epoch"),
        ("ends-before-the-entrys-epoch", THREE, (first, second), "wrong-evidence"),
        ("the-genesis-alone", TWO, (GENESIS,), "wrong-evidence"),
        ("goes-on-beyond-the-entrys-epoch", CERTIFIED, (GENESIS, SECOND), "wrong-evidence"),
        ("genesis-of-another-group", TWO, (strange.genesis, SECOND), "wrong-epoch"),
        ("later-epoch-of-another-group", TWO, (GENESIS, strange.epoch), "wrong-epoch"),
        ("last-epoch-of-another-group", THREE, (first, second, alone.epoch), "wrong-epoch"),
        ("of-another-group", TWO, strange.epochs, "wrong-evidence"),
        ("another-epoch-that-was-approved", TWO, GROWN.epochs, "wrong-quorum"),
    ):
        yield name, _chained(case, *epochs), code


def configurations() -> Iterator[Defect]:
    """What may not follow, though all have signed and approved it."""
    right, members = REPLACED.question.interface, REPLACED.configuration.members
    relabelled = change(right, labels=("nought", *right.labels[1:]))
    reordered = change(right, labels=right.labels[::-1])
    preparing = right.preprocessing
    assert isinstance(preparing, ImagePreprocessing)
    port = change(right.inputs[0], name="picture")
    asked_otherwise = change(right, inputs=(port,), preprocessing=change(preparing, input="picture"))
    inverted = change(right, preprocessing=change(preparing, invert=not preparing.invert))
    doubled = change(members[3], owner=members[0].owner), change(members[3], key=members[0].key)
    for name, group, code in (
        ("slug-changed", replace(REPLACED, slug="letters"), "wrong-epoch"),
        ("labels-changed", _serving(REPLACED, relabelled), "wrong-epoch"),
        ("labels-reordered", _serving(REPLACED, reordered), "wrong-epoch"),
        ("inputs-changed", _serving(REPLACED, asked_otherwise), "wrong-epoch"),
        ("preprocessing-changed", _serving(REPLACED, inverted), "wrong-epoch"),
        ("epoch-number-skipped", _with(REPLACED, epoch=2), "wrong-epoch"),
        ("epoch-number-of-the-one-before", _with(REPLACED, epoch=0), "wrong-epoch"),
        ("after-nothing", _with(REPLACED, previous=NO_PREVIOUS), "wrong-epoch"),
        ("after-another-configuration", _with(REPLACED, previous=sha256(b"previous")), "wrong-epoch"),
        (
            "after-the-one-before-the-one-before",
            _with(SHRUNK, previous=DIGITS.configuration.digest),
            "wrong-epoch",
        ),
        ("of-five", replace(REPLACED, owners=OWNERS[:5]), "wrong-size"),
        ("of-one-owner-twice", _with(REPLACED, members=(*members[:3], doubled[0])), "same-member"),
        ("of-one-key-twice", _with(REPLACED, members=(*members[:3], doubled[1])), "same-member"),
    ):
        case = THREE if group.before is GROWN else TWO
        yield name, signed_all(replace(case, group=group)), code
    sealed = followed(RESISTANT, 3, owners=REPLACED.owners)
    for name, group in (
        ("copy-resistant-from-now-on", _with(REPLACED, copy_resistant=True)),
        ("copy-resistant-no-more", _with(sealed, copy_resistant=False)),
    ):
        yield name, signed_all(replace(TWO, group=group)), "wrong-epoch"
    trimmed = replace(OF_VALUES.group, aggregator="trimmed-mean")
    yield "aggregator-changed", signed_all(replace(OF_VALUES, group=trimmed)), "wrong-epoch"


def _with(group: Group, **changes: Any) -> Group:
    return replace(group, changes=changes)


def _serving(group: Group, interface: Interface) -> Group:
    """With models of another interface, and answers to it."""
    return replace(group, question=replace(group.question, interface=interface), answer=Labels(interface.labels))


def entries() -> Iterator[Defect]:
    """Entries that do not stand in the epoch, and signatures of who is no member of it any more, or not yet."""
    own, early = REPLACED.configuration.digest, CERTIFIED.evidence
    gone = [*REPLACED.keys[:3], DIGITS.keys[3]]
    for name, case in (
        ("entry-number-of-the-last-before", replace(TWO, entry={"number": 3})),
        ("entry-number-below-the-last-before", replace(TWO, entry={"number": 2})),
        ("entry-of-the-epoch-before", replace(TWO, entry={"epoch": 0})),
        ("entry-of-the-epoch-after", replace(TWO, entry={"epoch": 2})),
        ("entry-of-its-configuration-for-the-group", replace(TWO, entry={"group": own})),
        ("request-to-its-configuration-for-the-group", replace(TWO, asked={"group": own})),
        ("words-of-the-members-before", replace(SEVEN, ended={"said": SEVEN.said[:4]})),
    ):
        yield name, signed_all(case), "wrong-evidence"
    for name, evidence, code in (
        ("commit-of-a-member-that-left", signed(TWO.evidence, gone, (0, 1, 3)), "bad-signature"),
        ("commit-of-a-member-that-is-yet-to-come", signed(early, REPLACED.keys, (0, 1, 3)), "bad-signature"),
        ("commit-with-a-key-that-was-replaced", _committed(ROTATED, DIGITS), "bad-signature"),
        ("commit-with-a-key-that-is-not-yet-in-force", signed(early, ROTATED.keys, (0, 1, 2)), "bad-signature"),
        ("commits-of-the-epoch-before", _committed(SHRUNK, GROWN), "bad-signature"),
        ("commits-of-three-of-seven", signed(SEVEN.evidence, GROWN.keys, (0, 1, 2)), "wrong-quorum"),
        ("commits-under-their-places-before", signed(THREE.evidence, GROWN.keys, (0, 4, 5)), "wrong-quorum"),
    ):
        yield name, issued(evidence), code
    unheard = replace(TWO, votes=CERTIFIED.votes[3:] * 4)
    began = tuple(member.model for member in DIGITS.configuration.members)
    said = change(unheard.certificate.statement, models=began)
    document = AgreementCertificate(FORMAT, said, unheard.evidence).to_cbor()
    yield "said-models-of-the-epoch-before", document, "wrong-statement"


def _committed(group: Group, by: Group) -> AgreementEvidence:
    """With the first three of the members' keys in another epoch."""
    case = replace(TWO, group=group, votes=(1, 1, 2, 1))
    return signed(case.evidence, by.keys, (0, 1, 2))


def _chained(case: Case, *epochs: Epoch) -> bytes:
    """A right case with other epochs, and the statement that would follow."""
    return issued(change(case.evidence, epochs=epochs), case.models.values())
