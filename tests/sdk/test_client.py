"""The client against a server that answers as the API does, or lies: nothing unchecked is ever returned."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import httpx
import msgspec
import numpy as np
import pytest

from assay import AsyncClient, Client, oip
from assay.certificate import parse
from assay.errors import AssayError, DeadlineExceeded, NotVerified, Refused, TooLarge, Unavailable
from assay.tensor import Tensor
from assay.verify import Trust

KEY = "assay_0123456789"


class Server:
    """The API's shapes over one sample; `script` holds replies to give first, in order."""

    def __init__(self, sample, *script):
        self.sample = sample
        self.certificate = sample.certificate
        self.script = list(script)
        self.requests = []
        self.changes = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.script:
            reply = self.script.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply
        if request.url.path == "/api/v1/predictions":
            return httpx.Response(201, json=self.prediction())
        if request.url.path.startswith("/api/v1/predictions/"):
            return httpx.Response(200, json=self.prediction())
        if request.url.path == f"/api/v1/certificates/{self.certificate.id.hex()}":
            return httpx.Response(200, content=self.certificate.to_cbor())
        return problem(404, code="not-found", detail="there is no such thing")

    def prediction(self, **changes):
        statement = self.sample.certificate.statement
        digest = self.certificate.id.hex()
        return {
            "id": str(self.request_id),
            "status": "certified",
            "target": statement.target,
            "outputs": [oip.to_json(tensor) for tensor in statement.outputs],
            "answer": {"label": "one"},
            "verification": {
                "mode": "direct",
                "outcome": "answered",
                "provider": self.sample.provider,
                "caveats": [],
            },
            "certificate": {"id": digest, "url": f"/certificates/{digest}", "sha256": digest},
            "salt": self.sample.salt.hex(),
            "timings": {"total": 12},
            "created": "2026-09-21T14:13:20Z",
            "completed": "2026-09-21T14:13:21Z",
            "error": None,
            **self.changes,
            **changes,
        }

    @property
    def request_id(self):
        import uuid

        return uuid.UUID(bytes=self.sample.certificate.statement.request)


def problem(status, *, headers=None, **fields):
    document = {"type": f"/problems/{fields.get('code', 'about')}", "title": "No", "status": status, **fields}
    return httpx.Response(status, content=json.dumps(document), headers=headers)


def client(server, pauses=None, **options):
    pauses = [] if pauses is None else pauses
    transport = httpx.MockTransport(server)
    return Client("http://assay.test", KEY, transport=transport, sleep=pauses.append, **options)


def ask(server, **options):
    with client(server) as assay:
        return assay.predict("demo/digits", **({"image": server.sample.content} | options))


def test_an_answer_comes_back_with_its_certificate_checked(sample):
    server = Server(sample)
    prediction = ask(server, trust=Trust.of([sample.provider]))
    assert [each.text for each in prediction.answers] == ["one"]
    assert prediction.report.exit_code == 0
    assert prediction.outputs == sample.certificate.statement.outputs
    assert prediction.receipt == sample.receipt
    post, get = server.requests
    assert json.loads(post.content)["model"] == "demo/digits"
    assert json.loads(post.content)["verification"] == {"mode": "direct"}
    assert post.headers["authorization"] == f"Bearer {KEY}"
    assert post.headers["idempotency-key"]
    assert post.headers["prefer"] == "wait=30"
    assert get.headers["accept"] == "application/cbor"


def test_without_a_named_anchor_the_answer_is_valid_but_unpinned(sample):
    assert ask(Server(sample)).report.pinned is None


def test_the_asynchronous_client_does_the_same(sample):
    server = Server(sample, httpx.Response(503))
    pauses = []

    async def sleep(seconds):
        pauses.append(seconds)

    async def predict():
        transport = httpx.MockTransport(server)
        async with AsyncClient("http://assay.test", KEY, transport=transport, sleep=sleep) as assay:
            return await assay.predict("demo/digits@1", image=sample.content, trust=Trust.of([sample.provider]))

    assert asyncio.run(predict()).report.exit_code == 0
    assert len(pauses) == 1


def test_tensors_may_be_sent_instead_of_a_picture(sample):
    assert ask(Server(sample), image=None, inputs=sample.inputs).report.input_matches


def test_a_decimal_in_a_row_is_sent_as_its_text(sample):
    server = Server(sample, problem(422, code="x"))
    with pytest.raises(Refused):
        ask(server, image=None, row={"a": Decimal("0.10"), "b": np.float32(0.5)})
    assert json.loads(server.requests[0].content)["inputs"][0]["content"] == {"a": "0.10", "b": "0.5"}


# --- a server that lies -----------------------------------------------------------------------------------


