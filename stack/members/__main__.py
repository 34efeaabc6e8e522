"""`make chaos-members`: groups under load, their members killed, frozen, parted, torn and filled up by chance.

    python -m stack.members [--minutes 3] [--seed N] [--n 4]

After every ROUNDS rounds, and in the end, all is mended and the group called to account. Ends with status 1 where
something does not hold; logs are then kept.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from stack.chaos.chance import chance
from stack.members.account import settle
from stack.members.faults import FAULTS
from stack.members.group import PATIENCE, Group, group

ROUNDS = 10
SIZES = (4, 7)
WORSE = 0.2  # the share of rounds in which more than f members are struck
AGAIN = 0.4  # the share of rounds in which the next fault comes before this one is mended


async def campaign(members: Group, seconds: float, luck: random.Random) -> dict[str, list[float]]:
    """Faults until the time is over. By fault, the seconds from when all was mended until answers came again."""
    begun, recoveries = time.monotonic(), defaultdict(list)
    for number in itertools.count(1):
        members.load.start()
        await members.load.more(20)
        names = await strike(members, luck)
        await members.heal()
        recoveries[names].append(await members.load.more(20, 2 * PATIENCE))
        spent = time.monotonic() - begun
        print(f"{spent:6.1f} s  {names}; view {members.view}, {members.entries:,} entries", flush=True)
        if number % ROUNDS == 0 or spent >= seconds:
            await settle(members)
        if spent >= seconds:
            return recoveries
        await members.load.stop()
    raise AssertionError("unreachable: the loop has no end of its own")


async def strike(members: Group, luck: random.Random) -> str:
    """One fault, or several on top of each other; what they were."""
    names, struck, f = [], set[int](), (members.plan.n - 1) // 3
    most = members.plan.n if luck.random() < WORSE else f
    while True:
        victims = luck.sample(range(members.plan.n), luck.randrange(1, most + 1))
        if luck.random() < 0.5:
            victims[0] = members.leader
            victims = list(dict.fromkeys(victims))
        name = luck.choice(list(FAULTS))
        await FAULTS[name](members, victims, luck)
        names.append(f"{name}: {', '.join(map(str, victims))}")
        struck |= set(victims)
        if len(struck) <= f:
            await members.load.more(luck.randrange(1, 20), 2 * PATIENCE)
        else:
            await members.load.ask(luck.uniform(0, 5))
        if luck.random() >= AGAIN:
            return " + ".join(names)


async def main(seconds: float, n: int, seed: int, *, copy_resistant: bool) -> None:
    folder = Path(tempfile.mkdtemp(prefix="assay-members-"))
    kind = " copy-resistant" if copy_resistant else ""
    print(f"seed {seed}, {n}{kind} members, logs in {folder}", flush=True)
    luck = chance(seed)
    async with group(folder, n, copy_resistant=copy_resistant) as members:
        recoveries = await campaign(members, seconds, luck)
        entries, answered = members.entries, members.load.answered
    times = sorted(each for every in recoveries.values() for each in every)
    print(f"{len(times)} rounds, {answered:,} answers in {entries:,} entries; everything holds (seed {seed})")
    print(f"answers came {times[len(times) // 2]:.1f} s after all was mended, at the latest {times[-1]:.1f} s")
    shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make chaos-members", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.0, help="how long faults are committed")
    parser.add_argument("--seed", type=int, help="repeats the faults of another campaign")
    parser.add_argument("--n", type=int, choices=SIZES, default=SIZES[0], help="members")
    parser.add_argument("--copy-resistant", action="store_true", help="they seal their answers first")
    given = parser.parse_args()
    if not given.minutes > 0:
        parser.error("argument --minutes: expected more than 0")
    logging.disable(logging.WARNING)  # the client's: links come and go
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    try:
        asyncio.run(main(given.minutes * 60, given.n, seed, copy_resistant=given.copy_resistant))
    except (AssertionError, TimeoutError) as error:
        sys.exit(f"make chaos-members: {error} (seed {seed})")
