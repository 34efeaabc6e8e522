"""Spans of time in people's words."""

from __future__ import annotations

import pytest

from assay.durations import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0001, "1 ms"),
        (0.25, "250 ms"),
        (0.9996, "1 s"),
        (1.25, "1.2 s"),
        (60, "60 s"),
        (90, "2 min"),
        (600, "10 min"),
        (5400, "2 h"),
        (24 * 3600, "24 h"),
        (7 * 24 * 3600, "7 d"),
    ],
)
def test_a_span_is_said_in_the_unit_that_people_would_use(seconds, words):
    assert in_words(seconds) == words
