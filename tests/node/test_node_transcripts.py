"""Owners who suspect that their group's log was rewritten hold their logs against each other."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tracemalloc
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import structs

from assay import cbor
from assay.agreement.blame.transcript import parse
from assay.cli import main as assay
from assay.digest import Tag
from assay.errors import AssayError
from consensus import storage
from consensus.durable import Executed, Installed
from consensus.judging import Group
from consensus.messages import NewView
from consensus.succession import installing
from node import transcripts
from node.cli import main
from node.epochs import keep
from node.home import Home
from node.member import LOG
from tests.consensus import made
from tests.consensus.test_blaming import moved
from tests.node.group_world import answer
from wire.deadline import in_seconds
from wire.messages import Transcribe

GENESIS = made.GROUP.hex()


class Kept:
    """A node that does not run, and what its log holds."""

    def __init__(self, root: Path) -> None:
        self.root, self.folder = root, root / "groups" / GENESIS
        self.folder.mkdir(parents=True)
        keep(self.folder, 0, (made.EPOCH,))

    def log(self, *what, **options) -> Kept:
        file = storage.SqliteStorage(self.folder / LOG, made.GENESIS, made.KEYS[0].public, **options)
        for each in what:
            file.write([each])
        file.close()
        return self

    def transcript(self, *options: str) -> bytes:
        result = CliRunner().invoke(main, ["transcript", "digits", "--home", str(self.root), *options])
        assert result.exit_code == 0, result.output
        return result.stdout_bytes


def executed(numbers: range, committing=(0, 1, 2), time: int = 1_999_000) -> list[Executed]:
    return [made.executed(number, time=time, committing=committing) for number in numbers]


def began(view: int) -> NewView:
    changes = tuple(moved(i, view) for i in (0, 1, 3))
    group = Group(made.GROUP, made.GENESIS)
    leader = made.KEYS[group.leader(view)]
    return NewView(view, changes, leader.sign(Tag.AGREEMENT_NEW_VIEW, installing(group, view, changes)))


def audit(*paths: Path) -> tuple[int, str]:
    result = CliRunner().invoke(assay, ["audit", *map(str, paths), "--group", GENESIS])
    return result.exit_code, result.output


@pytest.fixture
def written(tmp_path):
    def write(name: str, content: bytes) -> Path:
        path = tmp_path / f"{name}.cbor"
        path.write_bytes(content)
        return path

    return write


def test_two_logs_that_disagree_name_all_who_signed_both(tmp_path, written):
    """From number 4 on the group's members have two histories, each with a quorum under every entry."""
    mine = Kept(tmp_path / "mine").log(*executed(range(1, 7)))
    theirs = Kept(tmp_path / "theirs").log(
        *executed(range(1, 4)), *executed(range(4, 7), committing=(1, 2, 3), time=1_999_500)
    )
    code, said = audit(written("a", mine.transcript()), written("b", theirs.transcript()))
    assert code == 1
    assert re.findall(r"rewrite  (.*) committed to two different entries at number (\d)", said) == [
        ("bruno and chidi", "4"),
        ("bruno and chidi", "5"),
        ("bruno and chidi", "6"),
    ]


def test_two_logs_of_one_history_name_nobody(tmp_path, written):
    mine = Kept(tmp_path / "mine").log(*executed(range(1, 7)))
    theirs = Kept(tmp_path / "theirs").log(*executed(range(1, 5), committing=(1, 2, 3)))
    code, said = audit(written("a", mine.transcript()), written("b", theirs.transcript()))
    assert (code, "Nothing found." in said, "proved nothing" in said) == (0, True, False), said


