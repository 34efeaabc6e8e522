"""Predictions: ask, list, look, withdraw, follow."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from assay.errors import Refused
from marketplace.accounts.access import Actor
from marketplace.api import answers, bodies, headers, pagination
from marketplace.api.answers import Answer
from marketplace.api.events import EventStream, stream
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.billing import caps
from marketplace.errors import Conflict, NotFound
from marketplace.predictions import access, actions, idempotency, questions
from marketplace.predictions.awaiting import until_ended, watching
from marketplace.predictions.models import Prediction
from marketplace.predictions.questions import Body, Question

PREFER = {"Prefer": "`wait=N`: answer once the prediction has ended, or after N seconds (at most 60)"}


class Predictions(View):
    """At /predictions."""

    @describe("List predictions", answer=pagination.Page[Answer], query=pagination.QUERY)
    def get(self, request: Request) -> Response:
        """The organisation's predictions, newest first; those with large outputs without them."""
        found = access.visible(actor_of(request))
        return Response(pagination.page(request, found, lambda each: answers.shown(access.as_listed(each))))

    @describe(
        "Make a prediction",
        body=Body,
        answer=Answer,
        status=201,
        headers={
            **PREFER,
            "Idempotency-Key": "Of your choosing, kept 24 hours: the same request again gives the same prediction",
        },
    )
    def post(self, request: Request) -> Response:
        """Asks a model, to be verified as you say; the answer comes with a certificate."""
        actor = actor_of(request)
        seconds = headers.wait_of(request)
        try:
            question = questions.read(actor, bodies.body(request, Body))
        except (Conflict, NotFound, Refused):
            if (earlier := _earlier(request, actor)) is None:
                raise
            return _created(earlier if seconds is None else _awaited(earlier, seconds), True, seconds)
        if seconds is None:
            prediction, replayed = _create(request, actor, question)
            return _created(prediction, replayed)
        with watching(question.id) as ended:
            prediction, replayed = _create(request, actor, question)
            if ended is not None and not replayed:
                return _created(until_ended(prediction, ended, seconds), waited=seconds)
        return _created(_awaited(prediction, seconds), replayed, seconds)


class OnePrediction(View):
    """At /predictions/{id}."""

    @describe("Get a prediction", answer=Answer, headers=PREFER)
    def get(self, request: Request, identifier: UUID) -> Response:
        """The prediction as it stands, now or once it has ended."""
        actor, seconds = actor_of(request), headers.wait_of(request)
        prediction = access.prediction(actor, identifier)
        if seconds is None:
            return Response(answers.shown(prediction))
        return _told(Response(answers.shown(_awaited(prediction, seconds))), seconds)


class Cancel(View):
    """At /predictions/{id}/cancel."""

    @describe("Cancel a prediction", answer=Answer)
    def post(self, request: Request, identifier: UUID) -> Response:
        """Withdraws it, if it has not ended."""
        prediction = access.cancellable(actor_of(request), identifier)
        actions.cancel(prediction)
        return Response(answers.shown(access.again(prediction)))


class Events(View):
    """At /predictions/{id}/events."""

    renderer_classes = (EventStream,)

    @describe(
        "Follow a prediction",
        answer={"text/event-stream": {"type": "string"}},
        headers={"Last-Event-ID": "The number of the last event seen: the stream goes on after it"},
    )
    def get(self, request: Request, identifier: UUID) -> HttpResponseBase:
        """What happens to it, as server-sent events; ends with the prediction."""
        prediction = access.prediction(actor_of(request), identifier)
        return stream(prediction, headers.last_event_of(request))


def _create(request: Request, actor: Actor, question: Question) -> tuple[Prediction, bool]:
    def make() -> Prediction:
        return actions.create(actor, question)

    key = request.headers.get("Idempotency-Key")
    with caps.noting():
        if key is None:
            return make(), False
        return idempotency.once(actor.organisation, key, bodies.raw(request), make)


def _earlier(request: Request, actor: Actor) -> Prediction | None:
    """What this very request has made before: its quote may have expired since, or its model be gone."""
    key = request.headers.get("Idempotency-Key", "")
    return idempotency.made_before(actor.organisation, key, bodies.raw(request)) if key.isprintable() else None


def _awaited(prediction: Prediction, seconds: float) -> Prediction:
    """As it stands once it has ended; or sooner, see `until_ended`; or now, where too many wait."""
    with watching(prediction.pk) as ended:
        return prediction if ended is None else until_ended(access.again(prediction), ended, seconds)


def _created(prediction: Prediction, replayed: bool = False, waited: float | None = None) -> Response:
    response = Response(answers.shown(prediction), status=201)
    response["Location"] = f"/api/v1/predictions/{prediction.pk}"
    if replayed:
        response["Idempotent-Replayed"] = "true"
    return response if waited is None else _told(response, waited)


def _told(response: Response, waited: float) -> Response:
    response["Preference-Applied"] = f"wait={waited:.0f}"
    return response
