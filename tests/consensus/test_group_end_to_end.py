"""Four members with real links, real logs and real signatures, and a client: the group goes on while 2f + 1 do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from assay.agreement.evidence import require_committed
from assay.agreement.issue import issue
from assay.agreement.votes import Absent, Answered
from assay.errors import DeadlineExceeded
from assay.tensor import Tensor
from consensus.client import GroupClient
from consensus.host import Host
from consensus.judging import Group
from consensus.messages import Payload, Result
from consensus.replica import Replica
from consensus.seals import Ed25519
from consensus.storage import SqliteStorage
from tests.consensus import made
from tests.sdk import groups
from tests.wire.conftest import until
from wire.deadline import in_seconds
from wire.link import Attached
from wire.server import Server, serve

GROUP = Group(made.GROUP, made.GENESIS)
LEADER, *FOLLOWERS = range(4)


class Member:
    """A member with its disk; dana's model is another, and disagrees about every third input."""

    def __init__(self, place: int, path: Path) -> None:
        self.place = place
        self.path = path
        self.port = 0
        self.running = False
        self.ran: list[bytes] = []
        self.adopted: list[bytes] = []

    async def start(self, resolve) -> None:
        key = made.KEYS[self.place]
        self.storage = SqliteStorage(self.path, made.GENESIS, key.public)
        replica = Replica(GROUP, self.place, Ed25519(key), self.storage.restore())
        self.host = Host(
            GROUP,
            self.place,
            key,
            replica,
            self.storage,
            infer=self._vote,
            on_adopted=self.adopted.append,
            resolve=resolve,
        )
        self.server: Server = await serve("127.0.0.1", self.port, key, lambda _: True, self._attach)
        self.port = int(self.server.address.rpartition(":")[2])
        self.running = True

    async def stop(self) -> None:
        self.running = False
        await self.server.close()
        await self.host.close()
        self.storage.close()

    @property
    def decided(self) -> int:
        """Requests, as far as that is on its disk."""
        return sum(record.entry.count for record in self.storage.records(1, 2**31))

    @property
    def entries(self) -> int:
        return len(self.storage.records(1, 2**31))

    async def _attach(self, peer, request):
        return Attached(self.host.take)

    async def _vote(self, runs):
        self.ran += [run.request for run in runs]
        return [Result(run.request, run.commitment, Answered(run.commitment, (self._says(run),))) for run in runs]

    def _says(self, run) -> int:
        number = int(run.payload.inputs[0].array()[0, 0])
        return (number + (self.place == 3 and number % 3 == 0)) % 3


class Living:
    def __init__(self, folder: Path) -> None:
        self.members = [Member(place, folder / f"log-{place}") for place in range(4)]
        self.client: GroupClient

    async def resolve(self, where: str) -> str:
        place = [each.address for each in made.GENESIS.members].index(where)
        return f"127.0.0.1:{self.members[place].port or 1}"

    async def start(self, *places: int) -> None:
        for place in places:
            await self.members[place].start(self.resolve)

    async def stop(self, *places: int) -> None:
        for place in places:
            await self.members[place].stop()

    async def ask(self, *numbers: int, seconds: float = 30) -> list:
        return await asyncio.gather(*(self._ask(number, seconds) for number in numbers))

    async def _ask(self, number: int, seconds: float):
        tensor = Tensor.of("image", np.full((1, 4), number, "f4"))
        answer = await self.client.ask(
            number.to_bytes(16, "big"),
            Payload(number.to_bytes(32, "big"), (tensor,)),
            rows=1,
            deadline=in_seconds(seconds),
        )
        check(number, answer)
        return answer

    async def close(self) -> None:
        await self.client.close()
        await self.stop(*(each.place for each in self.members if each.running))


def check(number: int, answer) -> None:
    require_committed(answer.evidence)
    tally = answer.evidence.tally
    assert tally.outcome == answer.evidence.ended.outcome == "certified"
    assert [each.value for each in tally.decisions] == [number % 3]
    assert issue(answer.evidence, answer.models).statement.request == number.to_bytes(16, "big")


