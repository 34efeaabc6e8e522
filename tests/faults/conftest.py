"""A running site whose services may be killed and frozen, and a buyer who asks it meanwhile.

Every test leaves the site as it found it: each service ready, each model answering and shown as serving.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from uuid import UUID, uuid4

import httpx
import psycopg2
import pytest

from assay.agreement.votes import Answered, Said
from assay.certificate import AgreementCertificate
from assay.verify import verify
from stack.chaos.faults import Victim, until
from stack.chaos.questions import Question, questions
from stack.chaos.records import Records, Stored

AMPLE = 60.0  # seconds of a deadline that is not meant to pass
BEYOND = 2  # seconds that the server is asked to wait longer than the deadline


class Buyer:
    """Asks over connections of its own; what became of it is read from the tables."""

    def __init__(self, site) -> None:
        users = json.loads(site.users.read_bytes())
        key = next(user["api_key"] for user in users if user["role"] == "buyer")
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._http = httpx.Client(base_url=site.market.url, headers=headers, timeout=90, trust_env=False)
        self._database = site.market.database
        self._records = Records(site)

    def close(self) -> None:
        self._http.close()

    def send(self, question: Question, key: str, *, deadline: float = AMPLE, wait: bool = True) -> httpx.Response:
        """The reply to one request, sent once."""
        body = {**question.asked, "deadline": deadline}
        headers = {"Idempotency-Key": key} | ({"Prefer": f"wait={math.ceil(deadline) + BEYOND}"} if wait else {})
        return self._http.post("/api/v1/predictions", content=json.dumps(body), headers=headers)

    def ask(self, question: Question, **how) -> dict:
        reply = self.send(question, str(uuid4()), **how)
        assert reply.status_code == 201, reply.text
        return reply.json()

    def agreed(self, question: Question, **how) -> AgreementCertificate:
        """A group's answer, checked as its buyer would: pinned to the genesis, about this input."""
        answer = self.ask(question, **how)
        assert answer["certificate"], answer
        document = self._http.get(f"/api/v1/certificates/{answer['certificate']['sha256']}.cbor").content
        report = verify(document, question.trust, inputs=question.tensors, salt=bytes.fromhex(answer["salt"]))
        report.require(pinned=True)
        return report.certificate

    def agreed_by_all(self, question: Question) -> AgreementCertificate:
        """The same, once no member is too slow for the others."""

        def look() -> AgreementCertificate | None:
            certificate = self.agreed(question)
            return certificate if all(isinstance(each, Answered) for each in said(certificate).values()) else None

        return until(look, f"all members of {question.name} vote")

    def all_serve(self) -> bool:
        """Whether the catalogue says so of every model; health is asked after every few seconds."""
        return all(model["serving"] for model in self._http.get("/api/v1/models?limit=50").json()["results"])

    def stored(self, key: str) -> Stored | None:
        return self._records.of_load(key).get(key)

    def taken(self, key: str) -> Stored:
        """The prediction under `key`, once a worker has it."""
        return self._once(key, "dispatched", lambda stored: stored.status == "dispatched")

    def ended(self, key: str) -> Stored:
        return self._once(key, "ended", lambda stored: stored.completed is not None)

    def _once(self, key: str, what: str, holds) -> Stored:
        def look() -> Stored | None:
            stored = self.stored(key)
            return stored if stored is not None and holds(stored) else None

        return until(look, f"{key} is {what}")

    @contextmanager
    def held(self, prediction: UUID) -> Iterator[None]:
        """Nobody can write to the prediction inside the block."""
        with closing(psycopg2.connect(self._database)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT FROM predictions_prediction WHERE id = %s FOR UPDATE", [str(prediction)])
            yield


@pytest.fixture
def buyer(site):
    buyer = Buyer(site)
    yield buyer
    buyer.close()


@pytest.fixture
def one(site) -> dict[str, Question]:
    """A question for each model, by `owner/name`, and for each group, by its name; of one row."""
    return {each.name: each for each in reversed(questions(site))}


@pytest.fixture
def victim(site, manager, one, buyer):
    """A service by its name; after the test everything is as it was."""
    yield lambda name: Victim(manager, name)
    for question in one.values():
        assert buyer.ask(question)["status"] == "certified"
        if question.kind == "group":
            buyer.agreed_by_all(question)
    until(buyer.all_serve, "every model is shown as serving")


def said(certificate: AgreementCertificate) -> dict[str, Said]:
    """What each member said, by its owner."""
    evidence = certificate.evidence
    owners = [member.owner for member in evidence.configuration.members]
    return dict(zip(owners, evidence.ended.said, strict=True))
