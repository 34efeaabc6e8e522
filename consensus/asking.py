"""A client of a group, without sockets and clock: what it has asked, and which answers prove themselves.

No member is believed. An outcome counts once 2f + 1 members' signatures commit to the entry that holds it; a
refusal once f + 1 members have refused, for one of them is honest. An entry is checked once, whoever sends it and
however many of its outcomes are asked for.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from assay import merkle
from assay.agreement.chain import require_chain
from assay.agreement.entry import Asked, Ballot, Ended, Entry
from assay.agreement.evidence import AgreementEvidence
from assay.agreement.group import Epoch, Signed
from assay.agreement.votes import Answered
from assay.digest import Tag
from assay.errors import NotVerified, Refused
from assay.keys import PrivateKey, PublicKey
from assay.model import ModelReference
from consensus.messages import Batch, Decided, Payload, Refusal, Requests
from wire.failures import printable

PROVED = 64  # entries remembered
FIRST_PAUSE = 1.0  # seconds before undecided requests are sent again; doubled each time
LONGEST_PAUSE = 8.0


class Answer(NamedTuple):
    """What a group has decided, with all that `assay.agreement.issue` needs besides the genesis."""

    evidence: AgreementEvidence
    models: tuple[ModelReference, ...]  # that answered and are not of the genesis


@dataclass(eq=False)
class Sent:
    """A signed batch of which something is still open."""

    batch: Batch
    requests: tuple[bytes, ...]  # digests
    due: float  # when it is to be sent again
    pause: float = FIRST_PAUSE
    open: int = 0


@dataclass
class _Open:
    """A request that somebody waits for."""

    asked: Asked
    payload: Payload
    answered: bool = False
    sent: Sent | None = None
    refusals: dict[int, str] = field(default_factory=dict)  # by member


class _Proved(NamedTuple):
    """An entry that the group has committed to."""

    entry: Entry
    view: int
    installed: bytes
    commits: tuple[Signed, ...]
    tree: list[list[bytes]]


class Asking:
    """Requests of the holder of `key` to the group that `epochs` begin. Raises where there is no such group."""

    def __init__(self, epochs: tuple[Epoch, ...], key: PrivateKey) -> None:
        require_chain(epochs)
        self.configuration = epochs[-1].configuration
        self.group = epochs[0].configuration.digest
        self._epochs = epochs
        self._key = key
        self._open: dict[bytes, _Open] = {}
        self._sent: set[Sent] = set()
        self._proved: OrderedDict[bytes, _Proved] = OrderedDict()

    # --- what is asked ------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Requests that somebody waits for."""
        return len(self._open)

    def __contains__(self, request: object) -> bool:
        return request in self._open

    def add(self, request: bytes, asked: Asked, payload: Payload) -> None:
        """A request, by its digest."""
        self._open[request] = _Open(asked, payload)

    def forget(self, request: bytes) -> None:
        """It has been answered, or nobody wants the answer any more."""
        gone = self._open.pop(request, None)
        if gone is not None and gone.sent is not None:
            gone.sent.open -= 1
            if not gone.sent.open:
                self._sent.discard(gone.sent)

    def asked(self, request: bytes) -> Asked:
        return self._open[request].asked

    def sign(self, requests: Sequence[bytes], asked: tuple[Asked, ...]) -> Batch:
        """One signature for all of them. Depends on nothing else here, hence for any thread."""
        signature = self._key.sign(Tag.AGREEMENT_BATCH, Batch.signed(list(requests)))
        return Batch(self._key.public.raw, asked, signature)

    def send(self, batch: Batch, requests: Sequence[bytes], now: float) -> Requests | None:
        """What is to be said first of a batch; None if by now nobody wants any of its answers."""
        sent = Sent(batch, tuple(requests), now + FIRST_PAUSE)
        for request in requests:
            if request in self._open:
                self._open[request].sent = sent
                sent.open += 1
        if not sent.open:
            return None
        self._sent.add(sent)
        return self.said(sent)

    def said(self, sent: Sent) -> Requests:
        """A batch with the payloads of what is open."""
        every = (self._open.get(request) for request in sent.requests)
        return Requests(sent.batch, tuple(each.payload if each is not None else None for each in every))

    def undecided(self) -> Iterable[Sent]:
        """For a member that has just been reached."""
        return tuple(self._sent)

    def due(self, now: float) -> list[Sent]:
        """What is to be sent again now."""
        due = [sent for sent in self._sent if sent.due <= now]
        for sent in due:
            sent.pause = min(LONGEST_PAUSE, 2 * sent.pause)
            sent.due = now + sent.pause
        return due

    # --- what is answered ---------------------------------------------------------------------------------

    def decided(self, message: Decided) -> list[tuple[bytes, Answer]]:
        """The answers in it to what is open, each with its proof. Raises NotVerified for what proves nothing."""
        wanted = [(index, ended) for index, ended in message.ended if self._is_open(ended.request)]
        if not wanted or message.entry.epoch >= len(self._epochs):
            return []
        proved = self._prove(message)
        models = {model.commitment: model for model in message.models}
        answers = [(ended.request, self._answer(proved, index, ended, models)) for index, ended in wanted]
        for request, _ in answers:
            self._open[request].answered = True
        return answers

    def refused(self, member: int, message: Refusal) -> list[tuple[bytes, Refused]]:
        """The requests that f + 1 members, this one the last, will not take."""
        told = []
        for request in message.requests:
            opened = self._open.get(request)
            if opened is None or opened.answered:
                continue
            opened.refusals[member] = printable(message.detail)
            if len(opened.refusals) == self.configuration.f + 1:
                told.append((request, _refused(opened.refusals)))
        return told

    def _is_open(self, request: bytes) -> bool:
        opened = self._open.get(request)
        return opened is not None and not opened.answered

    def _answer(self, proved: _Proved, index: int, ended: Ended, models: dict[bytes, ModelReference]) -> Answer:
        leaves = proved.tree[0]
        if index >= len(leaves) or merkle.leaf_hash(ended.leaf) != leaves[index]:
            raise NotVerified("an outcome that is not in the entry", code="wrong-outcome", pointer="/ended")
        epochs = self._epochs[: proved.entry.epoch + 1]
        began = {member.model.commitment for member in epochs[-1].configuration.members}
        answering = {said.model for said in ended.said if isinstance(said, Answered)} - began
        if not answering <= models.keys():
            raise NotVerified("a model that answered is not named", code="wrong-models", pointer="/models")
        evidence = AgreementEvidence(
            epochs=epochs,
            asked=self._open[ended.request].asked,
            ended=ended,
            index=index,
            path=merkle.path_in(proved.tree, index),
            entry=proved.entry,
            view=proved.view,
            installed=proved.installed,
            commits=proved.commits,
        )
        return Answer(evidence, tuple(models[each] for each in sorted(answering)))

    def _prove(self, message: Decided) -> _Proved:
        name = message.entry.digest
        proved = self._proved.get(name)
        if proved is None:
            proved = self._proved[name] = self._checked(message)
            if len(self._proved) > PROVED:
                self._proved.popitem(last=False)
        return proved

    def _checked(self, message: Decided) -> _Proved:
        entry = message.entry
        if entry.group != self.group or entry.count != len(message.leaves):
            raise NotVerified("not an entry of this group", code="wrong-entry", pointer="/entry")
        tree = merkle.levels(message.leaves)
        if tree[-1][0] != entry.root:
            raise NotVerified("not the outcomes of the entry", code="wrong-outcome", pointer="/leaves")
        members = [each.member for each in message.commits]
        configuration = self._epochs[entry.epoch].configuration
        keys = [member.key for member in configuration.members]
        if len(members) < configuration.quorum or members != sorted(set(members)) or members[-1] >= len(keys):
            raise NotVerified(
                "not a quorum of the group", code="wrong-quorum", pointer="/commits", got=str(members)
            )
        ballot = Ballot(entry.group, entry.epoch, message.view, message.installed, entry.number, entry.digest)
        signed = ballot.digest(Tag.AGREEMENT_COMMIT)
        for each in message.commits:
            PublicKey(keys[each.member]).verify(Tag.AGREEMENT_COMMIT, signed, each.signature)
        return _Proved(entry, message.view, message.installed, message.commits, tree)


def _refused(words: dict[int, str]) -> Refused:
    said = " | ".join(dict.fromkeys(words.values()))
    return Refused(f"the group will not take this request: {said}", code="group-refused")
