"""What may wait is written with what comes next, or soon, and never after what was handed in later."""

from __future__ import annotations

import asyncio

import pytest

import consensus.disk
from assay.errors import Refused, Unavailable
from consensus.disk import Disk
from consensus.durable import Cast
from tests.consensus import made
from tests.consensus.hosting import Shelf
from tests.wire.conftest import until

ONE, TWO = made.executed(1), made.executed(2)


@pytest.fixture
async def shelf():
    return Shelf()


@pytest.fixture
async def disk(shelf):
    disk = Disk(shelf)
    yield disk
    await disk.close()


async def test_it_goes_with_the_next_write_and_before_it(shelf, disk, monkeypatch):
    monkeypatch.setattr(consensus.disk, "IDLE", 3600)
    disk.keep([ONE])
    disk.keep([TWO])
    assert shelf.written == []
    await disk.write([Cast(made.vote(3))])
    assert shelf.written == [[ONE, TWO, Cast(made.vote(3))]]


async def test_it_is_written_soon_if_nothing_comes(shelf, disk, monkeypatch):
    monkeypatch.setattr(consensus.disk, "IDLE", 0.001)
    disk.keep([ONE])
    await until(lambda: shelf.written == [[ONE]])
    disk.keep([TWO])
    await until(lambda: shelf.written == [[ONE], [TWO]])


@pytest.mark.parametrize("read", ["records", "last"])
async def test_whoever_reads_finds_it(shelf, disk, monkeypatch, read):
    monkeypatch.setattr(consensus.disk, "IDLE", 3600)
    disk.keep([ONE])
    await (disk.records(1, 1) if read == "records" else disk.last())
    assert shelf.written == [[ONE]]


async def test_while_the_disk_is_full_what_comes_later_waits_for_it(shelf, disk, monkeypatch):
    monkeypatch.setattr(consensus.disk, "IDLE", 0.001)
    monkeypatch.setattr(consensus.disk, "FIRST_PAUSE", 0.001)
    shelf.problems.extend([Unavailable("full")] * 3)
    disk.keep([ONE])
    await until(lambda: len(shelf.problems) < 3)
    await disk.write([Cast(made.vote(2))])
    assert [each for write in shelf.written for each in write] == [ONE, Cast(made.vote(2))]


async def test_what_goes_wrong_meanwhile_is_told_at_the_next_write(shelf, disk, monkeypatch):
    monkeypatch.setattr(consensus.disk, "IDLE", 0.001)
    shelf.problems.append(Refused("it would contradict", code="contradiction"))
    disk.keep([ONE])
    await until(lambda: not shelf.problems)
    await asyncio.sleep(0)
    with pytest.raises(Refused, match="contradict"):
        await disk.write([Cast(made.vote(2))])
    assert shelf.written == []
