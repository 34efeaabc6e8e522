"""GET /api/v1/docs: every address and every type of the schema is on the page."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, settings):
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    response = client.get("/api/v1/docs")
    assert response.status_code == 200
    return response.content.decode()


def test_every_address_of_the_schema_is_there(api, page):
    for path, methods in api("GET", "schema").json()["paths"].items():
        for method in methods:
            assert f"<code>{method.upper()} {path}</code>" in page


def test_every_link_to_a_type_leads_to_it(page):
    links = set(re.findall(r'href="#(type-[^"]+)"', page))
    assert links
    assert links <= set(re.findall(r'id="(type-[^"]+)"', page))


def test_what_stands_in_the_schema_is_escaped(page):
    assert "<script>" not in page
    assert "list of anything" in page