def resigned(sample, **changes):
    """The sample's certificate with its statement changed and honestly signed again by the same provider."""
    from assay import direct

    statement = msgspec.structs.replace(sample.certificate.statement, **changes)
    return direct.issue(sample.key, [statement])[0]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"target": "model:demo/other@1"}, "/statement/target"),
        ({"target": "model:demo/digits-2@1"}, "/statement/target"),
        ({"request": bytes(16)}, "/statement/request"),
        ({"input": bytes(32)}, "/statement/input"),
        ({"caveats": ()}, "/statement/caveats"),
        ({"outputs": (Tensor.of("label", np.array([2])),)}, "/outputs"),
    ],
)
def test_a_certificate_of_something_else_is_refused_though_truly_signed(sample, changes, where):
    server = Server(sample)
    server.certificate = resigned(sample, **changes)
    with pytest.raises(NotVerified) as refusal:
        ask(server)
    assert refusal.value.pointer.startswith(where)


def test_another_version_than_the_one_asked_is_refused(sample):
    with client(Server(sample)) as assay, pytest.raises(NotVerified, match="another request"):
        assay.predict("demo/digits@2", image=sample.content)


def test_another_mode_than_the_one_asked_is_refused(sample):
    with pytest.raises(NotVerified, match="another request"):
        ask(Server(sample), verify="agreement")


def test_a_provider_that_was_not_named_is_refused(sample):
    with pytest.raises(NotVerified) as refusal:
        ask(Server(sample), trust=Trust.of(["ab" * 32]))
    assert refusal.value.code == "not-pinned"


def test_outputs_that_are_not_the_certificates_are_refused(sample):
    server = Server(sample)
    server.changes = {"outputs": [oip.to_json(Tensor.of("label", np.array([2])))]}
    with pytest.raises(NotVerified) as refusal:
        ask(server)
    assert refusal.value.pointer == "/outputs"


def test_another_input_than_the_one_sent_is_refused(sample):
    zeros = Tensor.of("image", np.zeros((1, 64), np.float32))
    with pytest.raises(NotVerified) as refusal:
        ask(Server(sample), image=None, inputs=[zeros])
    assert refusal.value.code == "wrong-input"


def test_bytes_that_are_not_those_named_are_refused(sample):
    server = Server(sample)
    server.changes = {"certificate": {"id": "x", "url": "/", "sha256": "ab" * 32}}
    server.script = [
        httpx.Response(201, json=server.prediction()),
        httpx.Response(200, content=sample.certificate.to_cbor()),
    ]
    with pytest.raises(NotVerified, match="not the certificate's bytes"):
        ask(server)


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": None},
        {"salt": "12"},
        {"salt": "zz" * 32},
        {"certificate": None},
        {"certificate": {"sha256": "../../etc"}},
        {"id": "../../x"},
        {"outputs": None},
        {"outputs": [{"name": "label"}]},
        {"status": 7},
        {"timings": []},
    ],
)
def test_a_malformed_answer_is_an_error_of_ours_and_no_answer(sample, changes):
    server = Server(sample)
    server.changes = changes
    with pytest.raises(AssayError):
        ask(server)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"\xff", b"[" * 100_000])
def test_a_server_that_speaks_something_else_is_unavailable(sample, content):
    with pytest.raises(Unavailable):
        ask(Server(sample, httpx.Response(201, content=content)))


def test_an_endless_answer_is_cut_off(sample, monkeypatch):
    monkeypatch.setattr("assay.client.MAX_REPLY", 1000)
    with pytest.raises(TooLarge):
        ask(Server(sample, httpx.Response(201, content=bytes(1001))))


def test_a_redirect_is_not_followed_with_the_key(sample):
    server = Server(sample, httpx.Response(302, headers={"location": "http://elsewhere.test/"}))
    with pytest.raises(Unavailable):
        ask(server)
    assert len(server.requests) == 1


# --- trying again -----------------------------------------------------------------------------------------


def test_a_lost_answer_is_asked_for_again_under_the_same_key(sample):
    server = Server(sample, httpx.ReadError("lost"), problem(502), problem(409, code="idempotency-in-flight"))
    pauses = []
    with client(server, pauses) as assay:
        assay.predict("demo/digits", image=sample.content)
    keys = {request.headers["idempotency-key"] for request in server.requests[:4]}
    assert len(keys) == 1
    assert len(pauses) == 3
    assert pauses[0] < pauses[1] < pauses[2] <= 1


def test_each_prediction_has_a_key_of_its_own(sample):
    server = Server(sample)
    ask(server)
    ask(server)
    keys = [each.headers["idempotency-key"] for each in server.requests if each.method == "POST"]
    assert len(set(keys)) == 2


