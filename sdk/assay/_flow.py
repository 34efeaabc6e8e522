"""Talking to the API without doing I/O: a flow is a generator that yields what it needs and returns its result.

It yields a `Call` and is sent a `Reply`, or the `Unavailable` that came instead; it yields a `Pause` and is sent
nothing. The synchronous and the asynchronous client drive the same flows.
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from assay.errors import AssayError, DeadlineExceeded, PaymentRequired, Refused, TooLarge, Unavailable
from assay.jsonform import convert
from assay.money import Money

T = TypeVar("T")

ATTEMPTS = 6  # of one call
FIRST_DELAY = 0.25  # seconds before the second attempt, twice as many before each further one
LONGEST_DELAY = 30.0
RETRIED = frozenset({429, 502, 503, 504})
IN_FLIGHT = "idempotency-in-flight"  # a 409: the same call is being carried out
FIELDS = ("code", "pointer", "expected", "got", "hint")
MAX_REPLY = 192 * 1024 * 1024  # bytes; the largest certificate in JSON


@dataclass(frozen=True)
class Call:
    """One HTTP request. Only calls that may safely be made twice are made at all (see `send`).

    `harmless`: a POST that changes nothing that matters, however often it is carried out.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None  # of JSON
    wait: float = 0  # seconds that the server was asked to hold the answer back
    harmless: bool = False


@dataclass(frozen=True)
class Pause:
    seconds: float


@dataclass(frozen=True)
class Reply:
    """One HTTP response, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> dict[str, Any]:
        """The object in the body. Raises Unavailable: an API that does not speak JSON is not there."""
        try:
            plain = json.loads(self.content)
        except (ValueError, RecursionError):
            plain = None
        if not isinstance(plain, dict):
            raise Unavailable(
                "the server's answer is not a JSON object",
                expected="an Assay server",
                got=f"HTTP {self.status}, {self.headers.get('content-type', 'no content type')}",
                hint="Check the URL.",
            )
        return plain


Flow = Generator[Call | Pause, "Reply | Unavailable | None", T]


def send(call: Call) -> Flow[Reply]:
    """The reply to a call, tried again with back-off while the server cannot serve.

    Every call is idempotent: GET by nature, POST by its Idempotency-Key, under which the server carries it out
    once. Raises what `problem` makes of an error.
    """
    if call.method == "POST" and "Idempotency-Key" not in call.headers and not call.harmless:
        raise Refused("a POST must carry an Idempotency-Key", expected="Idempotency-Key", got="none")
    for attempt in range(1, ATTEMPTS):
        reply = yield call
        if isinstance(reply, Reply) and not _passing(reply):
            break
        yield Pause(_delay(attempt, reply))
    else:
        reply = yield call
    if not isinstance(reply, Reply):
        raise reply or Unavailable("no answer")
    if reply.status >= 400:
        raise problem(reply)
    return reply


def _passing(reply: Reply) -> bool:
    """Whether the same call may be answered otherwise in a moment."""
    return reply.status in RETRIED or (reply.status == 409 and problem(reply).code == IN_FLIGHT)


def _delay(attempt: int, reply: Reply | Unavailable | None) -> float:
    """Seconds: what the server asks for, or exponential back-off with jitter so that clients spread out."""
    asked = reply.headers.get("retry-after", "") if isinstance(reply, Reply) else ""
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:6]), LONGEST_DELAY)
    return FIRST_DELAY * 2.0 ** (attempt - 1) * random.uniform(0.5, 1)  # noqa: S311  # nosec B311  # spreads load, hides nothing


def problem(reply: Reply) -> AssayError:
    """A problem document (RFC 9457) as the error it was."""
    try:
        document = reply.json()
    except Unavailable:
        document = {}
    error = as_error(kind_of(reply.status), document, f"the server answered HTTP {reply.status}")
    if isinstance(error, PaymentRequired) and "missing" in document:
        with suppress(Refused):
            error.missing = convert(document["missing"], Money)
    return error


def as_error(kind: type[AssayError], document: Mapping[str, Any], detail: str) -> AssayError:
    """An error of this kind with all the fields of a problem document; `detail` where it has none."""
    known = {name: str(document[name]) for name in FIELDS if document.get(name)}
    return kind(str(document.get("detail") or document.get("title") or detail), **known)


def kind_of(status: int) -> type[AssayError]:
    match status:
        case 402:
            return PaymentRequired
        case 413:
            return TooLarge
        case 408 | 504:
            return DeadlineExceeded
        case 429:
            return Unavailable
        case _:
            return Refused if status < 500 else Unavailable
