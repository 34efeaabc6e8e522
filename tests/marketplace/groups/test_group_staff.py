"""What staff see of groups, and can do about one."""

from __future__ import annotations

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from marketplace.accounts.models import AuditEntry
from marketplace.groups import actions as groups
from marketplace.groups.models import Alert, GroupCounts
from tests.marketplace.groups import founded

pytestmark = pytest.mark.django_db


def test_staff_see_groups_members_and_changes(client, cast, owners, serving):
    better = founded.deployed(owners[1].person, owners[1].node, b"\x70" * 32)
    groups.swap(owners[1].actor, owners[1].seat(serving), better)
    client.force_login(cast.staff)
    for name, seen in (("group", "digits-four"), ("member", "bela"), ("swap", "bela/digits@2")):
        shown = client.get(reverse(f"admin:groups_{name}_changelist")).content.decode()
        assert seen in shown


def test_staff_see_counts_and_alerts_and_change_neither(client, cast, serving):
    shapes = {"requests": 7, "rows": 9, "members": [], "pairs": []}
    counts = GroupCounts.objects.create(group=serving, epoch=0, day=dt.date(2026, 5, 1), lane=1, **shapes)
    alert = Alert.objects.create(group=serving, level="marginal", working=3, noticed=timezone.now())
    client.force_login(cast.staff)
    for name, row, seen in (("groupcounts", counts, "1 May 2026"), ("alert", alert, "One failure from stopping")):
        shown = client.get(reverse(f"admin:groups_{name}_changelist")).content.decode()
        assert "digits-four" in shown
        assert seen in shown
        assert client.get(reverse(f"admin:groups_{name}_add")).status_code == 403
        address = reverse(f"admin:groups_{name}_change", args=[row.pk])
        assert client.get(address).status_code == 200
        assert client.post(address, {"epoch": 5, "working": 0}).status_code == 403
        assert client.post(reverse(f"admin:groups_{name}_delete", args=[row.pk])).status_code == 403


def test_staff_withdraw_a_group_and_the_founders_log_says_who_did(client, cast, serving):
    client.force_login(cast.staff)
    sent = {"action": "withdraw", "_selected_action": [serving.pk]}
    assert client.post(reverse("admin:groups_group_changelist"), sent, follow=True).status_code == 200
    serving.refresh_from_db()
    entry = AuditEntry.objects.get(action="group.withdrawn")
    assert (serving.state, entry.organisation, entry.user) == ("withdrawn", cast.asha.organisation, cast.staff)
