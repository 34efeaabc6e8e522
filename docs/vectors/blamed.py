# ruff: noqa: INP001  # a script beside its output, not a package
"""Evidence against members of a group, good and bad, made from fixed seeds; listed in blame.json.

Of each kind there is one that stands, and for each a few that prove nothing, named for what is wrong with them.
Last a transcript, with what an audit finds in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from msgspec import structs

from assay import cbor, merkle
from assay.agreement import results
from assay.agreement.blame import making
from assay.agreement.blame.evidence import TAGS, AnyEvidence, Commitment, Phase, parse
from assay.agreement.blame.guilt import require_guilt
from assay.agreement.blame.transcript import FORMAT, Batch, Beginning, Transcript, Vote
from assay.agreement.entry import Ballot, Entry
from assay.agreement.group import Signed
from assay.agreement.results import Result
from assay.agreement.sealing import Opened, Sealed
from assay.agreement.views import Move, Quorum, SignedMove, beginning
from assay.agreement.votes import Abstained, Answered
from assay.digest import Tag, sha256
from assay.errors import AssayError
from assay.fields import plain
from assay.verify.audit import audit
from docs.vectors.group import CERTIFIED, DIGITS, STRANGERS

EPOCHS = (DIGITS.genesis,)
GROUP = DIGITS.configuration.digest
QUORUMS = range(3), range(1, 4)
BEGINNINGS = sha256(b"as it began for some"), sha256(b"and for others")


def vote(member: int, phase: Phase, entry: Entry, view: int = 0, installed: bytes = bytes(32)) -> Vote:
    ballot = Ballot(GROUP, 0, view, installed, entry.number, entry.digest)
    signature = DIGITS.keys[member].sign(TAGS[phase], ballot.digest(TAGS[phase]))
    return Vote(phase, member, view, installed, entry.number, entry.digest, signature)


def entry(content: bytes, number: int = 7, parent: bytes = GROUP) -> Entry:
    return Entry(GROUP, 0, number, parent, 1_790_000_000_000, sha256(content), 0, bytes(32))


def signatures(members: range, phase: Phase, of: Entry, view: int = 0) -> tuple[Signed, ...]:
    return tuple(Signed(member, vote(member, phase, of, view).signature) for member in members)


def batch(member: int, *made: Result) -> Batch:
    root = merkle.root([each.leaf for each in made])
    signed = results.signed(GROUP, 0, member, len(made), root)
    return Batch(member, made, DIGITS.keys[member].sign(Tag.AGREEMENT_EXEC, signed))


def move(member: int, view: int, head: Quorum | None = None, *locks: Quorum) -> SignedMove:
    made = Move(GROUP, 0, member, view, head, locks)
    return SignedMove(made, DIGITS.keys[member].sign(Tag.AGREEMENT_VIEW_CHANGE, made.digest))


def begin(view: int, *moves: SignedMove) -> Beginning:
    digest = beginning(GROUP, 0, view, [each.move.digest for each in moves])
    return Beginning(view, moves, DIGITS.keys[view].sign(Tag.AGREEMENT_NEW_VIEW, digest))


def rewrite(view: int) -> AnyEvidence | None:
    one, other = entry(b"one"), entry(b"other")
    return making.rewrite(
        EPOCHS,
        Commitment(one, 0, bytes(32), signatures(QUORUMS[0], "commit", one)),
        Commitment(other, view, bytes(32), signatures(QUORUMS[1], "commit", other, view)),
    )


def contradicting_results() -> AnyEvidence | None:
    model = DIGITS.model("chidi").commitment
    request, *others = (sha256(name) for name in (b"request", b"another", b"a third"))
    first = batch(2, *(Result(each, model, Abstained()) for each in (*others, request)))
    return making.contradicting_results(EPOCHS, first, batch(2, Result(request, model, Answered(model, (1,)))))


def two_seals() -> AnyEvidence | None:
    """In a copy-resistant group."""
    model, request = DIGITS.model("chidi").commitment, sha256(b"request")
    said = (Result(request, model, Sealed(model, sha256(name))) for name in (b"one", b"other"))
    return making.contradicting_results(EPOCHS, *(batch(2, each) for each in said))


def against_the_view() -> AnyEvidence | None:
    first = entry(b"one", 1)
    lock = Quorum(first, 0, bytes(32), signatures(QUORUMS[0], "prepare", first))
    began = begin(1, move(0, 1, None, lock), move(2, 1), move(3, 1))
    installed = beginning(GROUP, 0, 1, [each.move.digest for each in began.moves])
    return making.against_the_view(EPOCHS, vote(3, "prepare", entry(b"other", 1), 1, installed), began)


def good() -> dict[str, AnyEvidence]:
    """One of each kind, that stands."""
    one, other = entry(b"one"), entry(b"other")
    lock = Quorum(one, 0, bytes(32), signatures(QUORUMS[0], "prepare", one))
    moves = [move(member, 1) for member in range(4)]
    found = {
        "two-prepares": making.double_vote(EPOCHS, vote(1, "prepare", one), vote(1, "prepare", other)),
        "two-commits": making.double_vote(EPOCHS, vote(1, "commit", one), vote(1, "commit", other)),
        "on-two-beginnings": making.double_vote(
            EPOCHS, *(vote(1, "commit", one, 1, began) for began in BEGINNINGS)
        ),
        "contradicting-results": contradicting_results(),
        "two-seals": two_seals(),
        "rewrite": rewrite(0),
        "rewrite-over-views": rewrite(1),
        "wrong-outcome": making.wrong_outcome(replace(CERTIFIED, outcome="contested").evidence),
        "two-moves": making.two_moves(EPOCHS, move(1, 1), move(1, 1, None, lock)),
        "two-beginnings": making.two_beginnings(EPOCHS, begin(1, *moves[:3]), begin(1, *moves[1:])),
        "forgotten-commitment": making.forgotten_commitment(EPOCHS, vote(1, "commit", one), moves[1]),
        "against-the-view": against_the_view(),
    }
    return {name: evidence for name, evidence in found.items() if evidence is not None}


def transcript() -> Transcript:
    """Something of each kind, and what it takes for two pieces of evidence to be found."""
    one, other, next_one = entry(b"one"), entry(b"other"), entry(b"next", 8)
    head = Quorum(one, 0, bytes(32), signatures(QUORUMS[0], "commit", one))
    lock = Quorum(next_one, 0, bytes(32), signatures(QUORUMS[0], "prepare", next_one))
    model = DIGITS.model("chidi").commitment
    words = (Abstained(), Sealed(model, sha256(b"one")), Opened(Answered(model, (1,)), sha256(b"salt")))
    return Transcript(
        format=FORMAT,
        epochs=EPOCHS,
        votes=(vote(1, "prepare", one), vote(1, "prepare", other)),
        batches=(batch(2, *(Result(sha256(b"request %d" % i), model, word) for i, word in enumerate(words))),),
        commitments=(Commitment(one, 0, bytes(32), head.signatures),),
        moves=(move(1, 1, head), move(1, 1, head, lock)),
        beginnings=(begin(1, *(move(member, 1, head) for member in (0, 2, 3))),),
    )


def bad(evidence: AnyEvidence) -> Iterator[tuple[str, bytes]]:
    """What proves nothing, by what is wrong with it."""
    whole: dict[str, Any] = plain(evidence)
    others = [member.key for member in DIGITS.configuration.members if member.key not in evidence.accused]
    yield "another-is-accused", cbor.encode(whole | {"accused": others[:1]})
    yield "one-more-is-accused", cbor.encode(whole | {"accused": [*evidence.accused, others[0]]})
    yield "of-no-member", cbor.encode(whole | {"accused": [STRANGERS.group.keys[0].public.raw]})
    yield "a-missing-field", cbor.encode({name: value for name, value in whole.items() if name != "epochs"})
    yield "an-unknown-field", cbor.encode(whole | {"because": "so"})
    yield "another-format", cbor.encode(whole | {"format": "assay-blame/2"})
    yield "truncated", evidence.to_cbor()[:-1]
    yield "consents-of-strangers", structs.replace(evidence, epochs=(_forged(),)).to_cbor()
    for name in ("view", "number"):
        if name in whole:
            yield f"another-{name}", cbor.encode(whole | {name: whole[name] + 1})
    if "phase" in whole:
        yield (
            "the-other-phase",
            cbor.encode(whole | {"phase": {"prepare": "commit"}.get(whole["phase"], "prepare")}),
        )
    for name in ("votes", "results", "commitments", "beginnings", "moves"):
        sides = whole.get(name, [])
        if len(sides) == 2:
            yield "in-another-order", cbor.encode(whole | {name: sides[::-1]})
            yield "one-side-twice", cbor.encode(whole | {name: [sides[0], sides[0]]})
    signature = _first_signature(whole)
    yield (
        "an-altered-signature",
        evidence.to_cbor().replace(signature, signature[:-1] + bytes([signature[-1] ^ 1])),
    )


def _forged() -> Any:
    return structs.replace(DIGITS.genesis, consents=STRANGERS.group.genesis.consents)


def _first_signature(value: Any) -> bytes:
    """The one that convicts first, which is none of the members' consents."""
    if isinstance(value, dict):
        if "signature" in value:
            return bytes(value["signature"])
        value = [each for name, each in sorted(value.items()) if name != "epochs"]
    if isinstance(value, list | tuple):
        return next(filter(None, map(_first_signature, value)), b"")
    return b""


