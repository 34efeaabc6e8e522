"""API keys: what is kept of them, who may make them, and what a wrong one is told."""

from __future__ import annotations

import string
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from marketplace.accounts import actions
from marketplace.accounts.models import ApiKey, AuditEntry, Membership, Role
from marketplace.errors import Conflict, Forbidden, NotFound, Unauthenticated

pytestmark = pytest.mark.django_db


def refusal(token):
    with pytest.raises(Unauthenticated) as caught:
        actions.authenticate_key(token)
    return caught.value.code


def test_a_key_acts_for_its_organisation_with_its_makers_role(cast):
    actor = actions.authenticate_key(cast.tariq.token)
    assert actor.user == cast.tariq.user
    assert actor.organisation == cast.asha.organisation
    assert dict(actor.roles) == {cast.asha.organisation.pk: Role.BUYER}


def test_the_token_itself_is_not_kept(cast):
    key, token = actions.create_key(cast.bela.actor, "laptop")
    kept = [str(value) for value in ApiKey.objects.filter(pk=key.pk).values_list().get()]
    assert not any(token.rsplit("_", 1)[1] in value for value in kept)


def test_a_wrong_secret_and_an_unknown_prefix_are_told_the_same(cast):
    token = cast.bela.token
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    assert refusal(wrong) == refusal("assay_0000000000_" + "x" * 40) == "invalid-key"


@given(st.text(alphabet=string.printable + "é\ud800\0", max_size=80))
def test_no_text_is_mistaken_for_a_key(django_db_blocker, text):
    assert refusal(text) == "invalid-key"


def test_a_revoked_key_says_so_only_to_its_holder(cast):
    key, token = actions.create_key(cast.bela.actor, "laptop")
    actions.revoke_key(cast.bela.actor, key.pk)
    assert refusal(token) == "revoked-key"
    assert refusal(token[:-1] + "!") == "invalid-key"


def test_an_expired_key_says_since_when(cast):
    key, token = actions.create_key(cast.bela.actor, "laptop", expires=timezone.now() + timedelta(hours=1))
    ApiKey.objects.filter(pk=key.pk).update(expires=timezone.now() - timedelta(seconds=1))
    assert refusal(token) == "expired-key"


def test_a_key_dies_with_its_makers_membership(cast):
    Membership.objects.filter(user=cast.tariq.user, organisation=cast.asha.organisation).delete()
    assert refusal(cast.tariq.token) == "orphaned-key"


def test_a_key_dies_with_its_makers_account(cast):
    cast.bela.user.is_active = False
    cast.bela.user.save()
    assert refusal(cast.bela.token) == "orphaned-key"


def test_use_is_noted_once_a_minute(cast, django_assert_num_queries):
    actions.authenticate_key(cast.bela.token)
    noted = ApiKey.objects.get(prefix=cast.bela.token.split("_")[1]).last_used
    assert noted is not None
    assert noted.second == noted.microsecond == 0
    ApiKey.objects.update(last_used=noted + timedelta(minutes=5))  # the minute cannot turn during this test
    with django_assert_num_queries(1):
        actions.authenticate_key(cast.bela.token)


def test_a_key_cannot_make_a_mightier_one(cast):
    weak = actions.authenticate_key(cast.bela.key("keys", "predict"))
    actions.create_key(weak, "equal", ["predict"])
    with pytest.raises(Forbidden) as caught:
        actions.create_key(weak, "mightier", ["models"])
    assert caught.value.code == "scope-missing"


def test_a_key_without_the_scope_makes_none(cast):
    with pytest.raises(Forbidden):
        actions.create_key(actions.authenticate_key(cast.bela.key("predict")), "more", ["predict"])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"name": "x" * 81}, "/name"),
        ({"name": "lap\0top"}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes"),
        ({"expires": timezone.now() - timedelta(days=1)}, "/expires"),
    ],
)
def test_a_bad_field_is_named(cast, fields, pointer):
    with pytest.raises(Refused) as caught:
        actions.create_key(cast.bela.actor, **{"name": "laptop", **fields})
    assert caught.value.pointer == pointer


def test_living_keys_are_limited_and_revoked_ones_do_not_count(cast, monkeypatch):
    monkeypatch.setattr(actions, "MAX_KEYS", 2)
    key, _ = actions.create_key(cast.bela.actor, "second")
    with pytest.raises(Conflict):
        actions.create_key(cast.bela.actor, "third")
    actions.revoke_key(cast.bela.actor, key.pk)
    actions.create_key(cast.bela.actor, "third")


def test_a_stranger_cannot_revoke_a_key_nor_learn_of_it(cast):
    key = ApiKey.objects.get(organisation=cast.bela.organisation)
    with pytest.raises(NotFound):
        actions.revoke_key(cast.sam.actor, key.pk)
    assert actions.authenticate_key(cast.bela.token)


def test_a_member_sees_only_keys_of_its_own_and_an_admin_all(cast):
    tariq = actions.authenticate_key(cast.tariq.token)
    assert {key.created_by for key in actions.keys_of(tariq)} == {cast.tariq.user}
    assert {key.created_by for key in actions.keys_of(cast.asha.actor)} == {cast.asha.user, cast.tariq.user}


def test_making_and_revoking_leave_one_line_each_in_the_audit_log(cast):
    key, token = actions.create_key(cast.bela.actor, "laptop")
    actions.revoke_key(cast.bela.actor, key.pk)
    actions.revoke_key(cast.bela.actor, key.pk)
    lines = AuditEntry.objects.filter(organisation=cast.bela.organisation, subject=str(key)).order_by("pk")
    assert [line.action for line in lines] == ["key.created", "key.revoked"]
    assert token not in {line.subject for line in lines}
