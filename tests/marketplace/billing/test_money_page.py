"""docs/money.md says what the code does: accounts, times, limits."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from marketplace.billing import caps, quoting, settling, stakes
from marketplace.billing.models import Account, Balance

PAGE = (Path(__file__).parents[3] / "docs" / "money.md").read_text()
TIMES = {
    "promises the prices of a target in a mode for ten minutes": (quoting.GOOD_FOR, dt.timedelta(minutes=10)),
    "is available to its earners seven days later": (settling.AVAILABLE_AFTER, dt.timedelta(days=7)),
    "unlocks it\nfourteen days later": (stakes.RELEASED_AFTER, dt.timedelta(days=14)),
    "at 80 % and at 100 %": (caps.LEVELS, (80, 100)),
}


@pytest.mark.django_db
def test_the_table_of_accounts_is_that_of_the_ledger(cast):
    table = re.findall(r"^\| `(\w+)` \| (organisation|platform) \| (never|yes) \|", PAGE, re.MULTILINE)
    ours = [(kind, "organisation") for kind in Account.OF_ORGANISATIONS]
    ours += [(kind, "platform") for kind in Account.OF_PLATFORM]
    assert sorted((kind, whose) for kind, whose, _ in table) == sorted(ours)
    overdrawn = set(Balance.objects.filter(overdraws=True).values_list("account__kind", flat=True))
    assert {kind for kind, _, below in table if below == "yes"} == overdrawn


@pytest.mark.parametrize("said", TIMES)
def test_a_time_or_a_limit_is_as_the_page_says(said):
    assert said in PAGE
    set_to, meant = TIMES[said]
    assert set_to == meant
