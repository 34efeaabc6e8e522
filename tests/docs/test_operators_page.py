"""The list of operators is printed from their declarations, and the specification speaks of each of them."""

import importlib.util
import re

import pytest

from assay.operators.registry import operators
from tests.docs.repository import ROOT

spec = importlib.util.spec_from_file_location("listing", ROOT / "docs" / "listing.py")
assert spec is not None
assert spec.loader is not None
listing = importlib.util.module_from_spec(spec)
spec.loader.exec_module(listing)

SPECIFICATION = (ROOT / "docs" / "reproducible-operators.md").read_text("utf-8")


def test_the_page_is_what_is_declared():
    assert listing.PAGE.read_text("utf-8") == listing.page(), "run `python docs/listing.py`"


@pytest.mark.parametrize("name", sorted({name for _, name in operators()}))
def test_the_specification_says_what_an_operator_computes(name):
    assert re.search(rf"`{name}\b", SPECIFICATION, re.IGNORECASE)
