"""A client of the API."""

from __future__ import annotations

import json

import pytest


class Api:
    """Calls the API as somebody; `None` for nobody."""

    def __init__(self, client) -> None:
        self.client = client

    def __call__(self, method: str, path: str, person=None, body=None, **headers):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if person is not None:
            sent |= person.headers
        data = body if isinstance(body, bytes | str) else json.dumps(body) if body is not None else ""
        content_type = sent.pop("content-type", "application/json")
        return self.client.generic(method, f"/api/v1/{path}", data, content_type, headers=sent)


@pytest.fixture
def api(client):
    return Api(client)
