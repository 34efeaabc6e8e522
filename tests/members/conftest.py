"""Four members under load behind a network that misbehaves; after each test they are mended and must account."""

from __future__ import annotations

import secrets

import pytest
import pytest_asyncio

from stack.chaos.chance import chance
from stack.members.account import settle
from stack.members.group import group

WARM = 20  # answers before anything is done


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def four(tmp_path_factory):
    async with group(tmp_path_factory.mktemp("members")) as members:
        yield members


@pytest_asyncio.fixture(loop_scope="module")
async def fire(four):
    """All are well and under load; whoever has been asked by then must be answered."""
    four.load.start()
    await four.load.more(WARM)
    yield four
    await settle(four)


@pytest.fixture
def luck():
    seed = secrets.randbelow(10**6)
    print(f"seed {seed}")
    return chance(seed)
