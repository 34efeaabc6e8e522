"""The HTTP client, synchronous and asynchronous: `Client` and `AsyncClient`, one core (`assay._api`).

An answer is handed out only after its certificate was checked on this machine. Pass `transport=` (httpx) to go
through something other than the network.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

import httpx

from assay import _api
from assay._api import Asked, Inputs, Prediction, Row
from assay._flow import MAX_REPLY, Call, Flow, Pause, Reply
from assay.errors import TooLarge, Unavailable
from assay.money import Balance, Quote
from assay.verify import Trust

__all__ = ["AsyncClient", "Client", "Prediction"]

DEFAULT_TIMEOUT = 60.0  # seconds, of a prediction from asking to checked
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 30.0  # beyond what the server was asked to wait

T = TypeVar("T")


class Client:
    """Talks to one Assay server. Use it as a context manager, or call `close`.

    `trust` names the providers and groups whose word counts in every `predict`; naming none leaves answers valid
    but unpinned (`Prediction.report.pinned` is None).
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        trust: Trust | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(base_url=url, headers=_headers(api_key), transport=transport)
        self._trust = trust or Trust()
        self._sleep = sleep

    def predict(
        self,
        target: str = "",
        *,
        group: str = "",
        inputs: Inputs | None = None,
        image: bytes | Path | None = None,
        row: Row | None = None,
        verify: str = "",
        params: Mapping[str, int | str | bool] | None = None,
        quote: Quote | UUID | None = None,
        most: int | None = None,
        trust: Trust | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        idempotency_key: str = "",
    ) -> Prediction:
        """Asks `owner/name` or `owner/name@version`, or a `group`, and returns the answer, checked.

        Exactly one of `inputs` (tensors, or what the API takes under `inputs`), `image` (a PNG, content or path)
        and `row` (an object by field name, or a list in field order). `verify` is the mode, with its own `params`;
        left out it is `direct` for a model and `agreement` for a group. Where a group's members did not agree, an
        answer says `contested`. With a `quote`, or its id, its prices are charged; what could exceed `most`
        micro-units is refused. `timeout` is in seconds, for everything. Calls with the same `idempotency_key` are
        carried out, and charged, once. Raises NotVerified when the certificate does not hold, is about something
        else, or is by nobody in `trust` (if it names anyone); DeadlineExceeded; Refused; PaymentRequired, which
        says how much is missing; Unavailable.
        """
        kind, name = _api.asked_of(target, group)
        asked = Asked(
            kind=kind,
            target=name,
            inputs=_api.payload(inputs, image, row),
            mode=verify or _api.MODES[kind],
            params=params or {},
            trust=trust or self._trust,
            timeout=timeout,
            idempotency_key=idempotency_key or secrets.token_hex(16),
            quote=_api.quote_id(quote),
            most=most,
        )
        return self._run(_api.predict(asked, time.monotonic))

    def quote(
        self,
        target: str = "",
        *,
        group: str = "",
        verify: str = "",
        params: Mapping[str, int | str | bool] | None = None,
        rows: int = 1,
        deadline: float | None = None,
    ) -> Quote:
        """What it would cost at most to ask this of so many rows, and what it would be worth. Charges nothing.

        Pass the quote to `predict`, and its prices are charged whatever they are by then. `deadline`: in seconds.
        """
        kind, name = _api.asked_of(target, group)
        verification = {"mode": verify or _api.MODES[kind], **(params or {})}
        return self._run(_api.quote(kind, name, verification, rows, deadline))

    def balance(self) -> Balance:
        """What the key's organisation may spend, has set aside, and has spent this month."""
        return self._run(_api.balance())

    def models(self, query: str = "") -> Iterator[dict[str, Any]]:
        """The cards of all models in the catalogue, or of those that match `query`."""
        page = _api.Page(next="")
        while page.next is not None:
            page = self._run(_api.models(query, page.next))
            yield from page.results

    def model(self, target: str) -> dict[str, Any]:
        """The card of `owner/name`."""
        return self._run(_api.model(target))

    def groups(self) -> Iterator[dict[str, Any]]:
        """The cards of all groups that can be asked."""
        page = _api.Page(next="")
        while page.next is not None:
            page = self._run(_api.groups(page.next))
            yield from page.results

    def group(self, slug: str) -> dict[str, Any]:
        """A group with its members, inputs and `genesis`, the digest by which it is pinned."""
        return self._run(_api.group(slug))

    def certificate(self, digest: str) -> bytes:
        """A certificate's canonical bytes by their SHA-256 in hexadecimal; not yet checked."""
        return self._run(_api.certificate(digest))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        reply: Reply | Unavailable | None = None
        try:
            while True:
                match flow.send(reply):
                    case Call() as call:
                        reply = self._call(call)
                    case Pause(seconds):
                        self._sleep(seconds)
                        reply = None
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    def _call(self, call: Call) -> Reply | Unavailable:
        try:
            with self._http.stream(**_request(call)) as response:
                body = bytearray()
                for part in response.iter_bytes():
                    _add(body, part)
                return _reply(response, body)
        except httpx.TransportError as error:
            return _unreachable(self._http.base_url, error)


