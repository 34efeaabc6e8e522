"""What holds for every request: an id, in and out; and under /api/ no error page, whoever refuses.

Who reports a problem quotes the id, and the logs hold it. Django's own refusals (a bad Host, an exception in
another middleware) are pages; the API's callers get the same as a problem document.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from assay.errors import AssayError, Refused
from assay.ids import uuid7
from marketplace.api import problems
from marketplace.errors import Forbidden, NotFound

HEADER = "X-Request-Id"
PREFIX = "/api/"
_REFUSALS: dict[int, Callable[[], AssayError]] = {
    400: lambda: Refused("the request is malformed", code="malformed-request"),
    403: lambda: Forbidden("not allowed"),
    404: lambda: NotFound("no such address"),
    500: lambda: AssayError("an error of ours; it has been noted", code="internal-error"),
}
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives `request.id`: the caller's `X-Request-Id` where it is harmless, else a fresh one. Always answered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(HEADER, "")
        request.id = given if _ACCEPTABLE.fullmatch(given) else uuid7().hex  # type: ignore[attr-defined]
        response = self._get_response(request)
        if request.path.startswith(PREFIX) and _is_page(response):
            response = problems.response(_REFUSALS[response.status_code](), request)
        response.headers[HEADER] = request.id  # type: ignore[attr-defined]
        return response


def _is_page(response: HttpResponseBase) -> bool:
    """Whether it is a refusal that is no problem document yet."""
    return response.status_code in _REFUSALS and response.headers.get("Content-Type") != problems.CONTENT_TYPE
