"""The API's operations as flows: what is sent, what comes back, and the check in between.

A prediction is returned only once its certificate has been checked here, against the input that was sent and the
target that was asked. The server is not believed about anything that the certificate says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from assay import jsonform, oip
from assay._flow import Call, Flow, Pause, as_error, send
from assay.answer import Answer, answers
from assay.certificate import AnyCertificate, parse
from assay.digest import sha256
from assay.errors import AssayError, DeadlineExceeded, NotVerified, Refused, Unavailable
from assay.money import Balance, Cost, Quote
from assay.preprocessing import JSON, PNG, from_payload, to_payload
from assay.receipt import Receipt, SaltText
from assay.tensor import Tensor
from assay.verify import Report, Trust, check

TARGET = re.compile(r"[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*(@[a-z0-9][a-z0-9._-]*)?")
GROUP = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
MODES = {"model": "direct", "group": "agreement"}  # in which each kind is asked where nothing else is said
LONGEST_WAIT = 30.0  # seconds that one call asks the server to wait for the end
POLL = 0.5  # seconds between polls of a server that answers at once

T = TypeVar("T")
Inputs = Sequence[Tensor | Mapping[str, Any]]
Row = Mapping[str, Any] | Sequence[Any]
Clock = Callable[[], float]  # seconds, never going back


@dataclass(frozen=True)
class Prediction:
    """An answer whose certificate has been checked. `outputs` are the certificate's.

    `cost` is what the server says was charged, and None where it was free: no certificate proves it.
    """

    id: UUID
    status: str
    target: str
    outputs: tuple[Tensor, ...]
    answers: tuple[Answer, ...]
    certificate: AnyCertificate
    report: Report
    salt: bytes
    timings: Mapping[str, Any]
    cost: Cost | None = None

    @property
    def receipt(self) -> Receipt:
        """What the buyer keeps: certificate and salt, which `assay verify` takes."""
        return Receipt.of(self.certificate, self.salt)


class _Reference(msgspec.Struct, frozen=True):
    sha256: str


class _Record(msgspec.Struct, frozen=True):
    """What is read of the server's answer; it may say more."""

    id: UUID
    status: str
    outputs: list[Any] | None = None
    certificate: _Reference | None = None
    salt: SaltText | None = None
    timings: dict[str, Any] = {}
    cost: Cost | None = None
    completed: str | None = None
    error: dict[str, Any] | None = None

    def salt_bytes(self) -> bytes:
        if self.salt is None:
            raise NotVerified("no salt came with the answer", pointer="/salt", expected="32 bytes", got="none")
        return bytes.fromhex(self.salt)


def payload(
    inputs: Inputs | None = None, image: bytes | Path | None = None, row: Row | None = None
) -> list[dict[str, Any]]:
    """The `inputs` of a request, as plain JSON, from exactly one of tensors, a PNG and a table row."""
    if sum(each is not None for each in (inputs, image, row)) != 1:
        raise Refused("pass exactly one of inputs, image and row", expected="one", got="none or several")
    if inputs is not None:
        return [oip.to_json(each.checked()) if isinstance(each, Tensor) else dict(each) for each in inputs]
    if image is not None:
        content = image.read_bytes() if isinstance(image, Path) else image
        return to_payload(content, PNG)
    try:
        plain = json.loads(json.dumps(row, default=str, allow_nan=False))  # a Decimal goes as its text
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(
            "not a table row", pointer="/row", expected="names and finite numbers", got=str(error)
        ) from error
    return [{"content_type": JSON, "content": plain}]


@dataclass(frozen=True)
class Asked:
    """What the caller wants: `inputs` as from `payload`, `timeout` in seconds, for everything."""

    kind: str  # model | group
    target: str  # owner/name or owner/name@version; a group's name
    inputs: list[dict[str, Any]]
    mode: str
    params: Mapping[str, int | str | bool]  # of the mode
    trust: Trust
    timeout: float
    idempotency_key: str
    quote: str = ""  # by its id
    most: int | None = None  # micro-units


