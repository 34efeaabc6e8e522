"""A small real model file, and what an owner does before there is something to test."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from assay import joining
from assay.keys import PrivateKey
from assay.model import Interface, NoPreprocessing, Port
from inference.validation import validate_sync
from marketplace.catalogue import actions, interfaces, peers, spool, validating
from marketplace.catalogue.interfaces import Declaration
from marketplace.catalogue.models import Deployment, ModelVersion, Offer
from marketplace.predictions import outbox
from verification.registry import MODES

LABELS = ("low", "middle", "high")
INTERFACE = Interface(
    task="classification",
    inputs=(Port(name="x", datatype="FP32", shape=(-1, 4)),),
    outputs=(Port(name="scores", datatype="FP32", shape=(-1, 3)),),
    labels=LABELS,
    preprocessing=NoPreprocessing(),
)


def onnx_bytes(columns: int = 4, classes: int = 3, operator: str = "Softmax") -> bytes:
    """x[rows, columns] · weights → scores[rows, classes]."""
    weights = np.linspace(-1, 1, columns * classes, dtype=np.float32).reshape(columns, classes)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "weights"], ["raw"], name="multiply"),
            helper.make_node(operator, ["raw"], ["scores"], name="last"),
        ],
        "tests",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", columns])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", classes])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


@pytest.fixture(scope="session")
def onnx_file() -> bytes:
    content = onnx_bytes()
    onnx.checker.check_model(onnx.load_from_string(content))
    return content


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    """A spool of each test's own; nodes may be anywhere."""
    settings.ENV = dataclasses.replace(settings.ENV, var=tmp_path, private_nodes=True)


@pytest.fixture
def model(cast):
    return actions.create_model(cast.asha.actor, "levels", "classification", title="Levels", licence="CC0-1.0")


@pytest.fixture
def declared() -> Declaration:
    return Declaration(task="classification", labels=LABELS)


@pytest.fixture
def uploading(cast, model, declared, onnx_file):
    """A version of which no byte has come yet."""
    return actions.begin_version(cast.asha.actor, model, len(onnx_file), declared)


@pytest.fixture(scope="session")
def onnx_report(onnx_file, tmp_path_factory):
    """What the examination says of it; really, but once."""
    path = tmp_path_factory.mktemp("examined") / "model.onnx"
    path.write_bytes(onnx_file)
    return validate_sync(path)


@pytest.fixture
def ready(uploading, onnx_file, onnx_report, monkeypatch):
    """A version that has been uploaded and has passed its check."""
    actions.receive(uploading, 0, [onnx_file])
    with monkeypatch.context() as patch:
        patch.setattr(validating, "validate_sync", lambda path: onnx_report)
        outbox.carry_out()
    uploading.refresh_from_db()
    assert uploading.state == ModelVersion.State.READY, uploading.report
    return uploading


@pytest.fixture
def marketplace_key(settings, tmp_path):
    """The marketplace's own key, as its workers have it."""
    path = tmp_path / "marketplace.key"
    key = PrivateKey.generate()
    key.save(path)
    settings.ENV = dataclasses.replace(settings.ENV, identity=path)
    peers.identity.cache_clear()
    yield key
    peers.identity.cache_clear()


def register(person, key: PrivateKey, address: str = "127.0.0.1:7001", name: str = "cellar"):
    proof = joining.prove(key, person.organisation.slug)
    return actions.register_node(person.actor, name, str(key.public), address, proof)


@pytest.fixture
def node(cast):
    """Asha's, at an address where nobody listens."""
    return register(cast.asha, cast.node_key)


@pytest.fixture
def wired(cast, marketplace_key):
    """A machine of Asha's that listens."""
    from tests.marketplace.catalogue.wired import wired

    with wired(cast.node_key, marketplace_key.public) as listening:
        yield listening


@pytest.fixture
def live(cast, wired):
    """Asha's node, registered at the address of that machine."""
    return register(cast.asha, cast.node_key, wired.address)


@pytest.fixture
def serving(ready, node):
    """As if the node had said that it serves the version; the tests of delivery have a real one."""
    node.serving = True
    node.save()
    return Deployment.objects.create(version=ready, node=node, state=Deployment.State.SERVING)


@pytest.fixture
def published(cast, ready, serving):
    return actions.publish(cast.asha.actor, ready)


@pytest.fixture
def many(cast):
    """Makes models in bulk, published, each with a version."""

    def make(count: int, owner=cast.asha, title="Model", state="published"):
        from marketplace.catalogue.models import Model

        models = Model.objects.bulk_create(
            Model(
                organisation=owner.organisation,
                slug=f"{title.lower()}-{i}",
                title=f"{title} {i}",
                task=("classification", "regression", "other")[i % 3],
                licence=("MIT", "CC0-1.0")[i % 2],
                visibility="public",
            )
            for i in range(count)
        )
        interface = interfaces.plain(INTERFACE)
        versions = ModelVersion.objects.bulk_create(
            ModelVersion(
                model=each, number=1, state=state, weights="delivered", interface=interface, created_by=owner.user
            )
            for each in models
        )
        for each, version in zip(models, versions, strict=True):
            each.published_version = version
        Model.objects.bulk_update(models, ["published_version"])
        Offer.objects.bulk_create(Offer(model=each, mode=next(iter(MODES))) for each in models)
        return models

    return make


def spooled(version) -> bool:
    return spool.path_of(version.upload.pk).exists()
