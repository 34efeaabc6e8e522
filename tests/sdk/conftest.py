"""The prediction that the tests turn over: one of the published vectors. Properties are held to no stopwatch."""

from __future__ import annotations

import pytest
from hypothesis import settings

from docs.vectors.sample import Sample, digit

settings.register_profile("untimed", deadline=None, print_blob=True)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def sample() -> Sample:
    return digit()
