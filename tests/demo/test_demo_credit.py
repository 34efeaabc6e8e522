"""The demo's buyers have test credit to spend, granted once."""

from __future__ import annotations

import dataclasses
import io

import pytest
from django.core.management import call_command

from marketplace.accounts.models import AuditEntry
from marketplace.billing import demo_credit
from marketplace.billing.models import Balance

pytestmark = pytest.mark.django_db


def test_whoever_asks_has_credit_that_staff_granted_once(settings, tmp_path):
    settings.ENV = dataclasses.replace(settings.ENV, var=tmp_path, demo=True)
    for _ in range(2):
        call_command("create_demo_users", stdout=io.StringIO())
        found = Balance.objects.filter(account__kind="credit", amount__gt=0)
        assert dict(found.values_list("account__organisation__slug", "amount")) == {
            "asha": demo_credit.AMOUNT,
            "bela": demo_credit.AMOUNT,
        }
    granted = AuditEntry.objects.filter(action="credit.granted")
    assert [str(entry.user) for entry in granted] == ["stella@demo.assay.test"] * 2
