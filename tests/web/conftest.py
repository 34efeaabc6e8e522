"""A shop with something in every shelf, and browsers without a screen: one for each of the cast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assay import oip
from assay.errors import Unavailable
from marketplace.accounts import actions as accounts
from marketplace.accounts.models import ApiKey
from marketplace.catalogue.models import Deployment, ModelVersion, Node, Upload
from marketplace.certificates.actions import prepare
from marketplace.predictions import actions, questions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.conftest import broker, cast, quick_passwords, silence, static_root  # noqa: F401
from tests.marketplace.people import Cast, Person
from verification.mode import Job, Target

FINDINGS = [
    {"level": "info", "code": "rows-not-compared", "detail": "rows were not compared"},
    {
        "level": "error",
        "code": "unknown-operator",
        "detail": "not one of the standard's operators",
        "node": "/encoder/3",
        "operator": "com.acme.<b>Fused</b>",
        "pointer": "/graph/node/17",
        "modes_ruled_out": ["refereed", "proof"],
    },
]


@pytest.fixture(autouse=True)
def plain_static_files(settings):
    """Unhashed names: nothing is collected for tests. test_static_files.py does the real thing."""
    backend = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": backend}


@dataclass
class Shop:
    """What there is to see: asha offers digits from a node, bela has asked it twice, once in vain."""

    cast: Cast
    version: ModelVersion
    rejected: ModelVersion
    uploading: ModelVersion
    node: Node
    deployment: Deployment
    certified: Prediction
    failed: Prediction
    key: ApiKey

    @property
    def certificate(self) -> str:
        assert self.certified.certificate
        return self.certified.certificate.hex


@pytest.fixture
def shop(cast) -> Shop:  # noqa: F811
    version = answering.digits(cast.asha)
    version.metrics = [
        {"name": "accuracy", "value": 0.9861, "dataset": "held-out", "rows": 360, "sha256": "00" * 32}
    ]
    version.examples = [{"title": "a three", "inputs": [answering.a_three()]}]
    version.save()
    node = answering.deployed(version, cast.node_key)
    more = {"model": version.model, "weights": "delivered", "created_by": cast.asha.user}
    rejected = ModelVersion.objects.create(number=2, state="rejected", report={"findings": FINDINGS}, **more)
    uploading = ModelVersion.objects.create(number=3, state="uploading", size=100, **more)
    Upload.objects.create(version=uploading, size=100, received=40)
    return Shop(
        cast,
        version,
        rejected,
        uploading,
        node,
        version.deployments.get(),
        certified(cast, cast.bela),
        failed(cast.bela),
        accounts.create_key(cast.bela.actor, "report")[0],
    )


def asked(person: Person, **changes: Any) -> Prediction:
    body = Body(**answering.request(**changes))
    return actions.create(person.actor, questions.read(person.actor, body))


def certified(cast: Cast, person: Person, **changes: Any) -> Prediction:  # noqa: F811
    """A prediction whose certificate a node really signed."""
    prediction = asked(person, **changes)
    inputs = answering.stored_inputs(prediction)
    job: Job[Any] = Job(
        prediction.pk.bytes, Target(prediction.target, ()), None, inputs, bytes(prediction.salt), 2**40
    )
    signed = prepare(answering.certificate(cast.node_key, job))
    actions.apply([Change(prediction.pk, Status.DISPATCHED)])
    actions.apply([Change(prediction.pk, Status.CERTIFIED, certificate=signed)])
    return Prediction.objects.select_related("certificate").get(pk=prediction.pk)


def failed(person: Person) -> Prediction:
    prediction = asked(person)
    error = Unavailable("no node serves this model now", pointer="cellar.test:1", hint="Try again later.")
    actions.apply([Change(prediction.pk, Status.FAILED, error=error)])
    return Prediction.objects.get(pk=prediction.pk)


def browser(person: Person | None = None) -> Client:
    """Signed in as `person`, or nobody."""
    client = Client(headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    if person is not None:
        client.force_login(person.user)
    return client


def url(name: str, *args: Any) -> str:
    return reverse(f"web:{name}", args=args)


def tensors(inputs: list[dict[str, Any]]) -> tuple[Any, ...]:
    return oip.list_from_json(inputs)