def build() -> dict[str, bytes]:
    """Every file by its path under the vectors' folder, blame.json among them."""
    files: dict[str, bytes] = {}
    entries: list[dict[str, Any]] = []
    for name, evidence in good().items():
        path = f"blame/{name}"
        files[f"{path}.cbor"], files[f"{path}.json"] = evidence.to_cbor(), evidence.to_json().encode()
        accused = [f"ed25519:{key.hex()}" for key in evidence.accused]
        named = {"groups": [DIGITS.digest], "exit": 0, "accused": accused}
        strange = {"groups": [STRANGERS.group.digest], "exit": 1, "finding": "not-pinned"}
        entries += [
            {"file": f"{path}.cbor"} | named,
            {"file": f"{path}.json"} | named,
            {"file": f"{path}.cbor", "groups": [], "exit": 3, "accused": accused},
            {"file": f"{path}.cbor"} | strange,
        ]
        for defect, document in bad(evidence):
            file = f"blame/bad/{name}-{defect}.cbor"
            files[file] = document
            finding = _finding(document)
            entries.append({"file": file, "groups": [DIGITS.digest], "exit": 1, "finding": finding})
    heard = transcript()
    files["blame/transcript.cbor"] = heard.to_cbor()
    found = [{"kind": each.kind, "sha256": each.id.hex()} for each in audit([heard]).evidence]
    transcripts = [{"file": "blame/transcript.cbor", "found": found}]
    index = {"format": "assay-blame-vectors/1", "vectors": entries, "transcripts": transcripts}
    return files | {"blame.json": (json.dumps(index, indent=1) + "\n").encode()}


def _finding(document: bytes) -> str:
    try:
        require_guilt(parse(document), GROUP)
    except AssayError as error:
        return error.code
    raise AssertionError("a bad vector stands")
