"""What a node keeps of a group: the epochs from the genesis on, one document each, and its place in the newest.

The genesis is written last of what a node learns at once, a later epoch after the one before it: at whatever
moment it is killed, the folder holds no group, or a chain that stands. Nothing is kept that the group's own
members have not put into force, and no epoch ever takes the place of another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from pathlib import Path

from assay import cbor, jsonform
from assay.agreement.chain import require_chain
from assay.agreement.group import MAX_EPOCHS, Configuration, Epoch
from assay.errors import AssayError, Refused
from assay.fields import plain
from assay.keys import PublicKey
from consensus.judging import Group
from consensus.messages import Successor
from node.home import write_atomically

EPOCH = "epoch.cbor"  # the genesis; later ones beside it
DISSOLVED = "dissolved"  # beside it: the node was told that the group was withdrawn, and has left it

Chain = tuple[Epoch, ...]  # genesis first


def standing(root: Path) -> list[Path]:
    """The folders of the groups that this node knows, without those that were withdrawn."""
    folders = (path.parent for path in sorted(root.glob(f"*/{EPOCH}")))
    return [folder for folder in folders if not (folder / DISSOLVED).exists()]


def chain_in(folder: Path) -> Chain:
    """What a group's folder holds; nothing where the group is not known. Raises Refused."""
    documents = []
    for number in count():
        try:
            documents.append(_path(folder, number).read_bytes())
        except FileNotFoundError:
            break
    return parsed(documents) if documents else ()


def keep(folder: Path, known: int, chain: Chain) -> None:
    """Adds to the `known` epochs of a folder those that follow."""
    fresh = list(enumerate(chain))[known:]
    if not known:
        fresh.append(fresh.pop(0))  # with the genesis the group is known
    for number, epoch in fresh:
        write_atomically(_path(folder, number), document(epoch))


def _path(folder: Path, number: int) -> Path:
    return folder / (f"epoch-{number}.cbor" if number else EPOCH)


def document(epoch: Epoch) -> bytes:
    """Its canonical CBOR."""
    return cbor.encode(plain(epoch))


def parsed(documents: Sequence[bytes]) -> Chain:
    """A group from its genesis on, each epoch put into force by the one before. Raises Refused."""
    try:
        chain: Chain = tuple(jsonform.convert(cbor.decode(each), Epoch) for each in documents[: MAX_EPOCHS + 1])
        if not 1 <= len(chain) <= MAX_EPOCHS:
            raise Refused("not a number of epochs that a group can have", expected=f"1 to {MAX_EPOCHS}")
        require_chain(chain)
    except AssayError as error:
        raise _not_standing("a group", "/epochs", error) from error
    return chain


def parsed_successor(content: bytes) -> Successor:
    """What is to follow, as its canonical CBOR; nothing in it has been checked yet. Raises Refused."""
    try:
        successor: Successor = jsonform.convert(cbor.decode(content), Successor)
        successor.configuration.checked("/configuration")
    except AssayError as error:
        raise _not_standing("a successor", "/successor", error) from error
    return successor


def _not_standing(what: str, pointer: str, error: AssayError) -> Refused:
    return Refused(
        f"not {what} that stands: {error.detail}",
        code=error.code,
        pointer=f"{pointer}{error.pointer}",
        expected=error.expected,
        got=error.got,
    )


def longer(known: Chain, told: Chain) -> Chain:
    """The one of two that goes on from the other. Raises Refused where they contradict each other."""
    for i, (mine, theirs) in enumerate(zip(known, told, strict=False)):
        if _name(mine) != _name(theirs):
            raise Refused(
                "another epoch than the one that this node knows",
                code="wrong-epoch",
                pointer=f"/epochs/{i}",
                expected=mine.configuration.digest.hex(),
                got=theirs.configuration.digest.hex(),
                hint="Two epochs that both stand show that a quorum of the one before has lied: keep both.",
            )
    return max(known, told, key=len)


def _name(epoch: Epoch) -> tuple[bytes, int, bytes]:
    """What its approvals agree on: which configuration follows, and after what. Any quorum of them will do."""
    entry = epoch.approvals[0].entry if epoch.approvals else b""
    return epoch.configuration.digest, epoch.last, entry


def group_of(chain: Chain) -> Group:
    """In its newest epoch."""
    genesis, newest = chain[0].configuration.digest, chain[-1]
    if len(chain) == 1:
        return Group(genesis, newest.configuration)
    return Group(genesis, newest.configuration, chain[0].configuration, chain[1:])


def is_member(key: PublicKey, *epochs: Epoch) -> bool:
    """Whether the key has a place in any of these."""
    return any(member.key == key.raw for epoch in epochs for member in epoch.configuration.members)


def place_of(configuration: Configuration, key: PublicKey) -> int:
    """Where this key's member stands. Raises Refused where it is none."""
    keys = [member.key for member in configuration.members]
    if key.raw not in keys:
        raise Refused(
            "this node's key is none of the members'",
            code="not-a-member",
            pointer="/epochs/-/configuration/members",
            expected=str(key),
        )
    return keys.index(key.raw)


def named(root: Path, slug: str) -> Chain:
    """The group of that name that this node knows. Raises Refused where there is none, or several."""
    chains = [chain_in(folder) for folder in standing(root)]
    found = [chain for chain in chains if chain[0].configuration.slug == slug]
    if len(found) != 1:
        raise Refused(
            "this node is in several groups of that name" if found else "this node is in no such group",
            code="no-group",
            pointer="GROUP",
            expected=" | ".join(_slugs(chains)),
            got=slug[:100],
        )
    return found[0]


def _slugs(chains: Iterable[Chain]) -> list[str]:
    return [chain[0].configuration.slug for chain in chains]
