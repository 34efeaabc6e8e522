"""What every test of the node may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.node.group_world import group, world
from tests.node.worlds import Owner

__all__ = ["group", "world"]


@pytest.fixture
async def owner(tmp_path) -> AsyncIterator[Owner]:
    owner = Owner(tmp_path / "node")
    yield owner
    await owner.hang_up()


@pytest.fixture
async def serving(owner):
    """An owner whose node runs and serves one model."""
    owner.hold()
    async with owner.running() as daemon:
        yield daemon
