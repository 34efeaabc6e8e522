"""What staff can do about models and deployments."""

from __future__ import annotations

import pytest
from django.urls import reverse

from marketplace.accounts.models import AuditEntry
from marketplace.catalogue.models import Deployment, Model
from marketplace.predictions.models import Outbox

pytestmark = pytest.mark.django_db


def act(client, cast, name: str, thing) -> None:
    client.force_login(cast.staff)
    address = reverse(f"admin:catalogue_{thing._meta.model_name}_changelist")
    response = client.post(address, {"action": name, "_selected_action": [thing.pk]}, follow=True)
    assert response.status_code == 200


def test_staff_can_withdraw_a_model_and_the_owners_log_says_who_did(client, cast, published):
    act(client, cast, "withdraw", published)
    assert Model.objects.get().visibility == Model.Visibility.PRIVATE
    entry = AuditEntry.objects.get(action="model.unpublished")
    assert (entry.organisation, entry.user) == (cast.asha.organisation, cast.staff)


def test_staff_can_have_a_failed_deployment_tried_again(client, cast, serving):
    Deployment.objects.update(state=Deployment.State.FAILED, detail="unplugged")
    act(client, cast, "try_again", serving)
    assert Deployment.objects.get().state == Deployment.State.WAITING
    assert Outbox.objects.filter(kind="catalogue.deploy").count() == 1


def test_a_deployment_that_serves_is_left_alone(client, cast, serving):
    act(client, cast, "try_again", serving)
    assert Deployment.objects.get().state == Deployment.State.SERVING
