"""A model that can be asked and nodes that answer it, without a network: what tests of predictions stand on.

The nodes sign real certificates with real keys, so everything behind them is checked as it is in earnest.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from assay import direct
from assay.errors import AssayError, Unavailable
from assay.keys import PrivateKey
from assay.model import ImagePreprocessing, Interface, ModelReference, Port, input_digest
from assay.tensor import Tensor
from marketplace.catalogue.interfaces import plain
from marketplace.catalogue.models import Deployment, Model, ModelVersion, Node, Offer
from marketplace.certificates.actions import Prepared, prepare
from marketplace.predictions import actions, stored
from marketplace.predictions.changes import Change
from marketplace.predictions.dispatch import Dispatcher
from marketplace.predictions.models import Prediction, Status
from verification.ends import CERTIFIED, Ending
from verification.mode import Job, Provider, Target

LABELS = tuple("0123456789")
INTERFACE = Interface(
    task="classification",
    inputs=(Port(name="image", datatype="FP32", shape=(-1, 64)),),
    outputs=(
        Port(name="label", datatype="INT64", shape=(-1,)),
        Port(name="scores", datatype="FP32", shape=(-1, 10)),
    ),
    labels=LABELS,
    preprocessing=ImagePreprocessing(input="image", height=8, width=8, levels=16, invert=True),
)
REFERENCE = ModelReference(digest=b"\x0d" * 32, interface=INTERFACE)


def digits(owner, slug: str = "digits", published: bool = True) -> ModelVersion:
    """A model that tells digits apart, as it stands once its owner has published it."""
    model = Model.objects.create(
        organisation=owner.organisation, slug=slug, title="Digits", task="classification", visibility="public"
    )
    version = ModelVersion.objects.create(
        model=model,
        number=1,
        state="published" if published else "ready",
        weights="delivered",
        digest=REFERENCE.digest,
        commitment=REFERENCE.commitment,
        interface=plain(INTERFACE),
        created_by=owner.user,
    )
    if published:
        model.published_version = version
        model.save()
        Offer.objects.create(model=model, mode="direct")
    return version


def deployed(version: ModelVersion, key: PrivateKey, name: str = "cellar") -> Node:
    """A node that serves it, as the table says."""
    node = Node.objects.create(
        organisation=version.model.organisation,
        name=name,
        key=key.public.raw,
        address=f"{name}.test:1",
        serving=True,
    )
    Deployment.objects.create(version=version, node=node, state="serving")
    return node


def a_three() -> dict[str, Any]:
    """An input in the form of the API; the model below says it is a 3."""
    return {"name": "image", "datatype": "FP32", "shape": [1, 64], "data": [3.0] * 64}


def request(**changes: Any) -> dict[str, Any]:
    """A request for a prediction that is in order, but for `changes`."""
    return {
        "model": "asha/digits",
        "inputs": [a_three()],
        "verification": {"mode": "direct"},
        "deadline": 20,
    } | changes


@dataclass
class FakeNodes:
    """`verification.mode.Nodes`: whoever's key is here answers; a request id once and for ever the same."""

    keys: list[PrivateKey]
    down: set[bytes] = field(default_factory=set)  # public keys of nodes that cannot be reached
    refusing: AssayError | None = None
    asked: Counter[bytes] = field(default_factory=Counter)  # by request id
    worked: Counter[bytes] = field(default_factory=Counter)  # answers that were made, not repeated
    answered: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)

    async def submit(self, provider: Provider, job: Job[Any]) -> bytes:
        self.asked[job.request] += 1
        key = next(key for key in self.keys if key.public == provider.key)
        if provider.key.raw in self.down:
            raise Unavailable("unplugged", pointer=provider.address)
        if self.refusing is not None:
            raise self.refusing
        known = (key.public.raw, job.request)
        if known not in self.answered:
            self.worked[job.request] += 1
            self.answered[known] = certificate(key, job).to_cbor()
        return self.answered[known]

    async def close(self) -> None:
        pass


class Held(FakeNodes):
    """Nodes that think until they are let go."""

    def __init__(self, keys: list[PrivateKey]) -> None:
        super().__init__(keys)
        self._asked, self._go = threading.Event(), threading.Event()

    async def submit(self, provider: Provider, job: Job[Any]) -> bytes:
        self._asked.set()
        await asyncio.to_thread(self._go.wait, 30)
        return await super().submit(provider, job)

    def wait_for_a_question(self) -> None:
        assert self._asked.wait(30)

    def let_go(self) -> None:
        self._go.set()


def certificate(key: PrivateKey, job: Job[Any], **changes: Any) -> Any:
    """What an honest node answers: the label is the first pixel."""
    pixels = job.inputs[0].array()
    labels = np.clip(pixels[:, 0], 0, 9).astype(np.int64)
    scores = np.eye(10, dtype=np.float32)[labels]
    statement = direct.statement(
        job.request,
        target=changes.get("target", job.target.name),
        model=REFERENCE,
        input_digest=input_digest(changes.get("salt", job.salt), job.inputs),
        outputs=(Tensor.of("label", labels), Tensor.of("scores", scores)),
        time_ms=int(time.time() * 1000),
    )
    return direct.issue(key, [statement])[0]


class NoGroups:
    """For tests in which no group is asked."""

    async def decide(self, job: Job[Any], least: int) -> Any:
        raise AssertionError(f"{job.target.name} is asked for {least} votes")

    def follow(self, target: Target) -> None:
        pass

    async def close(self) -> None:
        pass


@contextmanager
def dispatching(nodes: Any, capacity: int = 64, worker: str = "tests", groups: Any = None):
    """A worker's dispatcher, at work as long as the block runs."""
    dispatcher = Dispatcher(worker, lambda: (nodes, groups or NoGroups()), capacity)
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop()


def stored_inputs(prediction: Any) -> tuple[Tensor, ...]:
    return stored.tensors(bytes(prediction.inputs))


def signed(key: PrivateKey, prediction: Any) -> Prepared:
    """The certificate that an honest node gives for a prediction, ready to be stored."""
    inputs, salt = stored_inputs(prediction), bytes(prediction.salt)
    job: Job[Any] = Job(prediction.pk.bytes, Target(prediction.target, ()), None, inputs, salt, 2**40)
    return prepare(certificate(key, job))


def end(key: PrivateKey, prediction: Any, ending: Ending = CERTIFIED) -> Any:
    """Ends a prediction as a worker would; as it then stands."""
    status = Status(ending.status)
    document = signed(key, prediction) if status in (Status.CERTIFIED, Status.CONTESTED) else None
    error = AssayError("because") if status in (Status.FAILED, Status.EXPIRED) else None
    actions.apply([Change(prediction.pk, Status.DISPATCHED)])
    actions.apply([Change(prediction.pk, status, certificate=document, error=error, ending=ending)])
    return Prediction.objects.select_related("certificate", "hold").get(pk=prediction.pk)
