"""A member killed (-9) again and again under load contradicts nothing it has said, and the group loses nothing."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

import consensus.host
from consensus.client import GroupClient
from consensus.messages import Exec, Vote
from stack.ports import free_ports
from tests.consensus import made
from tests.consensus.test_group_end_to_end import Living
from tests.sdk import groups
from tests.wire.conftest import until

SCRIPT = Path(__file__).with_name("member_process.py")
KILLS = 3


class Witness:
    """Everything that one member has said to any other, across all of its lives."""

    def __init__(self, place: int, monkeypatch) -> None:
        self.count = 0
        self.votes: dict[tuple, set] = {}
        self.results: dict[tuple, set] = {}
        self._place = place
        self._decoded = consensus.host._decoded
        monkeypatch.setattr(consensus.host, "_decoded", self._heard)

    def _heard(self, frame):
        message = self._decoded(frame)
        if isinstance(message, Vote | Exec) and message.member == self._place:
            self.count += 1
        if isinstance(message, Vote) and message.member == self._place:
            at = (message.kind, message.view, message.number)
            self.votes.setdefault(at, set()).add(message.entry)
        if isinstance(message, Exec) and message.member == self._place:
            for each in message.results:
                self.results.setdefault((each.request, each.model), set()).add(each.said)
        return message

    def require_honest(self) -> None:
        assert {len(each) for each in (*self.votes.values(), *self.results.values())} == {1}


@pytest.mark.parametrize("victim", [0, 2], ids=["leader", "follower"])
async def test_killed_under_load_it_keeps_its_word_and_the_group_its_requests(tmp_path, monkeypatch, victim):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance, witness, living = random.Random(seed), Witness(victim, monkeypatch), Living(tmp_path)
    for member, port in zip(living.members, free_ports(4), strict=True):
        member.port = port
    others = [member.place for member in living.members if member.place != victim]
    await living.start(*others)
    living.client = GroupClient((made.EPOCH,), groups.CLIENT, resolve=living.resolve)
    over, asked = asyncio.Event(), Counter()

    async def load() -> None:
        while not over.is_set():
            numbers = range(asked["all"], asked["all"] + 10)
            asked["all"] += 10
            await living.ask(*numbers, seconds=60)  # checks every answer

    loads = [asyncio.create_task(load()) for _ in range(3)]
    try:
        for life in range(KILLS + 1):
            process = await begin(living, victim)
            enough = witness.count + chance.randrange(1, 25)
            await until(lambda enough=enough: witness.count > enough)
            if life < KILLS:
                process.send_signal(signal.SIGKILL)
                await process.wait()
        over.set()
        await asyncio.gather(*loads)
        witness.require_honest()
    finally:
        process.kill()
        await process.wait()
        for task in loads:
            task.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
    await living.start(victim)
    entries = max(living.members[place].entries for place in others)
    await until(lambda: all(member.entries >= entries for member in living.members))
    logs = [[record.entry for record in member.storage.records(1, entries)] for member in living.members]
    assert all(log == logs[0] for log in logs)
    witness.require_honest()
    await living.close()


async def begin(living: Living, victim: int) -> asyncio.subprocess.Process:
    ports = [str(member.port) for member in living.members]
    member = living.members[victim]
    return await asyncio.create_subprocess_exec(sys.executable, SCRIPT, str(victim), member.path, *ports)
