"""Who is asking: an API key in `Authorization: Bearer assay_…`, or a session of the site with its CSRF token.

`request.user` is the person, `request.auth` the Actor. A request with a wrong key is refused even where none is
needed: whoever sends one believes to be somebody.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from marketplace.accounts.access import Actor, for_user
from marketplace.accounts.actions import authenticate_key
from marketplace.accounts.models import User
from marketplace.errors import Forbidden, Unauthenticated

SCHEME = "bearer"


class ApiKeyAuthentication(BaseAuthentication):
    """A bearer token. Raises Unauthenticated for a malformed header or a key that is not valid (any more)."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != SCHEME:
            raise Unauthenticated(
                "unknown kind of authorization",
                pointer="Authorization",
                expected="Bearer assay_…",
                got=scheme[:20],
            )
        actor = authenticate_key(token.strip())
        return actor.user, actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="assay"'


class SessionAuthentication(BaseAuthentication):
    """The site's own pages: the session's cookie and, for anything that writes, the CSRF token."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        user = getattr(request._request, "user", None)  # noqa: SLF001 - as REST framework's own class does
        if not isinstance(user, User) or not user.is_active:
            return None
        _require_csrf_token(request)
        return user, for_user(user)


class _Csrf(CsrfViewMiddleware):
    """Django's check, which tells its verdict instead of rendering a page."""

    def _reject(self, request: object, reason: str) -> str:
        return reason


def _never(_: HttpRequest) -> HttpResponseBase:
    raise AssertionError("the check is asked for its verdict, not to go on")


def _require_csrf_token(request: Request) -> None:
    check = _Csrf(_never)
    check.process_request(request._request)  # noqa: SLF001
    reason = check.process_view(request._request, _never, (), {})  # noqa: SLF001
    if reason:
        raise Forbidden("CSRF check failed", code="csrf-failed", pointer="X-CSRFToken", got=str(reason)[:100])
