"""Processes killed under load, for real: nothing is lost, nothing is done twice, nothing hangs.

Predictions are asked of asha's digits, which her node alone serves; then one process is killed with SIGKILL. The
manager starts it again, as an operator would.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import psutil
import psycopg2
import pytest

from assay.verify import Trust, verify

MANY = 40
DEADLINE = 60  # seconds given to each prediction
ENDS = ("certified", "contested", "failed", "expired", "cancelled")

VICTIMS = {
    "the node": ("assay-node", "nodes/asha"),
    "Triton": ("tritonserver", "nodes/asha"),
    "the web server": ("uvicorn", "marketplace.asgi"),
}


class Database:
    """What is true, read past the marketplace."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parse_qs(parts.query)["host"][0]
        self._connection = psycopg2.connect(dbname=parts.path[1:], user=parts.username, host=host)
        self._connection.autocommit = True

    def ask(self, sql: str, *parameters: object) -> list[tuple]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def statuses(self, predictions: list[str]) -> Counter[str]:
        rows = self.ask("SELECT status FROM predictions_prediction WHERE id = ANY(%s::uuid[])", predictions)
        return Counter(status for (status,) in rows)

    def events(self, predictions: list[str], stage: str) -> int:
        sql = (
            "SELECT count(*) FROM predictions_predictionevent WHERE prediction_id = ANY(%s::uuid[]) AND stage = %s"
        )
        return self.ask(sql, predictions, stage)[0][0]

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def database(site):
    database = Database(site.market.database)
    yield database
    database.close()


@pytest.fixture
def buyer(site):
    people = json.loads(Path(site.users).read_text())
    key = next(person["api_key"] for person in people if person["role"] == "buyer")
    with httpx.Client(
        base_url=f"{site.market.url}/api/v1",
        headers={"Authorization": f"Bearer {key}"},
        timeout=90,
        trust_env=False,
    ) as client:
        yield client


def question(shade: int) -> dict:
    pixels = [float((shade + i) % 17) for i in range(64)]
    return {
        "model": "asha/digits",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 64], "data": pixels}],
        "verification": {"mode": "direct"},
        "deadline": DEADLINE,
    }


def process(*words: str) -> psutil.Process:
    """The one of this site whose command line has all of these words."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            line = " ".join(each.cmdline())
        except psutil.Error:
            continue
        if all(word in line for word in words) and "launch.py" not in line:
            found.append(each)
    assert found, f"nothing runs with {words}"
    return min(found, key=lambda each: each.pid)  # the service itself, not its children


def until(condition, seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"


def ask_many(buyer: httpx.Client) -> list[str]:
    return [buyer.post("/predictions", json=question(i)).json()["id"] for i in range(MANY)]


@pytest.fixture
def warm(buyer):
    """The way is free: a prediction has gone through."""
    answered = buyer.post("/predictions", json=question(0), headers={"Prefer": "wait=60"}).json()
    assert answered["status"] == "certified", answered


def each_ended_once_with_a_certificate(database: Database, asked: list[str]) -> None:
    def ended() -> int:
        return sum(count for status, count in database.statuses(asked).items() if status in ENDS)

    until(lambda: ended() == len(asked), DEADLINE + 30, "every prediction has ended")
    assert database.statuses(asked) == {"certified": len(asked)}
    assert sum(database.events(asked, stage) for stage in ENDS) == len(asked)
    documents = database.ask(
        "SELECT p.id, c.document FROM certificates_certificate c"
        " JOIN predictions_prediction p ON p.certificate_id = c.id WHERE p.id = ANY(%s::uuid[])",
        asked,
    )
    assert len(documents) == len(asked)
    for identifier, document in documents:
        report = verify(bytes(document), Trust())
        assert report.valid
        assert report.certificate.statement.request.hex() == str(identifier).replace("-", "")


def test_a_worker_killed_in_the_middle_is_replaced_and_the_node_works_once(buyer, database, site, warm):
    node, worker = process("assay-node", "nodes/asha"), process("celery", "--queues dispatch")
    os.kill(node.pid, signal.SIGSTOP)  # so that every question is on its way when the worker dies
    try:
        asked = ask_many(buyer)
        until(lambda: database.statuses(asked) == {"dispatched": MANY}, 30, "the worker has taken all of them")
        os.kill(worker.pid, signal.SIGKILL)
    finally:
        os.kill(node.pid, signal.SIGCONT)
    each_ended_once_with_a_certificate(database, asked)
    assert database.events(asked, "resumed") == MANY
    assert answers_of_the_node(site, asked) == MANY


def answers_of_the_node(site, asked: list[str]) -> int:
    """How many of these requests the node has in its journal, where each stands at most once."""
    journal = sqlite3.connect(f"file:{site.market.tree.var}/nodes/asha/journal.sqlite?mode=ro", uri=True)
    with closing(journal):
        stored = [request for (request,) in journal.execute("SELECT request FROM answers")]
    return sum(stored.count(UUID(each).bytes) for each in asked)


@pytest.mark.parametrize("victim", VICTIMS)
def test_whoever_is_killed_under_load_every_prediction_ends_once(buyer, database, warm, victim):
    asked = ask_many(buyer)
    os.kill(process(*VICTIMS[victim]).pid, signal.SIGKILL)
    each_ended_once_with_a_certificate(database, asked)
    until(lambda: _alive(buyer), 60, f"{victim} is back")


def _alive(buyer: httpx.Client) -> bool:
    """Whether a new prediction is answered."""
    try:
        again = buyer.post("/predictions", json=question(1), headers={"Prefer": "wait=30"})
    except httpx.TransportError:
        return False
    return again.status_code == 201 and again.json()["status"] == "certified"
