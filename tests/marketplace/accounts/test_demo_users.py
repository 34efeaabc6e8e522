"""The demo's people: the same on every run, and never where there is no demo."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from django.core.management import CommandError, call_command

from marketplace.accounts import demo_users, signing_in
from marketplace.accounts.actions import authenticate_key
from marketplace.accounts.models import ApiKey, Role, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo(settings, tmp_path):
    settings.ENV = dataclasses.replace(settings.ENV, var=tmp_path, demo=True)


def run() -> list[dict]:
    out = io.StringIO()
    call_command("create_demo_users", stdout=out)
    return json.loads(out.getvalue())


def living_keys() -> int:
    return ApiKey.objects.filter(revoked__isnull=True).count()


def test_everybody_can_sign_in_and_use_their_key():
    for user in run():
        assert signing_in.sign_in(user["email"], user["password"], "192.0.2.1").email == user["email"]
        assert authenticate_key(user["api_key"]).organisation.slug == user["organisation"]


def test_the_cast_is_complete():
    users = run()
    assert [user["role"] for user in users] == ["owner"] * 4 + ["buyer", "teammate", "staff"]
    assert [user["organisation"] for user in users[:4]] == ["asha", "bruno", "chidi", "dana"]
    teammate = authenticate_key(users[5]["api_key"])
    assert (teammate.organisation.slug, *teammate.roles.values()) == ("asha", Role.BUYER)
    assert [user.name for user in User.objects.filter(is_staff=True)] == ["Stella"]


def test_a_second_run_prints_the_same_and_makes_nothing():
    first = run()
    assert run() == first
    assert (User.objects.count(), living_keys()) == (7, 7)


def test_two_installations_have_nothing_in_common(settings, tmp_path):
    first = run()
    settings.ENV = dataclasses.replace(settings.ENV, var=tmp_path / "other")
    second = run()
    for one, other in zip(first, second, strict=True):
        assert one["password"] != other["password"]
        assert one["api_key"] != other["api_key"]


def test_only_this_account_may_read_what_they_sign_in_with():
    run()
    assert demo_users.secrets_file().stat().st_mode & 0o777 == 0o600
    assert demo_users.secrets_file().parent.stat().st_mode & 0o777 == 0o700


def test_killed_half_way_the_next_run_puts_it_right(monkeypatch):
    ensure, done = demo_users._ensure, []

    def killed(user):
        if len(done) == 3:
            raise KeyboardInterrupt
        ensure(user)
        done.append(user)

    with monkeypatch.context() as patch:
        patch.setattr(demo_users, "_ensure", killed)
        with pytest.raises(KeyboardInterrupt):
            demo_users.create()
    for user in run():
        assert authenticate_key(user["api_key"])
    assert (User.objects.count(), living_keys()) == (7, 7)


def test_a_key_that_was_made_but_not_kept_is_revoked(monkeypatch):
    users = run()
    path = demo_users.secrets_file()
    path.write_text(path.read_text().replace(users[0]["api_key"], ""))
    renewed = run()[0]["api_key"]
    assert renewed != users[0]["api_key"]
    assert authenticate_key(renewed)
    assert living_keys() == 7


def test_where_there_is_no_demo_nobody_is_made(settings):
    settings.ENV = dataclasses.replace(settings.ENV, demo=False)
    with pytest.raises(CommandError, match="ASSAY_DEMO"):
        run()
    assert not User.objects.exists()
    assert not (settings.ENV.var / "secrets").exists()
