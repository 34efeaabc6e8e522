"""From a data set and a kind of model to an ONNX file, what it measures, and its card."""

from __future__ import annotations

import warnings
from typing import Any

import msgspec
import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType

from assay import oip
from assay.digest import sha256
from assay.model import Interface
from assay.tensor import Tensor
from demo.catalogue import Estimator, Owner
from demo.datasets import Dataset
from demo.entries import Entry

OPSETS = {"": 18, "ai.onnx.ml": 3}


def fitted(owner: Owner, dataset: Dataset) -> Estimator:
    """A model of the owner's kind, trained on all but the held-out part."""
    estimator = (owner.classifier if dataset.interface.labels else owner.regressor)()
    rows, targets = dataset.train
    return estimator.fit(rows, targets)


def export(estimator: Estimator, interface: Interface) -> bytes:
    """The estimator as an ONNX file with exactly the interface's inputs and outputs."""
    port = interface.inputs[0]
    options = {"zipmap": False} if interface.labels else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converter's own deprecations
        model = to_onnx(
            estimator,
            initial_types=[(port.name, FloatTensorType([None, *port.shape[1:]]))],
            options={id(estimator): options} if options else None,
            target_opset=OPSETS,
        )
    _rename_outputs(model, [port.name for port in interface.outputs])
    content: bytes = model.SerializeToString()
    return content


def _rename_outputs(model: Any, names: list[str]) -> None:
    new = {output.name: name for output, name in zip(model.graph.output, names, strict=True)}
    for output in model.graph.output:
        output.name = new[output.name]
    for node in model.graph.node:
        node.output[:] = [new.get(name, name) for name in node.output]
        node.input[:] = [new.get(name, name) for name in node.input]


def measure(model: bytes, dataset: Dataset) -> dict[str, float]:
    """How the ONNX file does on the held-out part."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    rows, targets = dataset.held_out
    answers = session.run(None, {dataset.interface.inputs[0].name: rows})[0].reshape(-1)
    if dataset.interface.labels:
        return {"accuracy": float(np.mean(answers == targets))}
    error = answers - targets
    return {
        "r2": float(1 - np.sum(error**2) / np.sum((targets - targets.mean()) ** 2)),
        "mean-absolute-error": float(np.mean(np.abs(error))),
    }


def labelled_name(dataset: Dataset) -> str:
    return f"{dataset.slug}.labelled.json"


def labelled(dataset: Dataset) -> bytes:
    """The held-out part: inputs as in a request, and the right answer for each row."""
    rows, targets = dataset.held_out
    tensor = Tensor.of(dataset.interface.inputs[0].name, rows)
    labels: list[Any] = (
        [dataset.interface.labels[i] for i in targets] if dataset.interface.labels else targets.tolist()
    )
    return msgspec.json.encode({"inputs": [oip.to_json(tensor)], "labels": labels})


def entry(owner: Owner, dataset: Dataset, model: bytes) -> Entry:
    """What `owner` says about `model`."""
    metrics = measure(model, dataset)
    return Entry(
        owner=owner.slug,
        slug=dataset.slug,
        title=dataset.title,
        summary=f"{dataset.task}. {owner.kind} by {owner.name}.",
        card=_card(owner, dataset, metrics),
        licence="CC-BY-4.0" if dataset.interface.labels else "BSD-3-Clause",
        dataset=f"{dataset.title}, held-out quarter",
        labelled=labelled_name(dataset),
        model=f"{owner.slug}-{dataset.slug}.onnx",
        digest=sha256(model).hex(),
        interface=dataset.interface,
        metrics=metrics,
    )


def _card(owner: Owner, dataset: Dataset, metrics: dict[str, float]) -> str:
    ours, theirs = len(dataset.train[1]), len(dataset.held_out[1])
    figures = "\n".join(f"| {name} | {figure(name, value)} |" for name, value in metrics.items())
    return f"""{dataset.task}.

## Model

{owner.how} Trained by {owner.name} on {ours:,} rows.

## Data

{dataset.about}

## Measured

On {theirs} rows held out of training, by running this file:

| figure | value |
|---|---|
{figures}

## Limits

{dataset.limits}
"""


def figure(name: str, value: float) -> str:
    return f"{value:.1%}" if name == "accuracy" else f"{value:.3g}"
