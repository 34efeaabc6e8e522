"""Addresses of nodes: what is one, what is none."""

from __future__ import annotations

import pytest

from assay.errors import Refused
from wire import address


@pytest.mark.parametrize(
    ("text", "parts"),
    [("localhost:1", ("localhost", 1)), ("[::1]:65535", ("::1", 65535)), ("10.0.0.1:0", ("10.0.0.1", 0))],
)
def test_addresses_are_read_and_written_alike(text, parts):
    assert address.split(text) == parts
    assert address.join(*parts) == text


@pytest.mark.parametrize(
    "text", ["", "host", ":1", "host:", "host:-1", "host:65536", "::1:80", "[::1]", "h:١", "h:99999999999"]
)
def test_what_is_not_an_address_is_refused(text):
    with pytest.raises(Refused, match="not an address"):
        address.split(text)