@pytest.mark.parametrize(("entries", "views"), [(1, 1), (3, 2), (256, 4)])
def test_a_log_is_read_in_pages_that_leave_nothing_out(tmp_path, monkeypatch, entries, views):
    monkeypatch.setattr(transcripts, "ENTRIES", entries)
    monkeypatch.setattr(transcripts, "VIEWS", views)
    kept = Kept(tmp_path).log(*executed(range(1, 8)), *(Installed(began(view)) for view in (1, 3, 4)))
    pages = [parse(each) for each in cbor.sequence(kept.transcript())]
    assert [each.entry.number for page in pages for each in page.commitments] == list(range(1, 8))
    assert [each.view for page in pages for each in page.beginnings] == [1, 3, 4]
    assert len(pages) == -(-7 // entries)


def test_only_what_is_new_is_read(tmp_path):
    kept = Kept(tmp_path).log(*executed(range(1, 8)))
    [page] = map(parse, cbor.sequence(kept.transcript("--after", "5")))
    assert [each.entry.number for each in page.commitments] == [6, 7]
    assert kept.transcript("--after", "7") == b""


def test_what_a_liar_began_twice_is_found_in_two_members_logs(tmp_path, written):
    other = began(3)
    changes = tuple(moved(i, 3) for i in (0, 2, 3))
    group = Group(made.GROUP, made.GENESIS)
    signed = made.KEYS[3].sign(Tag.AGREEMENT_NEW_VIEW, installing(group, 3, changes))
    mine = Kept(tmp_path / "mine").log(Installed(other))
    theirs = Kept(tmp_path / "theirs").log(Installed(structs.replace(other, changes=changes, signature=signed)))
    code, said = audit(written("a", mine.transcript()), written("b", theirs.transcript()))
    assert (code, "dana began view 3 in two different ways" in said) == (1, True), said


def test_a_log_left_by_a_node_that_was_killed_is_read_and_not_changed(tmp_path):
    kept = Kept(tmp_path)
    script = (
        "import os, sys; from pathlib import Path; from tests.node.test_node_transcripts import *\n"
        "file = storage.SqliteStorage(Path(sys.argv[1]), made.GENESIS, made.KEYS[0].public)\n"
        "file.write(executed(range(1, 4)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, kept.folder / LOG], check=False, cwd=Path(__file__).parents[2])
    before = {path.name: path.read_bytes() for path in kept.folder.iterdir()}
    assert any(name.endswith("-wal") for name in before)
    [page] = map(parse, cbor.sequence(kept.transcript()))
    assert len(page.commitments) == 3
    assert {name: (kept.folder / name).read_bytes() for name in before} == before
    kept.log(*executed(range(4, 5)))  # nothing is left in its way


def test_however_long_the_log_little_of_it_is_in_memory(tmp_path):
    kept = Kept(tmp_path)
    asked = tuple(made.asked(i) for i in range(200))
    kept.log(*(made.executed(number, asked if number % 2 else ()) for number in range(1, 60)))
    size = (kept.folder / LOG).stat().st_size
    tracemalloc.start()
    kept.transcript()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 2_000_000
    assert peak < size / 2


@pytest.mark.parametrize("name", ["letters", "00" * 32, "../" * 21 + "x", GENESIS.upper()])
def test_a_group_is_named_or_it_is_said_which_there_are(tmp_path, name):
    kept = Kept(tmp_path).log()
    result = CliRunner().invoke(main, ["transcript", name, "--home", str(kept.root)])
    assert (result.exit_code, "digits" in result.output) == ((0, False) if name == GENESIS.upper() else (1, True))


async def test_a_running_node_gives_the_same_and_nobody_else_may_ask(world, group, written) -> None:
    for value in range(3):
        assert answer(await world.ask(group, value)) == [value]
    genesis = group.configuration.digest
    arguments = ["transcript", genesis.hex(), "--home", str(world.owners[0].home.root)]
    with Home(world.owners[0].root).locked():  # as `assay-node run` has it
        ran = await asyncio.to_thread(partial(CliRunner().invoke, main, arguments))
    assert ran.exit_code == 0, ran.output
    with pytest.raises(AssayError, match="owner"):
        await world.owners[0].peer(world.daemons[0]).request(Transcribe(0, genesis), in_seconds(10))
    await world.stop(0, 1)
    stopped = [await asyncio.to_thread(_stopped, world.owners[i].home.root, genesis.hex()) for i in (0, 1)]
    before, after = (numbers(each) for each in (ran.stdout_bytes, stopped[0]))
    assert before == list(range(1, len(before) + 1)) == after[: len(before)]
    paths = [written(str(i), each) for i, each in enumerate((ran.stdout_bytes, *stopped))]
    result = CliRunner().invoke(assay, ["audit", *map(str, paths)])
    assert (result.exit_code, "Nothing found." in result.output) == (0, True), result.output


def numbers(transcript: bytes) -> list[int]:
    return [each.entry.number for page in map(parse, cbor.sequence(transcript)) for each in page.commitments]


def _stopped(root: Path, genesis: str) -> bytes:
    return CliRunner().invoke(main, ["transcript", genesis, "--home", str(root)]).stdout_bytes
