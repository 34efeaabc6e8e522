"""The role *consensus worker*: this node as a member of groups, each with a replica, a log and links of its own.

A node takes part in a group whose configuration its own key has signed (`assay-node accept`), and in none of which
it may have forgotten what it signed: the log is made before anything else, and where the group is known but the
log is gone, or the whole node came back from a backup, it stays out until it has another key.

When the group's next epoch is in force, its document is written first of all; then the member of the epoch before
gives way to one of the next, over the same log. A node whose key is no member any more keeps that log and stays
out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from assay.agreement.blame.evidence import AnyEvidence
from assay.agreement.group import Epoch
from assay.errors import AssayError, Refused, Unavailable
from assay.keys import PrivateKey, PublicKey
from consensus.messages import Requests
from node.caught import Caught
from node.epochs import (
    DISSOLVED,
    EPOCH,
    Chain,
    chain_in,
    document,
    is_member,
    keep,
    longer,
    parsed,
    parsed_successor,
    place_of,
    standing,
)
from node.home import PRIVATE_FOLDER, write_atomically
from node.member import LOG, Member, open_log
from node.transcripts import Page
from node.voter import Inference, Served
from wire import address
from wire.link import Attached
from wire.messages import InGroup

RESTORED = "restored"  # beside the groups: the key with which this node came back from a backup
MAX_GROUPS = 64
AGAIN = 5.0  # seconds before a node whose disk does not take something tries once more

_log = logging.getLogger(__name__)


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
        self._changing = asyncio.Lock()  # which groups there are, and in which epoch
        self._successions: set[asyncio.Task[None]] = set()
        self._keeping: set[asyncio.Task[None]] = set()
        root.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        self.caught = Caught(root)
        mark = root / RESTORED
        if restored and not mark.exists():
            write_atomically(mark, str(key.public).encode())
        self._forgetful = mark.exists() and mark.read_text("ascii") == str(key.public)

    def start(self) -> None:
        """Takes part again in every group that is known; a group that it cannot is said in the log, and left."""
        for folder in standing(self._root):
            try:
                chain = chain_in(folder)
                if is_member(self._key.public, chain[-1]):
                    self._begin(chain, folder)
                else:
                    _log.info("no member any more of the group %s, whose log it keeps", _slug(chain))
            except AssayError as error:
                _log.error("takes no part in the group %s: %s", folder.name, error)

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

    async def form(self, documents: Sequence[bytes], addresses: tuple[str, ...] = ()) -> None:
        """Takes part in a group from now on, in the last of these epochs or the last that is known, whichever is
        later. The members of the last of these are at `addresses` (none: where the group says).

        To be told twice changes nothing else. Raises Refused, Unavailable.
        """
        chain = parsed(documents)
        for each in addresses:
            address.split(each)
        async with self._changing:
            await self._follow(chain)
            self._folder(chain).joinpath(DISSOLVED).unlink(missing_ok=True)
            if member := self._members.get(chain[0].configuration.digest):
                member.find(chain[-1].configuration, addresses)

    async def _follow(self, told: Chain) -> None:
        """Keeps what is new in a chain of epochs, and takes part in the newest. What was begun before is ended."""
        genesis, folder = told[0].configuration.digest, self._folder(told)
        known = chain_in(folder)
        newest = longer(known, told)
        is_new = len(newest) > len(known)
        if genesis in self._members and not is_new:
            return
        if known and is_new and not is_member(self._key.public, newest[-1]):
            keep(folder, len(known), newest)
            await self._end(genesis)
            _log.info("no member any more of the group %s, whose log it keeps", _slug(newest))
            return
        place_of(newest[-1].configuration, self._key.public)
        if genesis not in self._members and len(self._members) >= MAX_GROUPS:
            raise Unavailable("the node is in as many groups as it can be", code="too-many-groups")
        self._require_memory(folder, known)
        if not (folder / LOG).exists():
            folder.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            open_log(folder, newest, self._key.public).close()
        keep(folder, len(known), newest)
        waiting = await self._end(genesis)
        self._begin(newest, folder, waiting)

    def reform(self, genesis: bytes, successor: bytes) -> None:
        """Hands a group the configuration that is to follow, signed by all who must. Raises Refused, Unavailable.

        Nobody need be believed for it: the group orders nothing but what 2f + 1 of its owners have signed.
        """
        self._in(genesis).reconfigure(parsed_successor(successor))

    def epochs(self, genesis: bytes, since: int) -> tuple[bytes, ...]:
        """What this node keeps of a group, from epoch `since` on, also where it has left it. Raises Refused."""
        chain = chain_in(self._root / genesis.hex())
        if not chain:
            raise Refused("this node knows no such group", code="no-group", pointer="/group")
        return tuple(map(document, chain[since:]))

    def transcript(self, genesis: bytes, number: int, view: int) -> Page:
        """What the log of a group holds beyond that entry and that view. Blocking. Raises Refused, Unavailable."""
        return self._in(genesis).transcript(number, view)

    async def dissolve(self, genesis: bytes) -> None:
        """Takes no more part in a group, from now on and after a restart; what was signed in it is kept.

        A marketplace gains nothing by saying so untruly. It alone asks the groups that it founds, and hands each
        member the input: whom it does not ask has no voice already. It cannot make a member sign or forget
        anything by this, and who has left is one of the f who may be silent, as every certificate then says.
        """
        async with self._changing:
            folder = self._root / genesis.hex()
            if (folder / EPOCH).exists():
                write_atomically(folder / DISSOLVED, b"")
            if (member := self._members.get(genesis)) is not None:
                await self._end(genesis)
                _log.info("has left the group %s, which was withdrawn", _slug(member.chain))

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
        for task in self._successions:
            task.cancel()
        await asyncio.gather(*self._successions, return_exceptions=True)
        await asyncio.gather(*(member.close() for member in self._members.values()))
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=AGAIN)
        for task in self._keeping:
            task.cancel()

    def _begin(self, chain: Chain, folder: Path, waiting: Sequence[Requests] = ()) -> None:
        self._require_memory(folder, chain)
        succeeded = partial(self._succeeded, chain)
        member = Member(
            chain, folder, self._key, self._models, self._triton, on_succeeded=succeeded, on_caught=self._caught
        )
        member.host.take_over(waiting)
        self._members[member.group.genesis] = member
        where = (member.me, _slug(chain), chain[-1].configuration.epoch, member.group.genesis.hex())
        _log.info("member %d of group %s in epoch %d, %s", *where)

    async def _end(self, genesis: bytes) -> Sequence[Requests]:
        """What clients have asked of it meanwhile, and was not decided."""
        member = self._members.get(genesis)
        if member is None:
            return ()
        await member.close()
        del self._members[genesis]
        return member.waiting

    def _succeeded(self, chain: Chain, epoch: Epoch) -> None:
        task = asyncio.create_task(self._go_on((*chain, epoch)))
        self._successions.add(task)
        task.add_done_callback(self._successions.discard)

    async def _go_on(self, chain: Chain) -> None:
        """Into the epoch that has begun, however long the disk does not take it."""
        while True:
            try:
                async with self._changing:
                    if not (self._folder(chain) / DISSOLVED).exists():
                        await self._follow(chain)
            except (OSError, Unavailable) as error:
                _log.error("cannot go on into the next epoch of the group %s: %s", _slug(chain), error)
                await asyncio.sleep(AGAIN)
            except Refused as error:
                _log.critical("takes no part in the next epoch of the group %s: %s", _slug(chain), error)
                return
            else:
                return

    def _caught(self, evidence: AnyEvidence) -> None:
        """Whoever lies costs the node no more than a little disk: nothing waits for that."""
        task = asyncio.create_task(self._keep(evidence))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _keep(self, evidence: AnyEvidence) -> None:
        """However long the disk does not take it."""
        while True:
            try:
                piece = await asyncio.to_thread(self.caught.keep, evidence)
            except OSError as error:
                _log.error("evidence cannot be written yet: %s", error)
                await asyncio.sleep(AGAIN)
            except AssayError as error:
                _log.error("what a member was caught in proves nothing: %s", error)
                return
            else:
                if piece is not None:
                    _log.warning("caught: %s; evidence %s", piece.sentence, piece.digest.hex())
                return

    def _require_memory(self, folder: Path, known: Chain) -> None:
        """A member that may have signed what it does not know of could contradict itself."""
        log = folder / LOG
        lost = is_member(self._key.public, *known) and not (log.exists() and log.stat().st_size)
        if self._forgetful or lost:
            raise Refused(
                "what this key has signed in the group may be lost",
                code="log-lost",
                pointer=str(folder),
                hint="Rotate the key (`assay-node rotate-key`) and join with the new one.",
            )

    def _folder(self, chain: Chain) -> Path:
        return self._root / chain[0].configuration.digest.hex()

    def _in(self, genesis: bytes) -> Member:
        member = self._members.get(genesis)
        if member is None:
            raise Refused("this node takes no part in that group", code="no-group", pointer="/group")
        return member


def _slug(chain: Chain) -> str:
    return chain[0].configuration.slug
