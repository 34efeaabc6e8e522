"""Every error as an RFC 9457 problem document: what, where, what was expected, what came, what to try.

An AssayError loses nothing on the way. What Django and the framework raise is translated into the same form, and
what nobody foresaw becomes a 500 that says only that it has been noted, and under which request's id.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import msgspec
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from psycopg2.errors import ForeignKeyViolation
from rest_framework import exceptions

from assay.errors import AssayError, DeadlineExceeded, NotVerified, Refused, TooLarge, Unavailable
from marketplace.api.amounts import Money
from marketplace.api.problem_types import PROBLEMS
from marketplace.errors import Conflict, Forbidden, NotFound, PaymentRequired, Throttled, Unauthenticated

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"

# of the classes that have no status of their own (marketplace.errors), the most specific first
_STATUSES: tuple[tuple[type[AssayError], int], ...] = (
    (TooLarge, 413),
    (Refused, 422),
    (NotVerified, 422),
    (Unavailable, 503),
    (DeadlineExceeded, 504),
    (AssayError, 500),
)
_SPECIAL = {
    "invalid-json": 400,
    "invalid-header": 400,
    "malformed-request": 400,
    "wrong-method": 405,
    "not-acceptable": 406,
    "unsupported-media-type": 415,
    "too-slow": 408,
}


def status_of(error: AssayError) -> int:
    """The HTTP status that this error is answered with, in the API and on pages."""
    if error.code in _SPECIAL:
        return _SPECIAL[error.code]
    own = getattr(error, "status", None)
    return own if isinstance(own, int) else next(status for kind, status in _STATUSES if isinstance(error, kind))


def document(error: AssayError, request_id: str) -> dict[str, Any]:
    """The problem document's members; of a PaymentRequired, `missing` too."""
    told = {
        "type": f"/problems/{error.code}",
        "title": PROBLEMS[error.code].title if error.code in PROBLEMS else "Error",
        "status": status_of(error),
        **error.fields(),
        "request_id": request_id,
    }
    if isinstance(error, PaymentRequired):
        told["missing"] = msgspec.to_builtins(Money(error.missing, error.currency))
    return told


def response(error: AssayError, request: HttpRequest) -> HttpResponse:
    """The answer to a request that was refused."""
    body = document(error, _id(request))
    answer = HttpResponse(json.dumps(body), content_type=CONTENT_TYPE, status=body["status"])
    if isinstance(error, Unauthenticated):
        answer["WWW-Authenticate"] = 'Bearer realm="assay"'
    if isinstance(error, Throttled):
        answer["Retry-After"] = str(error.retry_after)
    elif isinstance(error, Unavailable):
        answer["Retry-After"] = "1"
    return answer


def handler(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """REST framework's exception handler: every exception in a view of the API comes here."""
    request = context["request"]
    request = getattr(request, "_request", request)
    return response(translated(error, request), request)


def translated(error: Exception, request: HttpRequest) -> AssayError:
    """Any exception as an AssayError; one that nobody foresaw is logged, with the id that the asker is told."""
    if isinstance(error, AssayError):
        return error
    if isinstance(error, exceptions.APIException | Http404 | SuspiciousOperation):
        return _of_framework(error)
    if isinstance(error, OperationalError | InterfaceError):
        log.error("request %s: the database is away: %s", _id(request), error)
        return Unavailable("the database cannot be reached now", code="database-away")
    if isinstance(error, IntegrityError) and isinstance(error.__cause__, ForeignKeyViolation):
        return Conflict("what this refers to was discarded at the same moment")
    log.error("request %s: an error nobody foresaw", _id(request), exc_info=error)
    return AssayError("an error of ours; it has been noted", code="internal-error")


def noted(sender: object, request: HttpRequest, **unused: object) -> None:  # noqa: ARG001 - the signal's signature
    """Logs what a page did not foresee: Django's own log of it goes by mail, to nobody."""
    error = sys.exception()
    assert isinstance(error, Exception), "got_request_exception is sent where one is handled"
    translated(error, request)


def _id(request: HttpRequest) -> str:
    return getattr(request, "id", "")


def _of_framework(error: Exception) -> AssayError:
    """What Django and REST framework refuse by themselves."""
    for kind, refusal in (
        (Http404, NotFound("no such address")),
        (exceptions.NotAuthenticated, Unauthenticated("who is asking?")),
        (exceptions.AuthenticationFailed, Unauthenticated("who is asking?")),
        (exceptions.PermissionDenied, Forbidden("not allowed")),
        (exceptions.MethodNotAllowed, Refused("this address does not take that method", code="wrong-method")),
        (
            exceptions.NotAcceptable,
            Refused("no form of it that you accept", code="not-acceptable", pointer="Accept"),
        ),
        (
            exceptions.UnsupportedMediaType,
            Refused(
                "this kind of body is not taken here",
                code="unsupported-media-type",
                pointer="Content-Type",
                expected="application/json",
            ),
        ),
        (RequestDataTooBig, TooLarge("the request is too large")),
    ):
        if isinstance(error, kind):
            return refusal
    return Refused(str(error))
