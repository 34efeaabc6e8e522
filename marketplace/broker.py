"""Redis, for what may be lost: wake-ups that are pending, counts of requests. Nothing true is kept there."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PATIENCE = 0.5  # seconds for Redis to connect or to answer, tried twice
AGAIN = Retry(NoBackoff(), 1)  # at once: a kept connection may have been lost; whoever asks cannot wait for more


@cache
def redis() -> Redis:
    """This process's client; it keeps a pool of connections and is safe to share among threads."""
    address = settings.BROKER_URL.replace("redis+socket://", "unix://", 1)
    return Redis.from_url(address, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=AGAIN)
