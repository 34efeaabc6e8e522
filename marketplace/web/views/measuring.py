"""Having a version measured: a file of labelled rows, and what came of each that was sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from assay.errors import Refused
from assay.model import Interface
from marketplace.accounts.access import Actor
from marketplace.api.problems import status_of
from marketplace.catalogue import access
from marketplace.catalogue.actions import evaluations
from marketplace.catalogue.actions.evaluations import MAX_SHOWN
from marketplace.catalogue.interfaces import interface_of
from marketplace.catalogue.labelled import MAX_ROWS
from marketplace.catalogue.models import Evaluation, ModelVersion
from marketplace.errors import Conflict
from marketplace.web.pages import MAX_TYPED, address, is_partial, own_page, whole_number

MAX_LISTED = 20  # measurements
FIRST_SHOWN = "5"  # rows to try that are suggested where there are none yet
State = Evaluation.State
TONES = {State.WAITING: "busy", State.RUNNING: "busy", State.MEASURED: "good", State.FAILED: "bad"}


@dataclass(frozen=True)
class Measurement:
    """A set that was sent, and the figures it gave where they still stand on the card."""

    evaluation: Evaluation
    tone: str
    metrics: list[dict[str, Any]]


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def measure(request: HttpRequest, actor: Actor, owner: str, name: str, number: int) -> HttpResponse:
    """The form and the measurements; with htmx these alone, which ask for themselves again while one is open."""
    version = access.managed_version(actor, owner, name, number)
    if is_partial(request):
        return render(request, "owner/measurements.html", _measurements(actor, version))
    given = {
        "dataset": request.POST.get("dataset", "")[:MAX_TYPED],
        "shown": request.POST.get("shown", "0" if version.examples else FIRST_SHOWN)[:MAX_TYPED],
    }
    if request.method != "POST":
        return _page(request, actor, version, given)
    try:
        shown = whole_number(given["shown"], "shown")
        evaluations.evaluate(actor, version, given["dataset"], _content(request), shown)
    except Refused as error:
        return _page(request, actor, version, given, error)
    messages.success(request, "The rows are being put to the model; the figures appear here.")
    return redirect(address("measure", owner, name, number))


def _content(request: HttpRequest) -> bytes:
    chosen = request.FILES.get("set")
    if chosen is None:
        raise Refused("no file is chosen", pointer="set", expected="a JSON file")
    content: bytes = chosen.read()
    return content


def _page(
    request: HttpRequest,
    actor: Actor,
    version: ModelVersion,
    given: dict[str, str],
    error: Refused | None = None,
) -> HttpResponse:
    interface = interface_of(version)
    context = {
        "error": error,
        "field": _field(error) if error else "",
        "given": given,
        "task": interface.task,
        "labels": interface.labels,
        "sample": _sample(interface),
        "most": MAX_ROWS,
        "most_shown": MAX_SHOWN,
        **_measurements(actor, version),
    }
    return render(request, "owner/measure.html", context, status=status_of(error) if error else 200)


def _field(error: Refused) -> str:
    """Which field of the form is wrong; "" for what is the version's and no field's."""
    if isinstance(error, Conflict):
        return ""
    return error.pointer if error.pointer in ("dataset", "shown") else "set"


def _measurements(actor: Actor, version: ModelVersion) -> dict[str, Any]:
    found = list(access.visible_evaluations(actor, version).defer("data")[:MAX_LISTED])
    return {
        "model": version.model,
        "version": version,
        "measurements": [Measurement(each, TONES[State(each.state)], _metrics(version, each)) for each in found],
        "moving": any(each.state in evaluations.OPEN for each in found),
    }


def _metrics(version: ModelVersion, evaluation: Evaluation) -> list[dict[str, Any]]:
    of = (evaluation.dataset, bytes(evaluation.digest).hex())
    measured = evaluation.state == State.MEASURED
    return [each for each in version.metrics if measured and (each["dataset"], each["sha256"]) == of]


def _sample(interface: Interface) -> str:
    """What such a file looks like, for two rows."""
    inputs = [
        {"name": port.name, "datatype": port.datatype, "shape": [2, *port.shape[1:]], "data": ["…"]}
        for port in interface.inputs
    ]
    labels: tuple[object, ...] = interface.labels[:2] or (1.5, 2.5)
    return json.dumps({"inputs": inputs, "labels": labels}, ensure_ascii=False).replace('"…"', "…")
