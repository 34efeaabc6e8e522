"""Signing in: what a wrong guess is told, and how many guesses there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from marketplace.accounts import signing_in
from marketplace.accounts.models import SignInAttempt
from marketplace.errors import Throttled, Unauthenticated
from tests.marketplace.people import PASSWORD

pytestmark = pytest.mark.django_db
HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"


def guess(email="bela@example.org", address=HOME, password="wrong"):
    with pytest.raises((Unauthenticated, Throttled)) as caught:
        signing_in.sign_in(email, password, address)
    return caught.value


def test_the_right_password_signs_in_whatever_the_case_of_the_address(cast):
    assert signing_in.sign_in(" Bela@Example.org ", PASSWORD, HOME) == cast.bela.user
    assert not SignInAttempt.objects.exists()


def test_an_unknown_account_and_a_wrong_password_are_told_the_same(cast):
    assert guess().fields() == guess("nobody@example.org").fields()


def test_a_switched_off_account_is_told_the_same(cast):
    cast.bela.user.is_active = False
    cast.bela.user.save()
    assert guess(password=PASSWORD).fields() == guess("nobody@example.org").fields()


def test_guessing_is_stopped_even_with_the_right_password_at_last(cast):
    for _ in range(signing_in.PER_PAIR):
        assert isinstance(guess(), Unauthenticated)
    assert isinstance(guess(password=PASSWORD), Throttled)


def test_a_strangers_guesses_do_not_lock_a_person_out(cast):
    for _ in range(signing_in.PER_PAIR + 3):
        guess(address=ELSEWHERE)
    assert signing_in.sign_in("bela@example.org", PASSWORD, HOME) == cast.bela.user


def test_one_address_cannot_try_many_accounts(cast, monkeypatch):
    monkeypatch.setattr(signing_in, "PER_ADDRESS", 3)
    for i in range(3):
        assert isinstance(guess(f"user{i}@example.org"), Unauthenticated)
    assert isinstance(guess("user3@example.org"), Throttled)


def test_many_addresses_cannot_try_one_account_for_ever(cast, monkeypatch):
    monkeypatch.setattr(signing_in, "PER_ACCOUNT", 3)
    for i in range(3):
        assert isinstance(guess(address=f"192.0.2.{i + 10}"), Unauthenticated)
    assert isinstance(guess(address="192.0.2.99"), Throttled)


def test_what_was_refused_does_not_prolong_the_wait(cast):
    for _ in range(signing_in.PER_PAIR + 5):
        guess()
    assert SignInAttempt.objects.count() == 3 * signing_in.PER_PAIR


def test_the_wait_ends_and_old_attempts_go(cast):
    for _ in range(signing_in.PER_PAIR + 1):
        guess()
    SignInAttempt.objects.update(time=timezone.now() - signing_in.WINDOW - timedelta(seconds=1))
    assert signing_in.sign_in("bela@example.org", PASSWORD, HOME) == cast.bela.user
    assert signing_in.forget_old_attempts() > 0
    assert not SignInAttempt.objects.exists()


@pytest.mark.parametrize("email", ["bela\0@example.org", "\0", "", "x" * 1000, "\ud800@example.org"])
def test_what_is_no_address_is_told_the_same(cast, email):
    assert guess(email).fields() == guess("nobody@example.org").fields()


def test_one_network_address_signs_up_so_many_people(db, monkeypatch):
    monkeypatch.setattr(signing_in, "SIGN_UPS", 2)
    for name in ("One", "Two"):
        signing_in.sign_up(f"{name}@example.org", PASSWORD, name, HOME)
    with pytest.raises(Throttled):
        signing_in.sign_up("three@example.org", PASSWORD, "Three", HOME)
    assert signing_in.sign_up("three@example.org", PASSWORD, "Three", ELSEWHERE)


def test_no_address_is_kept(cast):
    guess()
    kept = " ".join(SignInAttempt.objects.values_list("bucket", flat=True))
    assert HOME not in kept
    assert "bela" not in kept
