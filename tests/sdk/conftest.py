"""The prediction that the tests turn over: one of the published vectors."""

from __future__ import annotations

import pytest

from docs.vectors.sample import Sample, digit


@pytest.fixture(scope="session")
def sample() -> Sample:
    return digit()
