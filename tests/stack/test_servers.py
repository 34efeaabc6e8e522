"""PostgreSQL and Redis of the embedded stack, up for real."""

import contextlib
import os
import socket
import threading
from pathlib import Path

import psycopg2
import pytest
import redis as redis_client
from redis.backoff import NoBackoff
from redis.retry import Retry

from stack import services
from stack.process import NotReady


def test_postgres_answers_as_an_unprivileged_role(postgres):
    connection = psycopg2.connect(postgres)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('is_superuser'), current_database()")
        assert cursor.fetchone() == ("assay", "off", "assay")
    connection.close()


def test_postgres_listens_on_no_network(postgres):
    connection = psycopg2.connect(postgres)
    with connection.cursor() as cursor:
        cursor.execute("SHOW listen_addresses")
        assert cursor.fetchone() == ("",)
    connection.close()


def test_postgres_never_runs_as_root(postgres):
    pid = int((Path(os.environ["ASSAY_VAR"]) / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    status = Path(f"/proc/{pid}/status").read_text()
    uid = next(line for line in status.splitlines() if line.startswith("Uid:"))
    assert "0" not in uid.split()[1:]


def test_redis_answers_only_with_its_password(redis):
    client = redis_client.Redis.from_url(redis)
    assert client.ping()
    port = client.connection_pool.connection_kwargs["port"]
    client.close()
    with (
        redis_client.Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger,
        pytest.raises(redis_client.AuthenticationError),
    ):
        stranger.ping()


def test_a_worker_is_not_ready_while_the_broker_hangs_up():
    with socket.create_server(("127.0.0.1", 0)) as broker:
        threading.Thread(target=hang_up, args=(broker,), daemon=True).start()
        with pytest.raises(NotReady):
            services._ping(f"redis://127.0.0.1:{broker.getsockname()[1]}/0", "dispatch@assay")


def hang_up(server: socket.socket) -> None:
    """Accepts every connection and ends it."""
    with contextlib.suppress(OSError):
        while True:
            server.accept()[0].close()
