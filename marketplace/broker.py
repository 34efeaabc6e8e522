"""Redis, for what may be lost: wake-ups that are pending, counts of requests. Nothing true is kept there."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from redis import Redis


@cache
def redis() -> Redis:
    """This process's client; it keeps a pool of connections and is safe to share among threads."""
    address = settings.BROKER_URL.replace("redis+socket://", "unix://", 1)
    return Redis.from_url(address, socket_timeout=1.0, socket_connect_timeout=1.0)
