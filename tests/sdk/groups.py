"""A group of four digits models, its keys, and an outcome that it has committed to."""

from __future__ import annotations

from assay import merkle
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import FORMAT, NO_PREVIOUS, Configuration, Epoch, Labels, Member, Signed
from assay.agreement.votes import Absent, Answered
from assay.digest import Tag
from assay.keys import PrivateKey
from assay.model import Interface, ModelReference, NoPreprocessing, Port

OWNERS = ("asha", "bruno", "chidi", "dana")
LABELS = ("zero", "one", "two")
INPUTS = (Port(name="image", datatype="FP32", shape=(-1, 4)),)
TIME = 1_790_000_000_000  # 2026-09-21
CLIENT = PrivateKey(b"\x0c" * 32)


def keys(first: int = 1) -> list[PrivateKey]:
    return [PrivateKey(bytes([first + i]) * 32) for i in range(4)]


def model(i: int) -> ModelReference:
    outputs = (Port(name="label", datatype="INT64", shape=(-1,)),)
    interface = Interface("classification", INPUTS, outputs, LABELS, NoPreprocessing())
    return ModelReference(bytes([i]) * 32, interface)


def configuration(signers: list[PrivateKey], **changes) -> Configuration:
    members = tuple(
        Member(owner, key.public.raw, f"{owner}.example:7000", model(i))
        for i, (owner, key) in enumerate(zip(OWNERS, signers, strict=True))
    )
    fields = {
        "format": FORMAT,
        "slug": "digits",
        "epoch": 0,
        "previous": NO_PREVIOUS,
        "members": members,
        "inputs": INPUTS,
        "answer": Labels(LABELS),
        "aggregator": "plurality",
        "grace": 200,
        "horizon": 600_000,
        "copy_resistant": False,
    }
    return Configuration(**fields | changes)


def genesis(signers: list[PrivateKey], **changes) -> Epoch:
    made = configuration(signers, **changes)
    return Epoch(made, tuple(key.sign(Tag.GROUP, made.digest) for key in signers), ())


def evidence(
    signers: list[PrivateKey] | None = None, committing: tuple[int, ...] = (0, 1, 3)
) -> AgreementEvidence:
    """The second of three outcomes of an entry; chidi was silent."""
    signers = signers or keys()
    epoch = genesis(signers)
    group = epoch.configuration.digest
    asked = [Asked(group, CLIENT.public.raw, bytes([i]) * 16, b"\x09" * 32, 1, TIME + 1000, 0) for i in range(3)]
    said = tuple(
        Absent() if i == 2 else Answered(member.model.commitment, (1,))
        for i, member in enumerate(epoch.configuration.members)
    )
    ended = [Ended(each.digest, "certified", said) for each in asked]
    leaves = [each.leaf for each in ended]
    entry = Entry(group, 0, 7, b"\x05" * 32, TIME, b"\x06" * 32, 3, merkle.root(leaves))
    ballot = Ballot(group, 0, 0, bytes(32), 7, entry.digest).digest(Tag.AGREEMENT_COMMIT)
    return AgreementEvidence(
        epochs=(epoch,),
        asked=asked[1],
        ended=ended[1],
        index=1,
        path=merkle.path(leaves, 1),
        entry=entry,
        view=0,
        installed=bytes(32),
        commits=tuple(Signed(i, signers[i].sign(Tag.AGREEMENT_COMMIT, ballot)) for i in committing),
    )
