"""docs/openapi.json is what the API serves, and the API does what it says: no 5xx, whatever the request."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_committed_schema_is_the_served_one():
    """After a change that is meant: python manage.py spectacular --format openapi-json --file docs/openapi.json"""
    out = StringIO()
    call_command("spectacular", format="openapi-json", validate=True, fail_on_warn=True, stdout=out)
    assert json.loads(out.getvalue()) == json.loads(COMMITTED.read_text("utf-8"))


@pytest.mark.django_db
def test_it_is_served_to_whoever_asks(client):
    served = client.get("/api/v1/schema")
    assert served.status_code == 200
    assert served.json()["openapi"] == "3.1.0"
    assert served.json()["paths"].keys() == json.loads(COMMITTED.read_text("utf-8"))["paths"].keys()
