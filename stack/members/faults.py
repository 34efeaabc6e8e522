"""What may befall a group's members, drawn by chance; each is undone by `Group.heal`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from stack.members.group import Group
from stack.members.proxy import CLIENT, CUT, HELD, SWALLOWED, Way

SLOW = Way(delay=0.2, jitter=0.1)
NARROW = Way(rate=20_000)
WAYS = (CUT, HELD, SWALLOWED, SLOW, NARROW)

Fault = Callable[[Group, Sequence[int], random.Random], Awaitable[None]]  # to those members


async def kill(group: Group, victims: Sequence[int], _: random.Random) -> None:
    await group.kill(*victims)


async def kill_and_start(group: Group, victims: Sequence[int], _: random.Random) -> None:
    await group.kill(*victims)
    await group.start(*victims)


async def cut_power(group: Group, victims: Sequence[int], chance: random.Random) -> None:
    await asyncio.gather(*(group.cut_power(place, chance) for place in victims))
    await group.start(*victims)


async def freeze(group: Group, victims: Sequence[int], _: random.Random) -> None:
    for place in victims:
        group.members[place].freeze()


async def fill_disk(group: Group, victims: Sequence[int], _: random.Random) -> None:
    for place in victims:
        group.members[place].fill_disk()


async def part(group: Group, victims: Sequence[int], chance: random.Random) -> None:
    """From all others, in one of the ways of a network."""
    others = set(range(group.plan.n)) - set(victims)
    group.network.between(chance.choice(WAYS), victims, sorted(others))


async def silence(group: Group, victims: Sequence[int], chance: random.Random) -> None:
    """Nobody hears them, or some do not; they hear everybody."""
    for place in victims:
        others = [each for each in range(group.plan.n) if each != place]
        some = chance.sample(others, chance.randrange(1, len(others) + 1))
        group.network.set(HELD, *((place, other) for other in some))


async def deafen(group: Group, victims: Sequence[int], _: random.Random) -> None:
    """They hear nobody, not even the client; everybody hears them."""
    group.network.set(HELD, *((a, b) for b in victims for a in (CLIENT, *range(group.plan.n)) if a != b))


async def half_open(group: Group, victims: Sequence[int], chance: random.Random) -> None:
    for place in victims:
        for other in range(group.plan.n):
            if other != place and chance.random() < 0.5:
                group.network.half_open(place, other)


FAULTS: dict[str, Fault] = {
    "killed": kill,
    "killed and started": kill_and_start,
    "without power": cut_power,
    "frozen": freeze,
    "disk full": fill_disk,
    "parted": part,
    "not heard": silence,
    "hearing nobody": deafen,
    "half open": half_open,
}
