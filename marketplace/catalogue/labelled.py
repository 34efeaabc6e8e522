"""Labelled sets: inputs as a prediction takes them, with the right answer for each row, and how good answers were.

A set is `{"inputs": [...], "labels": [...]}`: the inputs of one request for all rows, and a label of the model's
(classification) or a number (regression) for each.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from assay.answer import answers
from assay.errors import Refused, TooLarge
from assay.model import Interface
from assay.oip import to_json
from assay.preprocessing import from_payload
from assay.tensor import Tensor

MAX_ROWS = 10_000
MAX_DOCUMENT = 64 * 1024 * 1024  # bytes of JSON
MAX_BYTES = 16 * 1024 * 1024  # of the tensors together

MEASURED = ("classification", "regression")  # tasks
DECIMALS = 6  # to which a metric is kept


class Labelled(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set that fits its model. `classes` holds the label's index or `values` the number, for each row."""

    inputs: tuple[Tensor, ...]  # in the interface's order
    classes: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def rows(self) -> int:
        return self.inputs[0].shape[0]

    def batch(self, start: int, stop: int) -> tuple[Tensor, ...]:
        """The inputs of some of the rows."""
        return tuple(Tensor.of(tensor.name, tensor.array()[start:stop]) for tensor in self.inputs)


class Metric(msgspec.Struct, frozen=True):
    """One figure; `value` is a share for accuracy, else in the unit of the label."""

    name: Annotated[str, msgspec.Meta(description="accuracy | mean-absolute-error | root-mean-square-error | r2")]
    value: float


def read(interface: Interface, content: bytes) -> Labelled:
    """Judges a set, given as JSON, against its model. Raises Refused or TooLarge naming the field."""
    if len(content) > MAX_DOCUMENT:
        raise TooLarge(
            "labelled set is too large", expected=f"at most {MAX_DOCUMENT} bytes", got=f"{len(content)}"
        )
    try:
        plain = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not JSON", code="invalid-json", expected="UTF-8 JSON", got=str(error)[:200]) from error
    if not isinstance(plain, dict) or plain.keys() != {"inputs", "labels"}:
        raise Refused("not a labelled set", expected='{"inputs": […], "labels": […]}')
    tensors, labels = from_payload(interface, plain["inputs"]), plain["labels"]
    rows, size = tensors[0].shape[0], sum(len(tensor.data) for tensor in tensors)
    if rows > MAX_ROWS or size > MAX_BYTES:
        raise TooLarge(
            "labelled set is too large",
            pointer="/inputs",
            expected=f"at most {MAX_ROWS} rows and {MAX_BYTES} bytes",
            got=f"{rows} rows, {size} bytes",
        )
    if not isinstance(labels, list) or len(labels) != rows:
        got = f"{len(labels)} labels" if isinstance(labels, list) else type(labels).__name__
        raise Refused("not one label for each row", pointer="/labels", expected=f"{rows} labels", got=got)
    match interface.task:
        case "classification":
            return Labelled(tensors, tuple(_class(interface, each, i) for i, each in enumerate(labels)), ())
        case "regression":
            return Labelled(tensors, (), tuple(_number(each, i) for i, each in enumerate(labels)))
        case _:
            raise Refused(
                "only classification and regression are measured",
                code="not-measurable",
                pointer="/inputs",
                expected=" | ".join(MEASURED),
                got=interface.task,
            )


def measure(interface: Interface, labelled: Labelled, outputs: Sequence[tuple[Tensor, ...]]) -> list[Metric]:
    """How well `outputs` (of the batches, in order, all rows covered) meet the labels."""
    if interface.task == "classification":
        chosen = [answer.index for batch in outputs for answer in answers(interface, batch)]
        right = sum(got == label for got, label in zip(chosen, labelled.classes, strict=True))
        return [Metric("accuracy", round(right / labelled.rows, DECIMALS))]
    got = np.concatenate([batch[0].array().reshape(-1).astype(np.float64) for batch in outputs])
    wanted = np.array(labelled.values)
    if got.shape != wanted.shape:
        raise Refused("not one number for each row", expected=str(wanted.shape), got=str(got.shape))
    with np.errstate(over="ignore", invalid="ignore"):
        error = got - wanted
        spread = float(np.sum((wanted - wanted.mean()) ** 2))
        metrics = {
            "mean-absolute-error": float(np.mean(np.abs(error))),
            "root-mean-square-error": math.sqrt(float(np.mean(error**2))),
        }
        if spread > 0:
            metrics["r2"] = 1 - float(np.sum(error**2)) / spread
    if not all(map(math.isfinite, metrics.values())):
        raise Refused("the figures are beyond what a number can hold", code="out-of-range", got=str(metrics))
    return [Metric(name, round(value, DECIMALS)) for name, value in metrics.items()]


def examples(interface: Interface, labelled: Labelled, count: int) -> list[dict[str, Any]]:
    """The first rows for the playground: `{"title", "inputs"}`, tensors as in the API."""
    shown = []
    for i in range(min(count, labelled.rows)):
        title = interface.labels[labelled.classes[i]] if labelled.classes else f"{labelled.values[i]:g}"
        shown.append({"title": title, "inputs": [to_json(tensor) for tensor in labelled.batch(i, i + 1)]})
    return shown


def _class(interface: Interface, label: Any, row: int) -> int:
    if isinstance(label, str) and label in interface.labels:
        return interface.labels.index(label)
    expected = " | ".join(interface.labels)[:200]
    raise Refused("not a label", pointer=f"/labels/{row}", expected=expected, got=repr(label)[:60])


def _number(label: Any, row: int) -> float:
    if type(label) in (int, float) and abs(label) <= sys.float_info.max:
        return float(label)
    raise Refused("not a number", pointer=f"/labels/{row}", expected="a finite number", got=repr(label)[:60])
