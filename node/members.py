"""The role *consensus worker*: this node as a member of groups, each with a replica, a log and links of its own.

A node takes part in a group whose genesis its own key has signed (`assay-node accept`), and in none of which it
may have forgotten what it signed: the log is made before anything else, and where the group is known but the log
is gone, or the whole node came back from a backup, it stays out until it has another key.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import msgspec

from assay import cbor, jsonform
from assay.agreement.group import Epoch, require_genesis
from assay.errors import AssayError, Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from assay.model import ModelReference
from consensus.host import Host
from consensus.judging import Group, fits
from consensus.replica import Replica
from consensus.seals import Ed25519
from consensus.storage import SqliteStorage
from node.home import PRIVATE_FOLDER, write_atomically
from node.voter import Inference, Served, Voter
from wire import address
from wire.link import Attached
from wire.messages import InGroup

EPOCH, LOG, MOVED = "epoch.cbor", "log.sqlite", "addresses.json"  # of each group
DISSOLVED = "dissolved"  # beside them: the node was told that the group was withdrawn, and has left it
RESTORED = "restored"  # beside them: the key with which this node came back from a backup
MAX_GROUPS = 64
ORDERING = 60.0  # seconds for a group to order a change of model

_log = logging.getLogger(__name__)


class Member:
    """This node in one group. Runs until `close`."""

    def __init__(self, epoch: Epoch, folder: Path, key: PrivateKey, models: Served, triton: Inference) -> None:
        configuration = epoch.configuration
        self.group = Group(configuration.digest, configuration)
        self._moved = _Moved(folder / MOVED, [member.address for member in configuration.members])
        self.me = place_of(epoch, key.public)
        self.keys = frozenset(PublicKey(member.key) for member in configuration.members)
        self._models = models
        self._adopting: dict[bytes, asyncio.Event] = {}
        self._storage = SqliteStorage(folder / LOG, configuration, key.public)
        self._voter = Voter(configuration.answer, models, triton)
        self._replica = Replica(self.group, self.me, Ed25519(key), self._storage.restore())
        self.host = Host(
            self.group,
            self.me,
            key,
            self._replica,
            self._storage,
            infer=self._voter.vote,
            on_adopted=self._adopted,
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

    def find(self, addresses: tuple[str, ...]) -> None:
        """The members are now at these addresses, in their order."""
        self._moved.note(addresses)

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
            raise Unavailable("the group has not ordered the change yet", code="not-ordered") from None

    async def close(self) -> None:
        self._watch.cancel()
        await asyncio.gather(self._watch, return_exceptions=True)
        await self.host.close()
        await self._voter.close()
        self._storage.close()

    async def _ended(self) -> None:
        with suppress(Exception):  # the host has said in the log what it was
            await self.host.ended()

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

    def note(self, addresses: tuple[str, ...]) -> None:
        now = dict(zip(self._written, addresses, strict=False))
        if now and now != self._now:
            write_atomically(self._path, msgspec.json.encode(now))
            self._now = now


class Members:
    """Every group of this node, kept in the folder `root`."""

    def __init__(
        self, root: Path, key: PrivateKey, models: Served, triton: Inference, *, restored: bool = False
    ) -> None:
        self._root = root
        self._key = key
        self._models = models
        self._triton = triton
        self._members: dict[bytes, Member] = {}
        self._leaving: set[bytes] = set()
        root.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        mark = root / RESTORED
        if restored and not mark.exists():
            write_atomically(mark, str(key.public).encode())
        self._forgetful = mark.exists() and mark.read_text("ascii") == str(key.public)

    def start(self) -> None:
        """Takes part again in every group that is known; a group that it cannot is said in the log, and left."""
        for path in standing(self._root):
            try:
                self._begin(read_epoch(path), path.parent)
            except AssayError as error:
                _log.error("takes no part in the group %s: %s", path.parent.name, error)

    @property
    def problem(self) -> str:
        """What its owner must see to, in a line; empty where all is well."""
        stopped = [member.group.configuration.slug for member in self._members.values() if member.stopped]
        return f"takes no more part in {', '.join(stopped)}: the log says why" if stopped else ""

    def all(self) -> tuple[InGroup, ...]:
        return tuple(member.state for member in self._members.values())

    def knows(self, peer: PublicKey) -> bool:
        """Whether this key is that of a member of a group here."""
        return any(peer in member.keys for member in self._members.values())

    def form(self, document: bytes, addresses: tuple[str, ...] = ()) -> None:
        """Takes part in a group from now on, whose members are at `addresses` (none: where the group says).

        To be told twice changes nothing else. Raises Refused, Unavailable.
        """
        epoch = _parse(document)
        for each in addresses:
            address.split(each)
        if epoch.configuration.digest not in self._members:
            self._form(epoch, document)
        self._members[epoch.configuration.digest].find(addresses)

    def _form(self, epoch: Epoch, document: bytes) -> None:
        configuration = epoch.configuration
        if configuration.digest in self._leaving:
            raise Unavailable("the node is leaving that group just now", code="no-group")
        if len(self._members) >= MAX_GROUPS:
            raise Unavailable("the node is in as many groups as it can be", code="too-many-groups")
        place_of(epoch, self._key.public)
        folder = self._root / configuration.digest.hex()
        folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        self._require_memory(folder)
        if not (folder / EPOCH).exists():
            SqliteStorage(folder / LOG, configuration, self._key.public).close()
            write_atomically(folder / EPOCH, document)
        (folder / DISSOLVED).unlink(missing_ok=True)
        self._begin(epoch, folder)

    async def dissolve(self, genesis: bytes) -> None:
        """Takes no more part in a group, from now on and after a restart; what was signed in it is kept.

        A marketplace gains nothing by saying so untruly. It alone asks the groups that it founds, and hands each
        member the input: whom it does not ask has no voice already. It cannot make a member sign or forget
        anything by this, and who has left is one of the f who may be silent, as every certificate then says.
        """
        folder = self._root / genesis.hex()
        if (folder / EPOCH).exists():
            write_atomically(folder / DISSOLVED, b"")
        if (member := self._members.pop(genesis, None)) is None:
            return
        self._leaving.add(genesis)  # its log is still open
        try:
            await member.close()
        finally:
            self._leaving.discard(genesis)
        _log.info("has left the group %s, which was withdrawn", member.group.configuration.slug)

    async def adopt(self, genesis: bytes, commitment: bytes, *, allowed: bool) -> None:
        """Answers a group with another model of this node, which must be served.

        Unless it is `allowed`, this only says whether that is so already: who could change the models of many
        members would be many members. Refused it is for good: no trying again changes it, the owner's word alone.
        """
        member = self._in(genesis)
        if not allowed and member.state.model != commitment:
            slug = member.group.configuration.slug
            raise Refused(
                "the node's owner has not allowed this change",
                code="owner-must-adopt",
                pointer="/commitment",
                got=commitment.hex(),
                hint=f"On the node's machine: assay-node adopt {slug} {commitment.hex()}",
            )
        await member.adopt(self._models.serving(commitment))

    def attach(self, peer: PublicKey, genesis: bytes, *, client: bool) -> Attached:
        """A link for a member of the group, or for a client. Raises Refused for anybody else."""
        member = self._in(genesis)
        if not client and peer not in member.keys:
            raise Refused("not a member of this group", code="not-allowed", pointer="/group")
        return Attached(member.host.take)

    async def close(self) -> None:
        await asyncio.gather(*(member.close() for member in self._members.values()))

    def _begin(self, epoch: Epoch, folder: Path) -> None:
        self._require_memory(folder)
        member = Member(epoch, folder, self._key, self._models, self._triton)
        self._members[member.group.genesis] = member
        _log.info("member %d of group %s, %s", member.me, epoch.configuration.slug, member.group.genesis.hex())

    def _require_memory(self, folder: Path) -> None:
        """A member that may have signed what it does not know of could contradict itself."""
        log = folder / LOG
        lost = (folder / EPOCH).exists() and not (log.exists() and log.stat().st_size)
        if self._forgetful or lost:
            raise Refused(
                "what this key has signed in the group may be lost",
                code="log-lost",
                pointer=str(folder),
                hint="Rotate the key (`assay-node rotate-key`) and join with the new one.",
            )

    def _in(self, genesis: bytes) -> Member:
        member = self._members.get(genesis)
        if member is None:
            raise Refused("this node takes no part in that group", code="no-group", pointer="/group")
        return member


def standing(root: Path) -> list[Path]:
    """Where the groups are described that this node is a member of, without those that it has left."""
    return [path for path in sorted(root.glob(f"*/{EPOCH}")) if not path.with_name(DISSOLVED).exists()]


def place_of(epoch: Epoch, key: PublicKey) -> int:
    """Where this key's member stands. Raises Refused where it is none."""
    keys = [member.key for member in epoch.configuration.members]
    if key.raw not in keys:
        raise Refused(
            "this node's key is none of the members'",
            code="not-a-member",
            pointer="/epoch/configuration/members",
            expected=str(key),
        )
    return keys.index(key.raw)


def read_epoch(path: Path) -> Epoch:
    """What a group's folder holds. Raises Refused."""
    return _parse(path.read_bytes())


def _parse(document: bytes) -> Epoch:
    """A genesis that every member has signed, this node among them if it is one."""
    try:
        epoch: Epoch = jsonform.convert(cbor.decode(document), Epoch)
        require_genesis(epoch)
    except AssayError as error:
        raise Refused(
            f"not a group that stands: {error.detail}",
            code=error.code,
            pointer=f"/epoch{error.pointer}",
            expected=error.expected,
            got=error.got,
        ) from error
    return epoch