def test_the_server_may_say_how_long_to_wait(sample):
    server = Server(
        sample, problem(429, headers={"retry-after": "7"}), problem(503, headers={"retry-after": "9999"})
    )
    pauses = []
    with client(server, pauses) as assay:
        assay.predict("demo/digits", image=sample.content)
    assert pauses == [7, 30]


def test_giving_up_says_what_the_last_attempt_said(sample):
    server = Server(sample, *[httpx.ConnectError("refused")] * 20)
    with pytest.raises(Unavailable, match="refused"):
        ask(server)
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Refused), (401, Refused), (404, Refused), (413, TooLarge), (422, Refused), (500, Unavailable)],
)
def test_a_problem_document_becomes_the_error_it_was_with_all_its_fields(sample, status, kind):
    fields = {
        "code": "wrong-shape",
        "detail": "wrong shape",
        "pointer": "/inputs/0/shape",
        "expected": "[1, 64]",
        "got": "[1, 63]",
        "hint": "Send 64 values.",
    }
    server = Server(sample, problem(status, **fields))
    with pytest.raises(kind) as error:
        ask(server)
    assert error.value.fields() == fields
    assert len(server.requests) == 1


# --- waiting ----------------------------------------------------------------------------------------------


def test_a_prediction_under_way_is_polled_until_it_completes(sample):
    server = Server(sample)
    under_way = server.prediction(completed=None, certificate=None, outputs=None, status="dispatched")
    server.script = [httpx.Response(201, json=under_way), httpx.Response(200, json=under_way)]
    pauses = []
    with client(server, pauses) as assay:
        assert assay.predict("demo/digits", image=sample.content).status == "certified"
    polls = [request for request in server.requests if request.url.path.endswith(str(server.request_id))]
    assert [request.headers["prefer"] for request in polls] == ["wait=30", "wait=30"]
    assert pauses == [0.5, 0.5]


def test_a_prediction_that_takes_too_long_ends_with_its_id(sample):
    server = Server(sample)
    server.changes = {"completed": None, "status": "dispatched"}
    with pytest.raises(DeadlineExceeded) as error:
        ask(server, timeout=0)
    assert error.value.pointer == str(server.request_id)


@pytest.mark.parametrize(("status", "kind"), [("failed", Unavailable), ("expired", DeadlineExceeded)])
def test_a_prediction_that_ended_without_an_answer_raises_its_reason(sample, status, kind):
    server = Server(sample)
    error = {"code": "no-node", "detail": "no node serves this model", "pointer": "node-1"}
    server.changes = {"status": status, "error": error, "certificate": None, "outputs": None}
    with pytest.raises(kind) as raised:
        ask(server)
    assert raised.value.fields() == error


# --- what the caller gets wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"image": None},
        {"row": [1]},
        {"image": None, "row": {"a": float("nan")}},
        {"image": None, "inputs": [Tensor("x", "FP32", (2,), b"")]},
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent(sample, options):
    server = Server(sample)
    with pytest.raises(Refused):
        ask(server, **options)
    assert not server.requests


@pytest.mark.parametrize("target", ["digits", "demo/digits/x", "../x", "demo/digits@", "demo/..%2f", "Demo/x", ""])
def test_a_wrong_target_is_refused_before_anything_is_sent(sample, target):
    server = Server(sample)
    with client(server) as assay, pytest.raises(Refused):
        assay.predict(target, image=sample.content)
    assert not server.requests


# --- the catalogue and certificates -----------------------------------------------------------------------


def test_the_catalogue_is_read_page_by_page(sample):
    pages = [
        {"next": "abc", "total": 2, "results": [{"name": "a"}]},
        {"next": None, "total": 2, "results": [{"name": "b"}]},
    ]
    server = Server(sample, *[httpx.Response(200, json=page) for page in pages])
    with client(server) as assay:
        assert [card["name"] for card in assay.models("digit")] == ["a", "b"]
    assert [str(request.url) for request in server.requests] == [
        "http://assay.test/api/v1/models?q=digit",
        "http://assay.test/api/v1/models?q=digit&cursor=abc",
    ]


def test_a_certificate_is_fetched_by_its_digest(sample):
    server = Server(sample)
    with client(server) as assay:
        assert parse(assay.certificate(sample.certificate.id.hex())) == sample.certificate
        for wrong in ("", "ab", "../" + "a" * 61, "A" * 64):
            with pytest.raises(Refused):
                assay.certificate(wrong)


def test_the_key_is_not_in_what_is_printed(sample):
    assert KEY not in repr(client(Server(sample))) + str(vars(client(Server(sample))))
