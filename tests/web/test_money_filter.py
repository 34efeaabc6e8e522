"""Amounts as pages write them."""

from __future__ import annotations

import pytest

from marketplace.web.templatetags.assay import money

WRITTEN = {
    0: "$0.00",
    1: "$0.000001",
    1_500: "$0.0015",
    1_000_000: "$1.00",
    1_234_567_890_000: "$1,234,567.89",
    -2_500_000: "\N{MINUS SIGN}$2.50",
}


@pytest.mark.parametrize(("amount", "written"), WRITTEN.items())
def test_an_amount_is_written_with_all_its_places(amount: int, written: str):
    assert money(amount, "USD") == written


def test_another_currency_is_named():
    assert money(1_500, "EUR") == "EUR 0.0015"


def test_the_marketplace_s_own_currency_is_taken_where_none_is_named(settings):
    assert money(1_500) == ("$0.0015" if settings.ENV.currency == "USD" else f"{settings.ENV.currency} 0.0015")


def test_what_there_is_not_is_written_as_nothing():
    assert money(None) == ""
