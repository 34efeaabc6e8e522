"""Which label each row was given, or which number; read from the interface, asking nobody."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from assay.agreement.group import DECIDED, FIRM
from assay.model import Interface
from assay.tensor import Tensor

MAX_VALUES = 8  # of one row, written out
CONTESTED = "contested"


class Answer(msgspec.Struct, frozen=True):
    """One row's answer: `text` is the label or the number; `index` and `score` are of the class chosen.

    Where a group's members did not agree on the row, it is `contested` and there is no answer.
    """

    text: str
    index: int | None = None
    score: float | None = None
    contested: bool = False


def answers(interface: Interface, outputs: tuple[Tensor, ...], most: int | None = None) -> tuple[Answer, ...]:
    """One answer per row, or for the first `most` rows, of `outputs`, which `interface.accept_outputs` accepted;
    none for no outputs, as where a group failed.

    In a classification the class is the first integer output with one value per row, or else the largest of an
    output with one value per label (the first of equals); the score is that output's value for the class. In
    anything else the answer is the first output's values.
    """
    if not outputs:
        return ()
    rows = [tensor.array().reshape(tensor.shape[0], -1)[:most] for tensor in outputs]
    if interface.outputs[1:] == (DECIDED, FIRM):
        return _of_a_group(interface, rows)
    return _of_a_model(interface, rows)


def classes(interface: Interface, outputs: tuple[Tensor, ...]) -> NDArray[Any] | None:
    """The class of each row as in `answers`, an integer that may have no label; None where no output tells."""
    rows = [tensor.array().reshape(tensor.shape[0], -1) for tensor in outputs]
    return _classes(rows, _scores(rows, len(interface.labels)))


def _of_a_group(interface: Interface, rows: list[NDArray[Any]]) -> tuple[Answer, ...]:
    given = _of_a_model(interface, rows[:1])
    return tuple(
        each if decided else Answer(CONTESTED, contested=True)
        for each, (decided,) in zip(given, rows[1], strict=True)
    )


def _of_a_model(interface: Interface, rows: list[NDArray[Any]]) -> tuple[Answer, ...]:
    scores = _scores(rows, len(interface.labels))
    classes = _classes(rows, scores) if interface.labels else None
    if classes is None:
        return tuple(Answer(_written(row)) for row in rows[0])
    return tuple(
        _answer(interface.labels, int(index), None if scores is None else scores[i])
        for i, index in enumerate(classes)
    )


def _scores(rows: list[NDArray[Any]], labels: int) -> NDArray[Any] | None:
    return next((each for each in rows if each.dtype.kind == "f" and each.shape[1] == labels > 1), None)


def _classes(rows: list[NDArray[Any]], scores: NDArray[Any] | None) -> NDArray[Any] | None:
    for each in rows:
        if each.dtype.kind in "iu" and each.shape[1] == 1:
            return each[:, 0]
    return None if scores is None else np.argmax(scores, axis=1)


def _answer(labels: tuple[str, ...], index: int, scores: NDArray[Any] | None) -> Answer:
    if not 0 <= index < len(labels):
        return Answer(f"class {index}, which has no label", index)
    return Answer(labels[index], index, None if scores is None else float(scores[index]))


def _written(row: NDArray[Any]) -> str:
    values = ", ".join(str(value) for value in row[:MAX_VALUES])
    return values + (f", … ({len(row)} values)" if len(row) > MAX_VALUES else "")