def asked_of(target: str, group: str) -> tuple[str, str]:
    """Kind and name of what is asked. Raises Refused unless it is one thing, with a name that it can have."""
    if bool(target) == bool(group):
        raise Refused("ask either a model or a group", expected="one of them", got="both" if target else "neither")
    if target:
        _require_target(target)
        return "model", target
    _require_group(group)
    return "group", group


def predict(asked: Asked, clock: Clock) -> Flow[Prediction]:
    """Asks, waits, fetches the certificate, checks it.

    Raises NotVerified, DeadlineExceeded (the prediction may still complete), Refused, Unavailable.
    """
    end = clock() + asked.timeout
    wait = _wait(end, clock)
    verification = {"mode": asked.mode, **asked.params}
    body: dict[str, Any] = {asked.kind: asked.target, "inputs": asked.inputs, "verification": verification}
    if asked.quote:
        body["quote"] = asked.quote
    if asked.most is not None:
        body["most"] = asked.most
    headers = {"Idempotency-Key": asked.idempotency_key, "Prefer": f"wait={wait}"}
    reply = yield from send(Call("POST", "/api/v1/predictions", headers, body=body, wait=wait))
    record = _record(reply.json())
    while record.completed is None:
        record = yield from _poll(record, end, clock)
    if record.error is not None or record.certificate is None:
        raise _unanswered(record)
    document = yield from certificate(record.certificate.sha256)
    return _checked(asked, record, document)


def quote(
    kind: str, target: str, verification: Mapping[str, int | str | bool], rows: int, deadline: float | None
) -> Flow[Quote]:
    """What it would cost. `deadline`: seconds after which no answer would be wanted, where that matters."""
    body: dict[str, Any] = {kind: target, "verification": dict(verification), "rows": rows}
    if deadline is not None:
        body["deadline"] = deadline
    reply = yield from send(Call("POST", "/api/v1/quotes", body=body, harmless=True))
    return _converted(reply.json(), Quote, "not a quote")


def quote_id(quote: Quote | UUID | None) -> str:
    """As a request has it; empty for none."""
    return "" if quote is None else str(quote.id if isinstance(quote, Quote) else quote)


def balance() -> Flow[Balance]:
    """What the key's organisation has."""
    reply = yield from send(Call("GET", "/api/v1/balance"))
    return _converted(reply.json(), Balance, "not a balance")


def certificate(digest: str) -> Flow[bytes]:
    """A certificate's canonical bytes by their SHA-256 (64 hexadecimal digits). Raises NotVerified for others."""
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise Refused("not a certificate's name", expected="64 hexadecimal digits", got=repr(digest[:80]))
    reply = yield from send(Call("GET", f"/api/v1/certificates/{digest}", {"Accept": "application/cbor"}))
    if sha256(reply.content).hex() != digest:
        raise NotVerified(
            "these are not the certificate's bytes", expected=digest, got=sha256(reply.content).hex()
        )
    return reply.content


class Page(msgspec.Struct, frozen=True):
    """Some cards of models or groups, and the cursor of the next page."""

    results: list[dict[str, Any]] = []
    next: str | None = None


def models(query: str, cursor: str) -> Flow[Page]:
    """The first page of the catalogue, or the one that follows the page whose `next` was `cursor`."""
    params = {name: value for name, value in (("q", query), ("cursor", cursor)) if value}
    reply = yield from send(Call("GET", "/api/v1/models", params=params))
    return jsonform.convert(reply.json(), Page)


def model(target: str) -> Flow[dict[str, Any]]:
    """One model's card by `owner/name`."""
    _require_target(target)
    reply = yield from send(Call("GET", f"/api/v1/models/{target}"))
    return reply.json()


def groups(cursor: str) -> Flow[Page]:
    """The first page of the groups, or the one that follows the page whose `next` was `cursor`."""
    reply = yield from send(Call("GET", "/api/v1/groups", params={"cursor": cursor} if cursor else {}))
    return jsonform.convert(reply.json(), Page)


