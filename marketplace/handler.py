"""Django behind ASGI, with one hop to a thread and back for each request.

Django's own handler runs middleware partly in the loop and partly in threads, and gives each request a new thread
with a new database wrapper: about twice the time of a small request. Everything here that answers a request is
synchronous, so it runs from end to end in one thread of a pool; only streams live in the loop. A body is read
within limits (`marketplace.bodies`) before anything is done with it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, TypeVar, cast

from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import HttpResponseBase, StreamingHttpResponse
from django.urls import set_script_prefix

from assay.errors import AssayError
from marketplace import presence
from marketplace.api import problems
from marketplace.bodies import Bodies

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

T = TypeVar("T")

SPARE_THREADS = 32  # beside those that may be waiting for a prediction


class Handler(ASGIHandler):
    """The ASGI application."""

    def __init__(self) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(settings.ENV.waiters + SPARE_THREADS, "request")
        self._bodies = Bodies(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise ValueError(f"only HTTP is served here, not {scope['type']}")
        body: bytes | AssayError
        try:
            body = await self._bodies.read(scope, receive)
        except ConnectionError:
            return
        except AssayError as refusal:
            body = refusal
        try:
            response = await self._answered(scope, body, receive)
        finally:
            if isinstance(body, bytes):
                self._bodies.released(len(body))
        if response.streaming:
            await self._stream(cast("StreamingHttpResponse", response), receive, send)
        else:
            await self.send_response(response, send)

    async def _answered(self, scope: Message, body: bytes | AssayError, receive: Receive) -> HttpResponseBase:
        """The response; where it may be long in coming, the client is watched meanwhile."""
        if not any(name == b"prefer" for name, _ in scope["headers"]):
            return await self._in_thread(self._answer, scope, body)
        asking = presence.Client()
        leaving = asyncio.ensure_future(receive())
        leaving.add_done_callback(lambda _: asking.leave())
        try:
            return await self._in_thread(self._answer, scope, body, asking)
        finally:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        context = contextvars.copy_context()  # what a request leaves behind in it is nobody's
        return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, function, *args)

    # --- in a thread --------------------------------------------------------------------------------------

    def _answer(
        self, scope: Message, body: bytes | AssayError, asking: presence.Client | None = None
    ) -> HttpResponseBase:
        """From request to response, its content made and the database given back; a stream is closed later."""
        if asking is not None:
            presence.answering(asking)
        set_script_prefix(get_script_prefix(scope))
        signals.request_started.send(sender=self.__class__, scope=scope)
        response = self._respond(scope, body)
        response._handler_class = self.__class__  # type: ignore[attr-defined]  # noqa: SLF001 - as Django does
        if not response.streaming:
            response.close()
        return response

    def _respond(self, scope: Message, body: bytes | AssayError) -> HttpResponseBase:
        request, refusal = self.create_request(scope, BytesIO(body if isinstance(body, bytes) else b""))
        if request is None:
            return cast("HttpResponseBase", refusal)
        if isinstance(body, AssayError):
            return problems.response(body, request)
        try:
            return self.get_response(request)
        except Exception as error:  # noqa: BLE001 - even the page that says so has failed
            return problems.response(problems.translated(error, request), request)

    # --- in the loop --------------------------------------------------------------------------------------

    async def _stream(self, response: StreamingHttpResponse, receive: Receive, send: Send) -> None:
        """Sends a stream until it ends or the client leaves."""
        if not response.is_async:
            response.streaming_content = self._from_thread(iter(response))
        async with ThreadSensitiveContext():
            sending = asyncio.ensure_future(self.send_response(response, send))
            leaving = asyncio.ensure_future(receive())
            try:
                await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sending.cancel()
                leaving.cancel()
                sent, _ = await asyncio.gather(sending, leaving, return_exceptions=True)
                await self._in_thread(response.close)
        if isinstance(sent, Exception):
            raise sent

    async def _from_thread(self, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
        """A synchronous stream, such as a file, read where blocking does no harm."""
        while (part := await self._in_thread(_next, parts)) is not None:
            yield part


def _next(parts: Iterator[bytes]) -> bytes | None:
    """In whichever thread is free: it keeps no database connection, or a long stream would use up the pool."""
    try:
        return next(parts, None)
    finally:
        close_old_connections()