@pytest.fixture
async def living(tmp_path):
    living = Living(tmp_path)
    await living.start(0, 1, 2, 3)
    living.client = GroupClient((made.EPOCH,), groups.CLIENT, resolve=living.resolve)
    yield living
    await living.close()


async def test_what_is_asked_is_decided_once_for_all_and_provably(living):
    answers = await living.ask(*range(200))
    said = [answer.evidence.ended.said for answer in answers]
    assert any(isinstance(each[3], Answered) and each[3].votes == (1,) for each in said), "dana's dissent is shown"
    await until(lambda: {each.decided for each in living.members} == {200})
    logs = [each.storage.records(1, 1000) for each in living.members]
    assert logs[0] != []
    for log in logs:
        assert [record.entry for record in log] == [record.entry for record in logs[0]]
    for member in living.members:
        assert len(member.ran) == len(set(member.ran)) == 200


async def test_a_second_answer_to_the_same_request_is_the_first(living):
    (first,) = await living.ask(7)
    deadline = first.evidence.asked.deadline
    tensor = Tensor.of("image", np.full((1, 4), 7, "f4"))
    payload = Payload((7).to_bytes(32, "big"), (tensor,))
    again = await living.client.ask((7).to_bytes(16, "big"), payload, rows=1, deadline=deadline)
    assert again.evidence.entry == first.evidence.entry


@pytest.mark.parametrize("missing", FOLLOWERS)
async def test_one_member_stopped_is_shown_as_silent_and_catches_up_when_it_is_back(living, missing):
    await living.ask(*range(20))
    await living.stop(missing)
    answers = await living.ask(*range(20, 60))
    assert {type(answer.evidence.ended.said[missing]) for answer in answers} == {Absent}
    await living.start(missing)
    await until(lambda: living.members[missing].entries == living.members[LEADER].entries)
    await until(lambda: living.client.reached == 4)
    await until(lambda: all(member.host.reached == 4 for member in living.members))
    (answer,) = (await living.ask(100))[:1]
    assert not any(isinstance(each, Absent) for each in answer.evidence.ended.said)


async def test_two_members_stopped_nothing_is_decided_and_when_they_are_back_it_goes_on(living):
    await living.ask(*range(10))
    await living.stop(1, 2)
    await until(lambda: living.members[LEADER].decided == 10)
    entries = living.members[LEADER].entries
    waiting = asyncio.create_task(living.ask(11, seconds=60))
    with pytest.raises(DeadlineExceeded) as late:
        await living.ask(10, seconds=1)
    assert late.value.got == "2 of 4 members can be reached"
    assert living.members[LEADER].entries == entries
    assert not waiting.done()
    await living.start(1, 2)
    await waiting
    await living.ask(*range(20, 40))


async def test_all_stopped_and_started_again_they_know_what_they_have_said_and_decided(living):
    first = await living.ask(*range(30))
    await living.stop(0, 1, 2, 3)
    await living.start(0, 1, 2, 3)
    for member in living.members:
        member.ran.clear()
    for before in (first[3], first[17]):
        asked = before.evidence.asked
        number = int.from_bytes(asked.id, "big")
        tensor = Tensor.of("image", np.full((1, 4), number, "f4"))
        payload = Payload(number.to_bytes(32, "big"), (tensor,))
        again = await living.client.ask(asked.id, payload, rows=1, deadline=asked.deadline)
        assert again.evidence.entry == before.evidence.entry
    await living.ask(*range(30, 40))
    for member in living.members:
        assert len(set(member.ran)) <= 10, "nothing that was decided is run again"


async def test_a_model_is_changed_and_no_request_is_lost(living):
    newer = groups.model(9)
    asking = asyncio.create_task(living.ask(*range(100)))
    living.members[2].host.adopt(newer)
    await asking
    await until(lambda: living.members[2].adopted == [newer.commitment])
    (answer,) = await living.ask(200)
    assert answer.evidence.ended.said[2].model == newer.commitment
    assert answer.models == (newer,)
