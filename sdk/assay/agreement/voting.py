"""From what a member's model gave to what the member votes: one integer for each row, or no vote at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.agreement.aggregate import HIGHEST
from assay.agreement.group import Labels, Values
from assay.answer import classes
from assay.errors import Refused
from assay.model import Interface
from assay.tensor import Tensor


def votes(answer: Labels | Values, interface: Interface, outputs: tuple[Tensor, ...]) -> tuple[int, ...]:
    """A label's number for each row, or its value times the scale, rounded half to even.

    `outputs` are those of a model of this interface, which `interface.accept_outputs` accepted. Raises Refused
    where they are no vote: a class without a label, not one number for a row, not finite, too large.
    """
    numbers = _labels(answer, interface, outputs) if isinstance(answer, Labels) else _values(answer, outputs)
    return tuple(map(int, numbers.tolist()))


def _labels(answer: Labels, interface: Interface, outputs: tuple[Tensor, ...]) -> NDArray[Any]:
    found = classes(interface, outputs)
    if found is None:
        raise _none("one class for each row", str([tensor.name for tensor in outputs]))
    if found.min() < 0 or found.max() >= len(answer.labels):
        raise _none(f"0 to {len(answer.labels) - 1}", f"{found.min()} to {found.max()}")
    return found


def _values(answer: Values, outputs: tuple[Tensor, ...]) -> NDArray[Any]:
    rows = outputs[0].array().reshape(outputs[0].shape[0], -1)
    if rows.shape[1] != 1:
        raise _none("one number for each row", f"{rows.shape[1]}")
    with np.errstate(all="ignore"):  # what overflows is refused below
        scaled = np.rint(rows[:, 0].astype(np.float64) * answer.scale)
    if not (np.abs(scaled) <= HIGHEST).all():  # false of what is not a number, too
        raise _none(f"finite numbers up to {HIGHEST} with a scale of {answer.scale}", str(rows[:8, 0].tolist()))
    return scaled


def _none(expected: str, got: str) -> Refused:
    return Refused(
        "the model's outputs are no vote", code="no-vote", pointer="/outputs", expected=expected, got=got
    )
