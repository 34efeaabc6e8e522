"""What the buyer sent, as far as it is kept: whether, under which file name, and its content.

Inputs may be large, so a page that only says that they are there does not read them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
from django.db.models.functions import Coalesce, Length

from assay import jsonform, oip
from assay.preprocessing import PNG
from assay.tensor import Tensor
from marketplace.catalogue.interfaces import interface_of
from marketplace.predictions.models import Prediction
from marketplace.predictions.stored import question

MAX_EMBEDDED = 64 * 1024  # bytes of an input that a page's own check is given
SUFFIXES = {PNG: "png", "text/csv": "csv"}  # anything else is JSON

_SIZE = Coalesce(Length("inputs"), Length("source"))


def size(prediction: Prediction) -> int:
    """Bytes that are kept of what was sent; 0 once the buyer's retention has ended."""
    found = Prediction.objects.filter(pk=prediction.pk).values_list(_SIZE, flat=True)
    return found.first() or 0


def name(prediction: Prediction) -> str:
    """Of the file that holds it, told apart from others on the buyer's disk."""
    return f"input-{str(prediction.pk)[-12:]}.{SUFFIXES.get(prediction.source_type, 'json')}"


def content(prediction: Prediction) -> tuple[bytes, str]:
    """What `assay verify --input` takes, and its content type; something is kept."""
    if prediction.source:
        return bytes(prediction.source), prediction.source_type
    inputs = [oip.to_json(each) for each in _tensors(prediction)]
    return msgspec.json.encode({"inputs": inputs}), "application/json"


def embedded(prediction: Prediction) -> dict[str, Any] | None:
    """What lets a page check by itself that a certificate speaks of this input; None where that is too large."""
    if not 0 < size(prediction) <= MAX_EMBEDDED:
        return None
    inputs = _tensors(prediction)
    if sum(len(each.data) for each in inputs) > MAX_EMBEDDED:
        return None
    return for_check(bytes(prediction.salt), inputs)


def _tensors(prediction: Prediction) -> tuple[Tensor, ...]:
    prediction.refresh_from_db(fields=("inputs", "source"))
    inputs, source = (None if each is None else bytes(each) for each in (prediction.inputs, prediction.source))
    return question(interface_of(prediction.asked), inputs, source, prediction.source_type)


def for_check(salt: bytes, inputs: Sequence[Tensor]) -> dict[str, Any]:
    """What `certificate.js` reads: tensors in their canonical JSON form."""
    return {"salt": salt.hex(), "inputs": [json.loads(jsonform.to_json(each)) for each in inputs]}
