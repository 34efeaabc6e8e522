"""Who lies in a group is caught by the nodes themselves: written down, shown, handed to whoever asks for it."""

from __future__ import annotations

import asyncio
import errno
import json
import stat
from functools import partial

import pytest
from click.testing import CliRunner

from assay.agreement.blame.evidence import parse
from assay.agreement.blame.guilt import require_guilt
from assay.errors import AssayError
from assay.keys import PrivateKey
from node import caught as caught_files
from node import members
from node.commands.status import command as status
from tests.node.group_world import answer
from tests.node.lying import vote_twice
from wire.deadline import in_seconds
from wire.messages import Disclose

LIAR = 3


@pytest.fixture
def lying(world, group):
    """The last member votes for something else as well, with its own key."""
    vote_twice(world.daemons[LIAR])
    return group


def ask(world, i: int, message, identity: PrivateKey | None = None):
    return world.owners[i].peer(world.daemons[i], identity).request(message, in_seconds(10))


async def caught(world, group, *which: int) -> None:
    """Asks the group until these nodes have all caught somebody: a vote that comes too late is not looked at."""
    async with asyncio.timeout(30):
        while () in [await waits_at(world, i) for i in which]:
            assert answer(await world.ask(group, 2)) == [2]


async def waits_at(world, i: int) -> tuple[bytes, ...]:
    """The groups of which a node says that it has something to hand in."""
    return (await world.owners[i].peer(world.daemons[i]).capabilities(in_seconds(10))).caught


async def disclosed(world, i: int, group) -> list[bytes]:
    """All that a node has to hand in of a group, each piece settled."""
    found, settled, genesis = [], None, group.configuration.digest
    while document := (await ask(world, i, Disclose(0, genesis, settled))).document:
        found.append(document)
        settled = parse(document).id
    return found


async def test_a_member_that_votes_twice_is_written_down_by_every_honest_one(world, lying) -> None:
    genesis = lying.configuration.digest
    await caught(world, lying, 0, 1, 2)
    for i in range(3):
        folder = world.owners[i].home.groups / genesis.hex() / "evidence"
        for path in folder.glob("*.cbor"):
            evidence = parse(path.read_bytes())
            assert (path.stem, stat.S_IMODE(path.stat().st_mode)) == (evidence.id.hex(), 0o600)
            (guilty,) = require_guilt(evidence, genesis)
            assert (evidence.kind, guilty.member, guilty.owner) == ("double-vote", LIAR, "dana")
    assert world.daemons[LIAR]._members.caught.all() == []


async def test_what_was_caught_is_handed_over_until_it_is_settled_also_after_a_restart(world, lying) -> None:
    await caught(world, lying, 0)
    await world.stop(LIAR)
    wish = Disclose(0, lying.configuration.digest)
    first = (await ask(world, 0, wish)).document
    assert (await ask(world, 0, wish)).document == first  # whether it was taken nobody has said
    await world.stop(0)
    await world.start(0)
    assert await waits_at(world, 0) == (lying.configuration.digest,)
    again = await disclosed(world, 0, lying)
    assert first in again
    assert len({parse(each).about for each in again}) == len(again)
    assert await waits_at(world, 0) == ()
    await world.stop(0)
    await world.start(0)
    assert await disclosed(world, 0, lying) == []


async def test_what_was_caught_is_in_status_and_in_the_figures(world, lying) -> None:
    await caught(world, lying, 0)
    await world.stop(LIAR)
    first = world.daemons[0]._members.caught.all()[0]
    await ask(world, 0, Disclose(0, lying.configuration.digest, first.digest, "no longer of interest"))
    pieces, figures = world.daemons[0]._members.caught.all(), world.daemons[0].figures()
    assert f"assay_node_evidence_kept {len(pieces)}\n" in figures
    assert f"assay_node_evidence_waiting {len(pieces) - 1}\n" in figures
    run = partial(asyncio.to_thread, CliRunner().invoke, status, catch_exceptions=False)
    home = ["--home", str(world.owners[0].home.root)]
    shown = (await run(args=home)).output
    assert first.sentence in shown
    assert first.sentence.startswith("dana ")
    assert "no longer of interest" in shown
    told = json.loads((await run(args=[*home, "--json"])).output)["caught"]
    verdicts = {each["sha256"]: (each["handed_in"], each["refused"]) for each in told}
    assert verdicts.pop(first.digest.hex()) == (True, "no longer of interest")
    assert set(verdicts.values()) <= {(False, "")}


async def test_what_a_full_disk_does_not_take_is_written_once_it_does(world, lying, monkeypatch) -> None:
    full, write = asyncio.Event(), caught_files.write_atomically

    def refuse(path, content):
        full.set()
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(members, "AGAIN", 0.01)
    monkeypatch.setattr(caught_files, "write_atomically", refuse)
    async with asyncio.timeout(30):
        while not full.is_set():
            await world.ask(lying, 2)
    assert await waits_at(world, 0) == ()
    monkeypatch.setattr(caught_files, "write_atomically", write)
    await caught(world, lying, 0)


async def test_only_who_may_ask_the_node_is_told_what_it_has_caught(world, lying) -> None:
    with pytest.raises(AssayError):
        await ask(world, 0, Disclose(0, lying.configuration.digest), world.owners[1].key)
