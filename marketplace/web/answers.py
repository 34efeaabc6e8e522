"""Outputs as a person reads them: each row's answer in words and, for classes, every label's score.

Percentages are shown as such only where the scores are shares of one (none negative, sum 1 within rounding);
anything else is a plain number, because calling it a probability would be a claim the model does not make.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assay.answer import answers
from assay.model import Interface
from assay.tensor import Tensor

MAX_ROWS = 50  # written out on a page
MAX_BARS = 12  # labels with the highest scores
TITLES = {"classification": "The model says", "regression": "The model's figure", "other": "The model's outputs"}


@dataclass(frozen=True)
class Bar:
    """A label's score: `share` is 0…1 of the bar's length."""

    label: str
    share: float
    percent: str
    chosen: bool


@dataclass(frozen=True)
class Row:
    text: str
    percent: str
    bars: tuple[Bar, ...]
    contested: bool = False


@dataclass(frozen=True)
class Reading:
    """A prediction's answer: its rows, and how many `more` there are than are shown."""

    label: str
    rows: tuple[Row, ...]
    more: int


def reading(interface: Interface, outputs: tuple[Tensor, ...], title: str = "") -> Reading:
    """`outputs` are those of a certificate, which the interface has accepted."""
    given = answers(interface, outputs, MAX_ROWS)
    scores = _scores(interface, outputs)
    rows = []
    for i, answer in enumerate(given):
        bars = () if scores is None else _bars(interface.labels, scores[i], answer.index)
        percent = "" if answer.score is None else _written(answer.score, scores is not None and _shares(scores[i]))
        rows.append(Row(answer.text, percent, bars, answer.contested))
    return Reading(title or TITLES[interface.task], tuple(rows), outputs[0].shape[0] - len(given))


def in_a_line(interface: Interface, outputs: tuple[Tensor, ...]) -> str:
    """The first row's answer, and how many more there are."""
    (first,), rows = answers(interface, outputs, 1), outputs[0].shape[0]
    return first.text + (f" and {rows - 1} more" if rows > 1 else "")


def _scores(interface: Interface, outputs: tuple[Tensor, ...]) -> NDArray[np.float64] | None:
    """Rows × labels, of the first output that has a floating-point value for each label."""
    for tensor in outputs:
        rows = tensor.array().reshape(tensor.shape[0], -1)
        if rows.dtype.kind == "f" and rows.shape[1] == len(interface.labels) > 1:
            return rows.astype(np.float64)
    return None


def _bars(labels: tuple[str, ...], scores: NDArray[np.float64], chosen: int | None) -> tuple[Bar, ...]:
    shown = sorted(np.argsort(-scores, kind="stable")[:MAX_BARS].tolist())
    shares = _shares(scores)
    low, span = (0.0, 1.0) if shares else (float(scores.min()), float(np.ptp(scores)) or 1.0)
    return tuple(
        Bar(labels[i], round((float(scores[i]) - low) / span, 4), _written(float(scores[i]), shares), i == chosen)
        for i in shown
    )


def _shares(scores: NDArray[np.float64]) -> bool:
    return bool(scores.min() >= 0 and abs(float(scores.sum()) - 1) < 1e-3)


def _written(score: float, share: bool) -> str:
    return f"{score * 100:.1f} %" if share else f"{score:.3g}"
