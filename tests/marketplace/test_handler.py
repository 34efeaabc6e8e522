"""The ASGI handler: bodies are bounded, streams end with their client, a request leaves no connection behind."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

from marketplace import bodies, presence
from marketplace.handler import Handler


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body, content_type="application/octet-stream")


def broken(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("nobody foresaw this")


arrived, left = threading.Event(), threading.Event()


def waiting(request: HttpRequest) -> HttpResponse:
    gone = threading.Event()
    presence.client().on_leaving(gone.set)
    arrived.set()
    if gone.wait(30):
        left.set()
    return HttpResponse(b"answered")


class Endless:
    """A stream that only ends when it is stopped, and says that it was."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def parts(self):
        try:
            while True:
                yield b"tick"
                await asyncio.sleep(0.01)
        finally:
            self.closed.set()


endless: list[Endless] = []


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(endless[-1].parts())


def pieces(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"one ", b"two ", b"three"]))


used: list[BaseDatabaseWrapper] = []


def rows() -> Iterator[bytes]:
    for _ in range(3):
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT 'row'")
            used.append(connections["default"])
            yield cursor.fetchone()[0].encode()


def table(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(rows())


urlpatterns = [
    path("echo", echo),
    path("table", table),
    path("broken", broken),
    path("waiting", waiting),
    path("stream", stream),
    path("pieces", pieces),
]


class Client:
    """One request, as an ASGI server would hand it over."""

    def __init__(self, where: str, *parts: bytes, headers: dict[str, str] | None = None) -> None:
        names = {"host": "testserver", **(headers or {})}
        self.scope = {
            "type": "http",
            "method": "POST" if parts else "GET",
            "path": where,
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in names.items()],
        }
        self.parts = list(parts) or [b""]
        self.taken = 0
        self.left = asyncio.Event()
        self.sent: list[dict] = []
        self.first_part = asyncio.Event()

    async def receive(self):
        if self.parts:
            self.taken += 1
            return {"type": "http.request", "body": self.parts.pop(0), "more_body": bool(self.parts)}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        self.sent.append(message)
        if message["type"] == "http.response.body":
            self.first_part.set()

    @property
    def status(self) -> int:
        return self.sent[0]["status"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])


@pytest.fixture
def handler(settings):
    settings.ROOT_URLCONF = __name__
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    settings.MIDDLEWARE = ["marketplace.api.middleware.RequestId"]
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        yield Handler()


class Slow(Client):
    """Sends its parts one by one, as it is told to; ends when it leaves."""

    def __init__(self, *parts: bytes) -> None:
        super().__init__("/echo", *parts)
        self.stopped = asyncio.Event()

    async def receive(self):
        if len(self.parts) == 1:
            self.stopped.set()
            await self.left.wait()
            return {"type": "http.disconnect"}
        return await super().receive()


async def test_strangers_who_hold_large_bodies_back_cannot_fill_the_memory(handler, monkeypatch):
    monkeypatch.setattr(bodies, "ROOM", 1500)
    monkeypatch.setattr(bodies, "SMALL", 100)
    holding = Slow(b"a" * 900, b"never sent")
    held = asyncio.create_task(handler(holding.scope, holding.receive, holding.send))
    await holding.stopped.wait()
    large, small = Client("/echo", b"b" * 900), Client("/echo", b"c" * 100)
    for client in (large, small):
        await handler(client.scope, client.receive, client.send)
    assert (large.status, json.loads(large.body)["code"]) == (503, "unavailable")
    assert (small.status, small.body) == (200, b"c" * 100)
    holding.left.set()
    await held
    again = Client("/echo", b"b" * 900)
    await handler(again.scope, again.receive, again.send)
    assert again.status == 200, "what was held has been given back"


