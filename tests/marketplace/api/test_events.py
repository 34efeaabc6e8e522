"""GET /predictions/{id}/events: everything that happens, in order, once, however often the client comes back."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient

from marketplace.predictions import actions
from marketplace.predictions.models import Prediction
from tests.marketplace.answering import dispatching, request
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db(transaction=True)


def parsed(text: str) -> list[tuple[int, str, dict]]:
    """The events of a stream as (id, event, data)."""
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "id" in fields:
            events.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


async def read(path: str, person, **headers) -> str:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        response = await AsyncClient().get(f"/api/v1/{path}", headers=person.headers | headers)
        assert response["Content-Type"] == "text/event-stream"
        return b"".join([part async for part in response]).decode()
    finally:
        await sync_to_async(connections.close_all)()  # the test client keeps them open


def test_a_stream_tells_the_whole_story_and_ends_with_it(api, cast, nodes):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    with dispatching(nodes):
        text = asyncio.run(asyncio.wait_for(read(f"predictions/{identifier}/events", cast.bela), 30))
    events = parsed(text)
    assert [(seq, stage) for seq, stage, _ in events] == [
        (1, "received"),
        (2, "dispatched"),
        (3, "answered"),
        (4, "certified"),
    ]
    assert events[2][2]["detail"] == {"provider": str(cast.node_key.public)}
    assert text.startswith("retry: ")


def test_a_client_that_comes_back_goes_on_where_it_was(api, cast, nodes):
    with dispatching(nodes):
        identifier = api("POST", "predictions", cast.bela, request(), prefer="wait=20").json()["id"]
    text = asyncio.run(read(f"predictions/{identifier}/events", cast.bela, last_event_id="2"))
    assert [seq for seq, _, _ in parsed(text)] == [3, 4]


def test_a_stream_ends_with_the_deadline_though_nothing_happens(api, cast, version):
    identifier = api("POST", "predictions", cast.bela, request(deadline=0.1)).json()["id"]
    text = asyncio.run(asyncio.wait_for(read(f"predictions/{identifier}/events", cast.bela), 30))
    assert [stage for _, stage, _ in parsed(text)] == ["received", "expired"]


def test_many_streams_hear_of_one_withdrawal(api, cast, version):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]

    async def all_of_them():
        streams = [asyncio.create_task(read(f"predictions/{identifier}/events", cast.bela)) for _ in range(8)]
        await asyncio.sleep(0)
        await sync_to_async(actions.cancel)(await Prediction.objects.aget(pk=identifier))
        return await asyncio.wait_for(asyncio.gather(*streams), 30)

    stories = [[stage for _, stage, _ in parsed(text)] for text in asyncio.run(all_of_them())]
    assert stories == [["received", "cancelled"]] * 8


def test_nobody_else_may_listen(api, cast, version):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    response = api("GET", f"predictions/{identifier}/events", cast.sam)
    assert (response.status_code, problem(response)["code"]) == (404, "not-found")


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "9" * 40])
def test_a_place_in_the_stream_is_a_number(api, cast, version, last):
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    response = api("GET", f"predictions/{identifier}/events", cast.bela, last_event_id=last)
    assert (response.status_code, problem(response)["pointer"]) == (400, "Last-Event-ID")


def test_when_too_many_wait_a_stream_ends_and_the_client_comes_back(api, cast, version, monkeypatch):
    from marketplace.predictions import waiting

    full = waiting.Hub(lambda: None, 0)
    monkeypatch.setattr("marketplace.api.events.hub", lambda: full)
    identifier = api("POST", "predictions", cast.bela, request()).json()["id"]
    assert parsed(asyncio.run(read(f"predictions/{identifier}/events", cast.bela))) == []
    full.close()
    assert threading.active_count() < 200
