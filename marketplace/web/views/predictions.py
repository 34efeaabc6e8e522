"""Predictions, of models and of groups: the list, one of them, and the part that follows it while it happens."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from assay.certificate import parse
from assay.errors import AssayError
from assay.model import Interface
from assay.preprocessing import PNG
from marketplace.accounts.access import Actor
from marketplace.billing import costs
from marketplace.catalogue.interfaces import interface_of
from marketplace.errors import Conflict, NotFound
from marketplace.predictions import access, actions
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.states import ENDS
from marketplace.predictions.stored import tensors
from marketplace.web import sent
from marketplace.web.answers import Reading, in_a_line, reading
from marketplace.web.pages import address, is_partial, own_page
from marketplace.web.votes import Votes, votes
from verification.ends import ENDINGS

PER_PAGE = 50
QUICK = dt.timedelta(seconds=1)  # so long nothing is shown to press that would be gone before it is pressed
TONES = {Status.CERTIFIED: "verified", Status.CONTESTED: "warn", Status.FAILED: "bad", Status.EXPIRED: "bad"}
WITHOUT = {Status.FAILED: "failed", Status.EXPIRED: "failed"}  # what the hallmark says without a certificate
WORDS = {
    "received": "Received",
    "dispatched": "Sent to a node",
    "retrying": "Trying another way",
    "answered": "Answered",
    "certified": "Certificate checked",
    "contested": "Contested",
    "failed": "Failed",
    "expired": "Too late",
    "cancelled": "Withdrawn",
}


OF_A_GROUP = {"dispatched": "Sent to the members", "answered": "Decided"}


@dataclass(frozen=True)
class Asked:
    """What was asked, as pages name it."""

    kind: str
    title: str
    name: str
    link: str


def asked(prediction: Prediction) -> Asked:
    """`prediction` with what it was asked of, and its owner."""
    if prediction.group is not None:
        group = prediction.group
        return Asked("Group", group.title, group.slug, address("group", group.slug))
    version = prediction.version
    assert version is not None, "what is asked of no group is asked of a model"
    model = version.model
    return Asked("Model", model.title, str(version), address("model", model.organisation.slug, model.slug))


@require_safe
@own_page
def listing(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Newest first; `?before=` is the id of the last one seen (ids are in order of time)."""
    found = access.visible(actor).select_related("version__model__organisation", "group")
    if before := request.GET.get("before", ""):
        found = found.filter(pk__lt=_identifier(before))
    page = list(found[: PER_PAGE + 1])
    rows = [
        {
            "prediction": each,
            "asked": asked(each),
            "answer": _line(access.as_listed(each)),
            "tone": TONES.get(Status(each.status), ""),
            "took": each.completed - each.created if each.completed else None,
            "cost": costs.cost(each),
        }
        for each in page[:PER_PAGE]
    ]
    older = address("predictions", before=str(page[PER_PAGE - 1].pk)) if len(page) > PER_PAGE else ""
    return render(request, "predictions/list.html", {"rows": rows, "older": older})


@require_safe
@own_page
def one(request: HttpRequest, actor: Actor, identifier: UUID) -> HttpResponse:
    prediction = _one(actor, identifier)
    kept = sent.size(prediction) > 0
    context = {
        **_followed(actor, prediction),
        "prediction_id": str(prediction.pk),
        "asked": asked(prediction),
        "took": prediction.completed - prediction.created if prediction.completed else None,
        "input_link": address("prediction-input", prediction.pk) if kept else "",
        "is_picture": kept and prediction.source_type == PNG,
    }
    return render(request, "predictions/page.html", context)


@require_safe
@own_page
def live(request: HttpRequest, actor: Actor, identifier: UUID) -> HttpResponse:
    """The part of a page that changes until the prediction has ended; then with what is left to spend."""
    return _live(request, actor, _one(actor, identifier))


@require_POST
@own_page
def withdraw(request: HttpRequest, actor: Actor, identifier: UUID) -> HttpResponse:
    """Whoever is too late sees how it ended."""
    prediction = access.cancellable(actor, identifier)
    with suppress(Conflict):
        actions.cancel(prediction)
    if not is_partial(request):
        return redirect("web:prediction", identifier)
    return _live(request, actor, access.again(prediction))


@require_safe
@own_page
def what_was_sent(_: HttpRequest, actor: Actor, identifier: UUID) -> HttpResponse:
    """As a file, which is also what a page shows of a picture."""
    prediction = _one(actor, identifier)
    if not sent.size(prediction):
        raise NotFound("nothing is kept of what was sent")
    content, content_type = sent.content(prediction)
    disposition = f'attachment; filename="{sent.name(prediction)}"'
    return HttpResponse(content, content_type=content_type, headers={"Content-Disposition": disposition})


def _live(request: HttpRequest, actor: Actor, prediction: Prediction) -> HttpResponse:
    return render(request, "predictions/live.html", {**_followed(actor, prediction), "again": True})


def _one(actor: Actor, identifier: UUID) -> Prediction:
    return access.prediction(actor, identifier)


def _followed(actor: Actor, prediction: Prediction) -> dict[str, Any]:
    """What `predictions/live.html` takes."""
    events = list(prediction.events.order_by("seq"))
    ended = prediction.status in ENDS
    words = WORDS if prediction.group_id is None else WORDS | OF_A_GROUP
    return {
        "prediction": prediction,
        "ended": ended,
        "may_withdraw": not ended
        and timezone.now() - prediction.created > QUICK
        and access.may_withdraw(actor, prediction),
        "stages": [
            {"text": words.get(event.stage, event.stage), "after": _after(event.time - events[0].time)}
            for event in events
        ],
        "answer": _answer(prediction),
        "error": _error(prediction),
        "votes": _votes(prediction),
        "certificate": prediction.certificate,
        **_cost(prediction),
        "outcome": prediction.certificate.outcome
        if prediction.certificate
        else WITHOUT.get(Status(prediction.status), ""),
    }


def _cost(prediction: Prediction) -> dict[str, Any]:
    """What was held and what became of it, with the reason in words."""
    cost = costs.cost(prediction)
    return {"cost": cost, "why": ENDINGS[cost.ending].when if cost and cost.ending in ENDINGS else ""}


def _answer(prediction: Prediction) -> Reading | None:
    if prediction.outputs is None:
        return None
    title = "" if prediction.group_id is None else "The group says"
    return reading(_interface(prediction), tensors(bytes(prediction.outputs)), title)


def _votes(prediction: Prediction) -> Votes | None:
    """Of a group's members; their certificate is read for it."""
    if prediction.certificate is None or prediction.group_id is None:
        return None
    return votes(parse(bytes(prediction.certificate.document)))


def _after(since: dt.timedelta) -> str:
    milliseconds = round(since.total_seconds() * 1000)
    return (
        f"{milliseconds} ms" if 0 < milliseconds < 1000 else f"{milliseconds / 1000:.1f} s" if milliseconds else ""
    )


def _error(prediction: Prediction) -> AssayError:
    fields = dict(prediction.error or {})
    return AssayError(fields.pop("detail", "there is no answer"), **fields)


def _line(prediction: Prediction) -> str:
    if prediction.outputs:
        return in_a_line(_interface(prediction), tensors(bytes(prediction.outputs)))
    if prediction.certificate is not None:
        return "More than a list can show"
    return str((prediction.error or {}).get("detail", ""))


def _interface(prediction: Prediction) -> Interface:
    return interface_of(prediction.asked)


def _identifier(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("no such prediction", got=text[:60]) from error