async def test_a_body_that_does_not_come_is_not_waited_for(handler, monkeypatch):
    monkeypatch.setattr(bodies, "PATIENCE", 0.05)
    client = Slow(b"a", b"never sent")
    await asyncio.wait_for(handler(client.scope, client.receive, client.send), 20)
    assert (client.status, json.loads(client.body)["code"]) == (408, "too-slow")


async def test_a_body_comes_back_whole_from_its_parts(handler):
    client = Client("/echo", b"a" * 400, b"b" * 400)
    await handler(client.scope, client.receive, client.send)
    assert (client.status, client.body) == (200, b"a" * 400 + b"b" * 400)


async def test_a_body_that_announces_too_much_is_not_read_at_all(handler):
    client = Client("/echo", b"a" * 2000, headers={"content-length": "2000"})
    await handler(client.scope, client.receive, client.send)
    assert client.status == 413
    assert json.loads(client.body)["code"] == "too-large"
    assert client.taken == 0


async def test_a_body_that_grows_too_large_is_not_read_to_its_end(handler):
    client = Client("/echo", *[b"a" * 300] * 20)
    await handler(client.scope, client.receive, client.send)
    assert client.status == 413
    assert client.taken == 4


async def test_a_client_that_leaves_while_sending_gets_nothing(handler):
    client = Client("/echo", b"a" * 10)
    client.parts = []
    client.left.set()
    await handler(client.scope, client.receive, client.send)
    assert client.sent == []


async def test_who_waits_for_a_client_is_told_when_it_leaves(handler):
    client = Client("/waiting", headers={"prefer": "wait=60"})
    serving = asyncio.create_task(handler(client.scope, client.receive, client.send))
    await asyncio.to_thread(arrived.wait, 30)
    client.left.set()
    await serving
    assert left.is_set()


async def test_a_client_that_may_be_kept_waiting_gets_its_answer_and_is_listened_to_no_more(handler):
    client = Client("/echo", b"a" * 10, headers={"prefer": "wait=60"})
    await handler(client.scope, client.receive, client.send)
    assert (client.status, client.body) == (200, b"a" * 10)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_stream_stops_when_its_client_leaves(handler):
    endless.append(Endless())
    client = Client("/stream")
    serving = asyncio.create_task(handler(client.scope, client.receive, client.send))
    await client.first_part.wait()
    client.left.set()
    await asyncio.wait_for(serving, 10)
    assert endless[-1].closed.is_set()


async def test_a_synchronous_stream_is_sent_whole(handler):
    client = Client("/pieces")
    await handler(client.scope, client.receive, client.send)
    assert client.body == b"one two three"


@pytest.mark.django_db(transaction=True)
async def test_a_stream_out_of_the_database_keeps_no_connection_between_its_parts(handler):
    used.clear()
    client = Client("/table")
    await handler(client.scope, client.receive, client.send)
    assert (client.body, len(used)) == (b"row" * 3, 3)
    assert [each.connection for each in used] == [None] * 3


async def test_an_unforeseen_error_becomes_a_500_without_its_text(handler):
    client = Client("/broken")
    await handler(client.scope, client.receive, client.send)
    assert client.status == 500
    assert b"nobody foresaw" not in client.body


async def test_requests_are_answered_side_by_side(handler):
    clients = [Client("/echo", str(i).encode()) for i in range(50)]
    await asyncio.gather(*(handler(each.scope, each.receive, each.send) for each in clients))
    assert [each.body for each in clients] == [str(i).encode() for i in range(50)]


def test_a_web_process_does_not_walk_all_it_has_imported_in_search_of_garbage():
    """Else a request among many waits for a tenth of a second."""
    code = (
        "import gc, marketplace.asgi; from django.test import Client\n"
        "status = Client(headers={'host': '127.0.0.1'}).get('/api/v1/schema').status_code\n"
        "print(gc.get_freeze_count(), len(gc.get_objects()), status)"
    )
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    frozen, walked, status = map(int, run.stdout.split())
    assert status == 200
    assert frozen > 50_000
    assert walked < frozen / 20
