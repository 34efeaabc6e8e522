"""Redis may be away: whoever asks it is told so at once, and goes on without."""

from __future__ import annotations

import pytest
from redis import retry
from redis.exceptions import RedisError

from marketplace import broker
from stack.ports import free_ports


def test_a_lost_redis_is_told_without_a_pause(settings, monkeypatch):
    settings.BROKER_URL = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    broker.redis.cache_clear()
    slept = []
    monkeypatch.setattr(retry, "sleep", slept.append)
    try:
        with pytest.raises(RedisError):
            broker.redis().get("anything")
        with pytest.raises(RedisError):
            broker.redis().pipeline(transaction=False).incr("anything").execute()
    finally:
        broker.redis().close()
        broker.redis.cache_clear()
    assert slept == []
