"""The staff's pages: for staff alone, through the site's own sign-in, and without changing what is evidence."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.db import IntegrityError, transaction
from django.urls import reverse

from marketplace.accounts.actions import authenticate_key
from marketplace.accounts.models import ApiKey, AuditEntry
from marketplace.errors import Unauthenticated

pytestmark = pytest.mark.django_db
OURS = [model for model in admin.site._registry if model.__module__.startswith("marketplace.")]


def names(model) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}"


@pytest.fixture
def staff(client, cast):
    client.force_login(cast.staff)
    return client


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_list_and_search_opens(staff, model):
    address = reverse(f"{names(model)}_changelist")
    assert staff.get(address).status_code == 200
    assert staff.get(address, {"q": "asha"}).status_code == 200


def test_whoever_is_not_signed_in_is_sent_to_the_sites_own_page(client, db):
    response = client.get(reverse("admin:index"))
    assert response.status_code == 302
    page = client.get(response["Location"])
    assert page["Location"].startswith(reverse("web:login"))
    assert client.post(reverse("admin:login"), {"username": "x", "password": "y"}).status_code == 302


def test_people_of_the_marketplace_are_turned_away(client, cast):
    client.force_login(cast.asha.user)
    response = client.get(reverse("admin:index"), follow=True)
    assert response.status_code == 403


def test_the_audit_log_cannot_be_changed_even_by_staff(staff, cast):
    entry = AuditEntry.objects.first()
    model = names(AuditEntry)
    assert staff.get(reverse(f"{model}_add")).status_code == 403
    assert staff.post(reverse(f"{model}_delete", args=[entry.pk]), {"post": "yes"}).status_code == 403
    assert staff.post(reverse(f"{model}_change", args=[entry.pk]), {"action": "other"}).status_code == 403
    assert AuditEntry.objects.get(pk=entry.pk).action == entry.action


def test_the_audit_log_cannot_be_changed_even_by_the_sites_own_code(cast):
    for change in (lambda rows: rows.update(action="other"), lambda rows: rows.delete()):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change(AuditEntry.objects.all())


def test_staff_can_revoke_a_key_and_sees_no_hash_of_it(staff, cast):
    key = ApiKey.objects.get(prefix=cast.bela.token.split("_")[1])
    address = reverse(f"{names(ApiKey)}_changelist")
    shown = staff.get(reverse(f"{names(ApiKey)}_change", args=[key.pk])).content.decode()
    assert "sha256" not in shown.lower()
    staff.post(address, {"action": "revoke", "_selected_action": [key.pk]})
    with pytest.raises(Unauthenticated):
        authenticate_key(cast.bela.token)


def test_a_persons_password_is_not_on_the_page(staff, cast):
    page = staff.get(reverse("admin:accounts_user_change", args=[cast.asha.user.pk])).content.decode()
    assert cast.asha.user.password not in page
