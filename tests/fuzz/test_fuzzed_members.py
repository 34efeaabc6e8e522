"""A member that says anything at all: no replica stops, what was asked is certified, and memory stays bounded."""

from __future__ import annotations

import gc
import random
import sys
from types import FunctionType, ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consensus.blaming import evidence
from consensus.events import Received
from consensus.messages import encode
from tests.consensus import made
from tests.consensus.test_replica_attacks import LIAR, NOW, Honest, asked, replica, requests
from tests.fuzz.hostile import KINDS, plain, said, varied
from tests.sdk import groups

slow = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(slow, max_examples=4)
@given(data=st.data(), seed=st.integers(0, 2**32), thinking=st.sampled_from([0, 5, 50]))
def test_whatever_a_liar_says_of_any_kind_what_was_asked_is_certified(data, seed, thinking):
    chance = random.Random(seed)
    group = Honest(thinking=thinking)
    group.everybody(groups.CLIENT.public.raw, requests(0, 1))
    for kind in chance.sample(KINDS, len(KINDS)):
        message = said(data.draw(plain(kind)))
        if message is not None:
            group.tell(chance.choice([(0,), (1,), (2,), (0, 1, 2)]), LIAR, message)
        group.pass_time(chance.choice([1, 1, 3, 40]))
    group.pass_time(20_000, tick=50)
    assert group.outcomes() == {asked(i).digest: "certified" for i in range(2)}
    logs = [[record.entry.digest for record in entries] for entries in group.entries.values()]
    assert all(log == logs[0] for log in logs)


@pytest.mark.parametrize("kind", KINDS, ids=lambda each: each.__name__)
@settings(slow, max_examples=3)
@given(data=st.data(), seed=st.integers(0, 2**32))
def test_however_much_of_one_kind_a_liar_says_memory_stays_bounded(kind, data, seed):
    chance, member = random.Random(seed), replica(1)
    member.step(NOW, [Received(groups.CLIENT.public.raw, requests(0, 1))])
    begun, heard, caught = weight(member), 0, []
    shapes = [data.draw(plain(kind)) for _ in range(3)]
    for moment in range(200):
        every = [said(varied(chance, chance.choice(shapes))) for _ in range(5)]
        messages = [each for each in every if each is not None]
        heard += sum(len(encode(each)) for each in messages)
        caught += member.step(NOW + moment, [Received(LIAR, each) for each in messages]).caught
    assert weight(member) - begun < MOST, f"{kind.__name__}: {heard} bytes heard"
    for each in caught:  # nobody but the liar, and what it is caught in convicts it
        assert each.member == LIAR
        assert evidence((made.EPOCH,), each) is not None


MOST = 4 * 1024 * 1024


def weight(of: object) -> int:
    """Bytes of all objects that it leads to, but for code and what every test shares."""
    seen, waiting, total = {id(made.GENESIS)}, [of], 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | ModuleType | FunctionType):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        waiting += gc.get_referents(each)
    return total


def test_the_measure_sees_what_is_kept():
    """Else nothing would ever be too much."""
    member = replica(1)
    before = weight(member)
    member.state.leftover = [bytes(1000) + bytes([i]) for i in range(100)]
    assert weight(member) - before > 100_000
