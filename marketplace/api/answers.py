"""A prediction as the API shows it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec
from django.conf import settings

from assay import oip
from assay.answer import answers
from assay.certificate import parse
from assay.model import Interface
from marketplace.api import amounts
from marketplace.api.amounts import Cost
from marketplace.billing import costs
from marketplace.catalogue.interfaces import interface_of
from marketplace.certificates.shortfall import shortfall
from marketplace.predictions import stored
from marketplace.predictions.models import Prediction, Status

MAX_READINGS = 1000  # rows put into words


class Tensor(msgspec.Struct, frozen=True):
    """A tensor as the Open Inference Protocol writes it; `data` is flat, in row-major order."""

    name: str
    datatype: str
    shape: list[int]
    data: Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": "array"})]


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """One row's answer in plain words: `label` and its `index` in a classification, else `text` alone.

    `contested`: a group's members did not agree on this row, so there is no answer to it.
    """

    text: str
    label: str | None = None
    index: int | None = None
    score: float | None = None
    contested: bool = False


class Verified(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it was verified: whose word the answer rests on, and what is not promised.

    `reason`: why it is contested though members agree: fewer votes were had than were asked for.
    """

    mode: str
    outcome: str | None = None
    reason: str | None = None
    provider: str | None = None
    group: str | None = None
    caveats: list[str] = []


class CertificateLink(msgspec.Struct, frozen=True):
    id: str
    url: str
    sha256: str


class Timings(msgspec.Struct, frozen=True):
    """Milliseconds: until a worker took it, until the answer was there, until it was verified and stored."""

    queued: float | None
    inference: float | None
    verification: float | None
    total: float | None


class Answer(msgspec.Struct, frozen=True):
    """A prediction. `answer` is the first row of `answers`; most requests have but one."""

    id: str
    status: str
    target: str
    rows: int
    outputs: list[Tensor] | None
    answer: Reading | None
    answers: list[Reading] | None
    verification: Verified
    certificate: CertificateLink | None
    cost: Annotated[Cost | None, msgspec.Meta(description="Null where it is free")]
    salt: str
    timings: Timings
    created: dt.datetime
    deadline: dt.datetime
    completed: dt.datetime | None
    error: dict[str, str] | None


def shown(prediction: Prediction) -> Answer:
    """`prediction` comes from `predictions.access`."""
    readings, outputs = _outputs(prediction)
    return Answer(
        id=str(prediction.pk),
        status=prediction.status,
        target=prediction.target,
        rows=prediction.rows,
        outputs=outputs,
        answer=readings[0] if readings else None,
        answers=readings,
        verification=_verified(prediction),
        certificate=_link(prediction),
        cost=_cost(prediction),
        salt=bytes(prediction.salt).hex(),
        timings=_timings(prediction),
        created=prediction.created,
        deadline=prediction.deadline,
        completed=prediction.completed,
        error=prediction.error,
    )


def _outputs(prediction: Prediction) -> tuple[list[Reading] | None, list[Tensor] | None]:
    if prediction.outputs is None:
        return None, None
    tensors = stored.tensors(bytes(prediction.outputs))
    interface: Interface = interface_of(prediction.asked)
    readings = [
        Reading(each.text, each.text if each.index is not None else None, each.index, each.score, each.contested)
        for each in answers(interface, tensors, MAX_READINGS)
    ]
    return readings, [
        Tensor(each.name, each.datatype, list(each.shape), oip.data_to_json(each)) for each in tensors
    ]


def _verified(prediction: Prediction) -> Verified:
    certificate = prediction.certificate
    if certificate is None:
        return Verified(prediction.mode)
    anchor = {certificate.anchor_kind: certificate.anchor}
    return Verified(
        prediction.mode, certificate.outcome, _reason(prediction), **anchor, caveats=certificate.caveats
    )


def _reason(prediction: Prediction) -> str | None:
    """The certificate is read for it, where it can be that alone."""
    if prediction.status != Status.CONTESTED or not prediction.params.get("votes") or not prediction.certificate:
        return None
    short = shortfall(parse(bytes(prediction.certificate.document)))
    return f"contested because {short}" if short else None


def _link(prediction: Prediction) -> CertificateLink | None:
    if prediction.certificate is None:
        return None
    sha256 = prediction.certificate.hex
    return CertificateLink(sha256, f"{settings.ENV.url}/api/v1/certificates/{sha256}", sha256)


def _cost(prediction: Prediction) -> Cost | None:
    found = costs.cost(prediction)
    return None if found is None else amounts.cost(found)


def _timings(prediction: Prediction) -> Timings:
    return Timings(
        queued=_between(prediction.created, prediction.dispatched),
        inference=_between(prediction.dispatched, prediction.answered),
        verification=_between(prediction.answered, prediction.completed),
        total=_between(prediction.created, prediction.completed),
    )


def _between(start: dt.datetime | None, end: dt.datetime | None) -> float | None:
    return None if start is None or end is None else round((end - start).total_seconds() * 1000, 2)
