"""A prediction's events as a stream (server-sent events): what happened so far, then what happens, until it ends.

An event's id is its number, so a client that comes back says where it stopped. The stream holds a task of the
event loop, not a thread, and no database connection while it waits.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from uuid import UUID

import msgspec
from asgiref.sync import sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse
from rest_framework.renderers import BaseRenderer

from assay.errors import Unavailable
from marketplace.predictions import access
from marketplace.predictions.models import Prediction, PredictionEvent
from marketplace.predictions.states import ENDS
from marketplace.predictions.waiting import Changed, hub

KEEP_ALIVE = 15.0  # seconds after which a silent stream says that it is still there
LONGEST = 900.0  # seconds; a client comes back by itself and misses nothing
LOOK = 5.0  # seconds between looks even if nobody says anything, so that a deadline is noticed
RETRY = 1000  # ms after which a client comes back


class EventStream(BaseRenderer):
    """So that `Accept: text/event-stream` finds what it wants. The stream itself is no REST framework answer."""

    media_type = "text/event-stream"
    format = "event-stream"

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: object = None
    ) -> bytes:
        return msgspec.json.encode(data)


def stream(prediction: Prediction, after: int) -> StreamingHttpResponse:
    """The answer that streams the events after number `after`."""
    answer = StreamingHttpResponse(_events(prediction.pk, after), content_type=EventStream.media_type)
    answer["Cache-Control"] = "no-store"
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _events(identifier: UUID, seen: int) -> AsyncIterator[str]:
    yield f"retry: {RETRY}\n\n"
    changed, until, spoke = Changed(), time.monotonic() + LONGEST, time.monotonic()
    try:
        with hub().watch(identifier, changed.tell):
            while time.monotonic() < until:
                events, ended = await sync_to_async(_after)(identifier, seen)
                for event in events:
                    yield _written(event)
                    seen, spoke = event.seq, time.monotonic()
                if ended:
                    return
                if not await changed.wait(LOOK) and time.monotonic() > spoke + KEEP_ALIVE:
                    yield ": still here\n\n"
                    spoke = time.monotonic()
    except Unavailable:  # too many watch already: the client comes back
        return


def _after(identifier: UUID, seen: int) -> tuple[list[PredictionEvent], bool]:
    """The events after number `seen`, and whether there will be no more."""
    try:
        prediction = access.again(Prediction(pk=identifier))
        events = list(PredictionEvent.objects.filter(prediction=identifier, seq__gt=seen).order_by("seq"))
        return events, prediction.status in ENDS and (not events or events[-1].seq >= prediction.seq)
    finally:
        connection.close()


def _written(event: PredictionEvent) -> str:
    data = msgspec.json.encode({"stage": event.stage, "detail": event.detail, "time": event.time}).decode()
    return f"id: {event.seq}\nevent: {event.stage}\ndata: {data}\n\n"
