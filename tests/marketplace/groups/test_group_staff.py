"""What staff see of groups, and can do about one."""

from __future__ import annotations

import pytest
from django.urls import reverse

from marketplace.accounts.models import AuditEntry
from marketplace.groups import actions as groups
from tests.marketplace.groups import founded

pytestmark = pytest.mark.django_db


def test_staff_see_groups_members_and_changes(client, cast, owners, serving):
    better = founded.deployed(owners[1].person, owners[1].node, b"\x70" * 32)
    groups.swap(owners[1].actor, owners[1].seat(serving), better)
    client.force_login(cast.staff)
    for name, seen in (("group", "digits-four"), ("member", "bela"), ("swap", "bela/digits@2")):
        shown = client.get(reverse(f"admin:groups_{name}_changelist")).content.decode()
        assert seen in shown


def test_staff_withdraw_a_group_and_the_founders_log_says_who_did(client, cast, serving):
    client.force_login(cast.staff)
    sent = {"action": "withdraw", "_selected_action": [serving.pk]}
    assert client.post(reverse("admin:groups_group_changelist"), sent, follow=True).status_code == 200
    serving.refresh_from_db()
    entry = AuditEntry.objects.get(action="group.withdrawn")
    assert (serving.state, entry.organisation, entry.user) == ("withdrawn", cast.asha.organisation, cast.staff)