def group(slug: str) -> Flow[dict[str, Any]]:
    """One group by its name."""
    _require_group(slug)
    reply = yield from send(Call("GET", f"/api/v1/groups/{slug}"))
    return reply.json()


def _require_group(slug: str) -> None:
    if not GROUP.fullmatch(slug):
        raise Refused("not a group's name", pointer="/group", expected="a to z, 0 to 9 and -", got=repr(slug[:80]))


def _require_target(target: str) -> None:
    if not TARGET.fullmatch(target):
        raise Refused(
            "not a model's name",
            pointer="/model",
            expected="owner/name or owner/name@version",
            got=repr(target[:80]),
        )


def _wait(end: float, clock: Clock) -> int:
    return max(1, int(min(end - clock(), LONGEST_WAIT)))


def _record(plain: dict[str, Any]) -> _Record:
    return _converted(plain, _Record, "not a prediction")


def _converted(plain: dict[str, Any], kind: type[T], wrong: str) -> T:
    """Raises Unavailable: a server that says something else is not there."""
    try:
        return jsonform.convert(plain, kind)
    except Refused as error:
        raise Unavailable(wrong, pointer=error.pointer, got=error.detail) from error


def _poll(record: _Record, end: float, clock: Clock) -> Flow[_Record]:
    if clock() >= end:
        raise DeadlineExceeded(
            "the prediction did not complete in time",
            pointer=str(record.id),
            got=record.status,
            hint="It may still complete: ask for it again under its id, or allow more time.",
        )
    wait, asked = _wait(end, clock), clock()
    path = f"/api/v1/predictions/{record.id}"
    reply = yield from send(Call("GET", path, {"Prefer": f"wait={wait}"}, wait=wait))
    if clock() - asked < POLL:
        yield Pause(POLL)
    return _record(reply.json())


def _unanswered(record: _Record) -> AssayError:
    kind = DeadlineExceeded if record.status == "expired" else Unavailable
    document = {"pointer": str(record.id)} | (record.error or {})
    return as_error(kind, document, f"the prediction ended as {record.status}")


def _checked(asked: Asked, record: _Record, document: bytes) -> Prediction:
    """The prediction, once its certificate is known to be of this request, and true."""
    certificate, salt = parse(document), record.salt_bytes()
    statement = certificate.statement
    interface = certificate.interface
    _require_same_question(asked, record, certificate)
    report = check(certificate, asked.trust, inputs=from_payload(interface, asked.inputs), salt=salt)
    report.require()
    return Prediction(
        id=record.id,
        status=record.status,
        target=statement.target,
        outputs=statement.outputs,
        answers=answers(interface, statement.outputs),
        certificate=certificate,
        report=report,
        salt=salt,
        timings=record.timings,
        cost=record.cost,
    )


def _require_same_question(asked: Asked, record: _Record, certificate: AnyCertificate) -> None:
    """A valid certificate of something else would be a fine certificate of the wrong thing."""
    statement = certificate.statement
    named = statement.target if "@" in asked.target else statement.target.partition("@")[0]
    for what, expected, got in (
        ("mode", asked.mode, certificate.mode),
        ("statement/target", f"{asked.kind}:{asked.target}", named),
        ("statement/request", str(record.id), str(UUID(bytes=statement.request))),
        *((f"statement/params/{name}", value, statement.params.get(name)) for name, value in asked.params.items()),
    ):
        if got != expected:
            raise NotVerified(
                "the certificate answers another request",
                code="wrong-request",
                pointer=f"/{what}",
                expected=str(expected),
                got=str(got),
            )
    if oip.list_from_json(record.outputs, "/outputs") != statement.outputs:
        raise NotVerified(
            "the server's outputs are not the certificate's",
            code="wrong-output",
            pointer="/outputs",
            expected="the outputs in the certificate",
            got="others",
        )
