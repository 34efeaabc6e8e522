"""How often one may ask: so many requests per key (or person, or address) and minute, counted in Redis.

Where the count stands is told in the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers). Should Redis be
away nobody is held back: it guards against haste, not against attackers.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpResponseBase
from redis.exceptions import RedisError
from rest_framework.request import Request

from marketplace.accounts.access import Actor
from marketplace.broker import redis
from marketplace.errors import Throttled

log = logging.getLogger(__name__)

WINDOW = 60  # seconds
ANONYMOUS_SHARE = 10  # who does not say who they are gets a tenth


@dataclass(frozen=True)
class Allowance:
    """Of `limit` requests in this window, `used` are gone; it ends in `seconds`."""

    limit: int
    used: int
    seconds: int

    def note(self, response: HttpResponseBase) -> None:
        response.headers["RateLimit-Policy"] = f'"default";q={self.limit};w={WINDOW}'
        response.headers["RateLimit"] = f'"default";r={max(0, self.limit - self.used)};t={self.seconds}'


def count(request: Request) -> Allowance | None:
    """Counts this request. Raises Throttled when there were too many; None when nobody can count."""
    who, limit = _who(request)
    now = int(time.time())
    window, seconds = now // WINDOW, WINDOW - now % WINDOW
    try:
        counter = f"assay:rate:{window}:{who}"
        used = int(redis().incr(counter))
        if used == 1:
            redis().expire(counter, WINDOW)
    except RedisError as error:
        log.warning("cannot count requests: %s", error)
        return None
    if used > limit:
        raise Throttled(
            "too many requests",
            retry_after=seconds,
            expected=f"at most {limit} in {WINDOW} seconds",
            hint=f"Go on in {seconds} seconds.",
        )
    return Allowance(limit, used, seconds)


def _who(request: Request) -> tuple[str, int]:
    limit: int = settings.ENV.rate_limit
    if not isinstance(request.auth, Actor):
        address = request.META.get("REMOTE_ADDR") or "?"
        return f"address:{hashlib.sha256(address.encode()).hexdigest()[:32]}", max(1, limit // ANONYMOUS_SHARE)
    actor = request.auth
    return (f"user:{actor.user.pk}" if actor.key is None else f"key:{actor.key.pk}"), limit