class AsyncClient:
    """The same for asyncio."""

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        trust: Trust | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(api_key), transport=transport)
        self._trust = trust or Trust()
        self._sleep = sleep

    async def predict(
        self,
        target: str = "",
        *,
        group: str = "",
        inputs: Inputs | None = None,
        image: bytes | Path | None = None,
        row: Row | None = None,
        verify: str = "",
        params: Mapping[str, int | str | bool] | None = None,
        quote: Quote | UUID | None = None,
        most: int | None = None,
        trust: Trust | None = None,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109  # of the prediction, which may go on without us
        idempotency_key: str = "",
    ) -> Prediction:
        """See `Client.predict`."""
        kind, name = _api.asked_of(target, group)
        asked = Asked(
            kind=kind,
            target=name,
            inputs=_api.payload(inputs, image, row),
            mode=verify or _api.MODES[kind],
            params=params or {},
            trust=trust or self._trust,
            timeout=timeout,
            idempotency_key=idempotency_key or secrets.token_hex(16),
            quote=_api.quote_id(quote),
            most=most,
        )
        return await self._run(_api.predict(asked, time.monotonic))

    async def quote(
        self,
        target: str = "",
        *,
        group: str = "",
        verify: str = "",
        params: Mapping[str, int | str | bool] | None = None,
        rows: int = 1,
        deadline: float | None = None,
    ) -> Quote:
        """See `Client.quote`."""
        kind, name = _api.asked_of(target, group)
        verification = {"mode": verify or _api.MODES[kind], **(params or {})}
        return await self._run(_api.quote(kind, name, verification, rows, deadline))

    async def balance(self) -> Balance:
        """See `Client.balance`."""
        return await self._run(_api.balance())

    async def models(self, query: str = "") -> AsyncIterator[dict[str, Any]]:
        """See `Client.models`."""
        page = _api.Page(next="")
        while page.next is not None:
            page = await self._run(_api.models(query, page.next))
            for each in page.results:
                yield each

    async def model(self, target: str) -> dict[str, Any]:
        """See `Client.model`."""
        return await self._run(_api.model(target))

    async def groups(self) -> AsyncIterator[dict[str, Any]]:
        """See `Client.groups`."""
        page = _api.Page(next="")
        while page.next is not None:
            page = await self._run(_api.groups(page.next))
            for each in page.results:
                yield each

    async def group(self, slug: str) -> dict[str, Any]:
        """See `Client.group`."""
        return await self._run(_api.group(slug))

    async def certificate(self, digest: str) -> bytes:
        """See `Client.certificate`."""
        return await self._run(_api.certificate(digest))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, flow: Flow[T]) -> T:
        reply: Reply | Unavailable | None = None
        try:
            while True:
                match flow.send(reply):
                    case Call() as call:
                        reply = await self._call(call)
                    case Pause(seconds):
                        await self._sleep(seconds)
                        reply = None
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]

    async def _call(self, call: Call) -> Reply | Unavailable:
        try:
            async with self._http.stream(**_request(call)) as response:
                body = bytearray()
                async for part in response.aiter_bytes():
                    _add(body, part)
                return _reply(response, body)
        except httpx.TransportError as error:
            return _unreachable(self._http.base_url, error)


def _headers(api_key: str) -> dict[str, str]:
    key = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return {"Accept": "application/json", "User-Agent": "assay-python"} | key


def _request(call: Call) -> dict[str, Any]:
    """Arguments of httpx's `stream`. Redirects are not followed: they could carry the key elsewhere."""
    content = None if call.body is None else json.dumps(call.body, allow_nan=False).encode()
    headers = dict(call.headers) | ({"Content-Type": "application/json"} if content else {})
    timeout = httpx.Timeout(READ_TIMEOUT + call.wait, connect=CONNECT_TIMEOUT)
    return {
        "method": call.method,
        "url": call.path,
        "params": call.params or None,
        "headers": headers,
        "content": content,
        "timeout": timeout,
    }


def _add(body: bytearray, part: bytes) -> None:
    if len(body) + len(part) > MAX_REPLY:
        raise TooLarge("the server's answer is too large", expected=f"at most {MAX_REPLY} bytes", got="more")
    body += part


def _reply(response: httpx.Response, body: bytearray) -> Reply:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Reply(response.status_code, headers, bytes(body))


def _unreachable(url: httpx.URL, error: httpx.TransportError) -> Unavailable:
    return Unavailable(
        "no answer from the server",
        pointer=str(url),
        got=str(error) or type(error).__name__,
        hint="Check the URL and that the server runs.",
    )
