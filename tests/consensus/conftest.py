"""What tests of hosts share."""

from __future__ import annotations

import pytest

from tests.consensus.hosting import Place
from tests.wire.conftest import until


@pytest.fixture
async def place():
    place = Place()
    await place.begin()
    await until(lambda: place.host.reached == 4)
    yield place
    await place.end()
