"""This node in one epoch of one group: a replica, the group's log, and links to the other members.

An epoch that ends ends this; what follows is for `node.members` to say.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from assay.agreement.blame.evidence import AnyEvidence
from assay.agreement.group import Configuration, Epoch
from assay.errors import Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from assay.model import ModelReference
from consensus.blaming import evidence
from consensus.events import Contradiction
from consensus.host import Host
from consensus.judging import fits, require_successor
from consensus.messages import Requests, Successor
from consensus.replica import Replica
from consensus.seals import Ed25519
from consensus.storage import SqliteStorage
from consensus.succeeding import is_agreed
from node.epochs import Chain, group_of, place_of
from node.home import write_atomically
from node.transcripts import Page, page
from node.voter import Inference, Served, Voter
from wire.messages import InGroup

LOG, MOVED = "log.sqlite", "addresses.json"  # of each group
ORDERING = 60.0  # seconds for a group to order a change of model

_log = logging.getLogger(__name__)


def open_log(folder: Path, chain: Chain, key: PublicKey) -> SqliteStorage:
    """What this member must not forget, from now on in the newest epoch. Raises Refused, Unavailable."""
    genesis, present, counting = (
        chain[0].configuration,
        chain[-1].configuration,
        group_of(chain).counting(len(chain)),
    )
    return SqliteStorage(folder / LOG, genesis, key, present=present, counting=counting)


class Member:
    """This node in the newest epoch of `chain`. Runs until `close`; `on_succeeded` is told what follows,
    `on_caught` who has broken its word.
    """

    def __init__(
        self,
        chain: Chain,
        folder: Path,
        key: PrivateKey,
        models: Served,
        triton: Inference,
        *,
        on_succeeded: Callable[[Epoch], None],
        on_caught: Callable[[AnyEvidence], None],
    ) -> None:
        self.chain = chain
        self.group = group_of(chain)
        configuration = self.group.configuration
        self.me = place_of(configuration, key.public)
        self.keys = frozenset(PublicKey(member.key) for member in configuration.members)
        self._moved = _Moved(folder / MOVED, [member.address for member in configuration.members])
        self._models = models
        self._on_caught = on_caught
        self._adopting: dict[bytes, asyncio.Event] = {}
        self._seal = Ed25519(key)
        self._storage = open_log(folder, chain, key.public)
        self._voter = Voter(configuration.answer, models, triton)
        self._replica = Replica(self.group, self.me, self._seal, self._storage.restore())
        self.host = Host(
            self.group,
            self.me,
            key,
            self._replica,
            self._storage,
            infer=self._voter.vote,
            on_adopted=self._adopted,
            on_succeeded=on_succeeded,
            on_caught=self._caught,
            resolve=self._moved.resolve,
        )
        self._watch = asyncio.create_task(self._ended())

    @property
    def stopped(self) -> bool:
        """Whether it takes no more part: its log and its replica contradict each other, or its replica failed."""
        return self._watch.done()

    @property
    def state(self) -> InGroup:
        """As the node sees it; reaches nobody once it has stopped."""
        state = self._replica.state
        return InGroup(
            group=self.group.genesis,
            epoch=self.group.configuration.epoch,
            number=state.standing.entries,
            model=state.serving.commitment,
            reached=0 if self.stopped else self.host.reached,
        )

    def find(self, configuration: Configuration, addresses: tuple[str, ...]) -> None:
        """The members of this configuration, perhaps an earlier one, are now at these addresses."""
        self._moved.note([member.address for member in configuration.members], addresses)

    async def adopt(self, model: ModelReference) -> None:
        """Returns once the group has ordered that this member answers with `model`."""
        commitment = model.commitment
        if not fits(self.group.configuration, self.me, model):
            raise Refused(
                "the model does not fit the group",
                code="wrong-interface",
                pointer="/commitment",
                expected="the group's inputs, labels and preprocessing",
                got=commitment.hex(),
            )
        if self._replica.state.serving.commitment == commitment:
            return
        ordered = self._adopting.setdefault(commitment, asyncio.Event())
        self.host.adopt(model)
        try:
            async with asyncio.timeout(ORDERING):
                await ordered.wait()
        except TimeoutError:
            raise _not_ordered() from None
        if commitment in self._adopting:  # the epoch has ended before that
            raise _not_ordered()

    def reconfigure(self, successor: Successor) -> None:
        """Hands the group what is to follow; nothing more where that is under way or in force already.

        Raises Refused for what the group would not order, Unavailable while this member is still behind.
        """
        state, configuration = self._replica.state, successor.configuration
        if configuration.digest in (self.group.configuration.digest, state.standing.over):
            return
        if not state.arrived:
            raise Unavailable("the member has not caught up with its group yet", code="not-ordered")
        require_successor(self.group, state.standing, configuration)
        if not is_agreed(self.group, successor, self._seal):
            raise Refused(
                "not all who must have signed it",
                code="wrong-quorum",
                pointer="/successor",
                expected=f"{configuration.n} members to come, {self.group.quorum} present ones by their places",
                got=f"{len(successor.consents)} and {len(successor.words)} signatures",
            )
        self.host.reconfigure(successor)

    @property
    def waiting(self) -> Sequence[Requests]:
        """What clients have asked and the group has not decided."""
        return self._replica.waiting

    def transcript(self, number: int, view: int) -> Page:
        """What the log holds beyond that entry and that view. Blocking. Raises Unavailable."""
        with self._storage.reading() as file:
            return page(self.chain, file, number, view)

    async def close(self) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        await self.host.close()
        await self._voter.close()
        self._storage.close()
        for ordered in self._adopting.values():
            ordered.set()

    async def _ended(self) -> None:
        with suppress(Exception):  # the host has said in the log what it was
            await self.host.ended()

    def _caught(self, contradiction: Contradiction) -> None:
        if (found := evidence(self.chain, contradiction)) is not None:
            self._on_caught(found)

    def _adopted(self, commitment: bytes) -> None:
        _log.info("answers group %s with model %s", self.group.configuration.slug, commitment.hex())
        if ordered := self._adopting.pop(commitment, None):
            ordered.set()


class _Moved:
    """Where members are that are no longer where the group's configuration says."""

    def __init__(self, path: Path, written: list[str]) -> None:
        self._path = path
        self._written = written
        self._now: dict[str, str] = {}
        with suppress(FileNotFoundError, msgspec.DecodeError):
            self._now = msgspec.json.decode(path.read_bytes(), type=dict[str, str])

    async def resolve(self, where: str) -> str:
        return self._now.get(where, where)

    def note(self, written: list[str], addresses: tuple[str, ...]) -> None:
        """Where members that are written down there are now; of others nothing is forgotten by that."""
        told = self._now | dict(zip(written, addresses, strict=False))
        now = {each: where for each, where in told.items() if each in self._written}
        if now != self._now:
            write_atomically(self._path, msgspec.json.encode(now))
            self._now = now


def _not_ordered() -> Unavailable:
    return Unavailable("the group has not ordered the change yet", code="not-ordered")
