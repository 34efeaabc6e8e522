"""A request's id, in and out: who reports a problem quotes it, and the logs hold it."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from assay.ids import uuid7

HEADER = "X-Request-Id"
PREFIX = "/api/"
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives `request.id`: the caller's `X-Request-Id` where it is harmless, else a fresh one. Always answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        request.id = given if _ACCEPTABLE.fullmatch(given) else uuid7().hex  # type: ignore[attr-defined]
        response = self._get_response(request)
        response.headers[HEADER] = request.id  # type: ignore[attr-defined]
        return response
