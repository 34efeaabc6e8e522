"""Signing in with e-mail and password, and signing up, with guessing made slow.

The answer is the same whether the account exists or not, in its words and (because Django hashes the password
either way) in its time. Attempts are counted for the pair of account and network address, for the address, and
for the account, so that a guesser is stopped early while somebody else's guesses do not soon lock a person out.
An attempt is written down before the password is looked at, so that guesses made at once are all counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import authenticate
from django.utils import timezone

from marketplace.accounts import actions
from marketplace.accounts.models import SignInAttempt, User
from marketplace.errors import Throttled, Unauthenticated

WINDOW = timedelta(minutes=15)
PER_PAIR, PER_ADDRESS, PER_ACCOUNT = 5, 50, 100  # failures within the window
SIGN_UPS = 20  # within the window, from one address, whether they succeed or not


@dataclass(frozen=True)
class _Bucket:
    name: str
    limit: int


def sign_in(email: str, password: str, address: str) -> User:
    """The user with this e-mail and password; `address` is the client's network address.

    Raises Unauthenticated (`wrong-credentials`) or Throttled.
    """
    account = email.strip().lower()
    attempts = _attempt(
        (
            _bucket(PER_PAIR, account, address),
            _bucket(PER_ADDRESS, "", address),
            _bucket(PER_ACCOUNT, account, ""),
        )
    )
    user = authenticate(username=account, password=password)
    if not isinstance(user, User):
        raise Unauthenticated(
            "e-mail and password do not belong together", code="wrong-credentials", pointer="/password"
        )
    SignInAttempt.objects.filter(pk__in=attempts).delete()
    return user


def sign_up(email: str, password: str, name: str, address: str) -> User:
    """`actions.register`, so often from one network address. Raises Refused naming the field, or Throttled."""
    _attempt((_bucket(SIGN_UPS, "sign-up", address),))
    return actions.register(email, password, name)


def forget_old_attempts() -> int:
    """Removes what no longer counts; returns how many rows."""
    return SignInAttempt.objects.filter(time__lt=timezone.now() - WINDOW).delete()[0]


def _bucket(limit: int, *who: str) -> _Bucket:
    return _Bucket(hashlib.sha256("\0".join(who).encode("utf-8", "surrogatepass")).hexdigest(), limit)


def _attempt(buckets: Sequence[_Bucket]) -> list[int]:
    """Counts one attempt in each bucket. Raises Throttled, leaving nothing counted, if one is full."""
    since = timezone.now() - WINDOW
    made = SignInAttempt.objects.bulk_create(SignInAttempt(bucket=each.name) for each in buckets)
    keys = [each.pk for each in made]
    for bucket in buckets:
        if SignInAttempt.objects.filter(bucket=bucket.name, time__gt=since).count() > bucket.limit:
            SignInAttempt.objects.filter(pk__in=keys).delete()
            raise Throttled(
                "too many attempts",
                retry_after=int(WINDOW.total_seconds()),
                expected=f"at most {bucket.limit} in {int(WINDOW.total_seconds()) // 60} minutes",
                hint="Wait, then try again.",
            )
    return keys
