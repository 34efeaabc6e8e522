"""Retries on a clock of our own: how often, how long between, and when to stop."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused, Unavailable
from inference.resilience import Backoff, retrying


class World:
    """A clock that only waiting moves, and a call that fails `failures` times, each taking `cost` seconds."""

    def __init__(self, failures: int, cost: float = 0.0, error: Exception | None = None) -> None:
        self.now = 0.0
        self.left = failures
        self.cost = cost
        self.error = error or Unavailable("down", code="unreachable")
        self.calls = 0
        self.waits: list[float] = []

    async def call(self) -> str:
        self.calls += 1
        self.now += self.cost
        if self.left:
            self.left -= 1
            raise self.error
        return "answer"

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def run(self, policy: Backoff, deadline: float = 1e9, seed: int = 0) -> str:
        return asyncio.run(
            retrying(
                self.call,
                lambda error: error.code == "unreachable",
                deadline=deadline,
                policy=policy,
                clock=lambda: self.now,
                rng=random.Random(seed),
                sleep=self.sleep,
            )
        )


def test_a_call_that_recovers_is_answered():
    world = World(failures=3)
    assert world.run(Backoff(attempts=4)) == "answer"
    assert world.calls == 4


def test_attempts_are_limited_and_the_last_error_is_raised():
    world = World(failures=9)
    with pytest.raises(Unavailable):
        world.run(Backoff(attempts=4))
    assert world.calls == 4


@pytest.mark.parametrize("error", [Refused("wrong"), Unavailable("broken", code="inference-failed")])
def test_what_trying_again_cannot_mend_is_not_tried_again(error):
    world = World(failures=9, error=error)
    with pytest.raises(type(error)):
        world.run(Backoff())
    assert world.calls == 1


@given(
    st.integers(0, 12),
    st.integers(1, 12),
    st.floats(0, 0.5),
    st.floats(0.01, 5),
    st.integers(0, 2**32),
)
def test_no_attempt_begins_after_the_deadline_and_waits_grow_within_their_bounds(
    failures, attempts, cost, deadline, seed
):
    policy = Backoff(attempts=attempts, base=0.05, cap=0.4)
    world = World(failures, cost)
    try:
        world.run(policy, deadline, seed)
    except Unavailable:
        assert world.calls <= attempts
    assert sum(world.waits) + cost * (world.calls - 1) < deadline
    assert all(0 <= wait <= min(0.4, 0.05 * 2**i) for i, wait in enumerate(world.waits))
