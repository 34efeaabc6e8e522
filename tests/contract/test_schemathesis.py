"""The API against its own schema: whatever is generated from it, nothing ends in a 5xx or leaves the schema.

A slice for every run; more with `SCHEMATHESIS_EXAMPLES=500 pytest tests/contract`. Streams are left out: they last
as long as their prediction.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.marketplace import answering

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "12"))  # of each operation
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "docs" / "openapi.json").read_text("utf-8"))

THERE = {
    "owner": "asha",
    "name": "digits",
    "number": 1,
    "mode": "direct",
}  # parts of addresses that lead somewhere

schema = schemathesis.openapi.from_dict(DOCUMENT)
schema.config.phases.update(phases=["examples", "fuzzing"])  # not one case for each keyword of each nested schema


@pytest.fixture
def app(db):
    """The marketplace as a function that answers; it keeps the test's own database connection open."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield WSGIHandler()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def caller(cast):
    """An owner with a model that costs something, a node, predictions, money earned and a cap, so that there is
    something to find.
    """
    from marketplace.billing import caps, maturing, pricing
    from marketplace.predictions import actions, questions
    from marketplace.predictions.questions import Body

    version = answering.digits(cast.asha)
    answering.deployed(version, cast.node_key)
    pricing.set_for_model(cast.asha.actor, version.model, "direct", pricing.Asking("0.01"))
    for person in (cast.asha, cast.bela):
        question = questions.read(person.actor, Body(**answering.request()))
        answering.end(cast.node_key, actions.create(person.actor, question))
    maturing.mature(dt.date.max)
    caps.set_cap(cast.asha.actor, None, 5)
    return cast.asha


@schema.exclude(path_regex="/events$").parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_is_answered_as_the_schema_says(case, app, caller):
    if "/models/" in case.operation.path:
        case.path_parameters.update({part: THERE[part] for part in case.path_parameters})
    case.call_and_validate(app=app, headers={**caller.headers, "host": "testserver"}, checks=CHECKS)
