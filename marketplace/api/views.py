"""What all views of the API share: scopes of authentication, counting, errors, headers."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from marketplace.accounts.access import Actor
from marketplace.api import throttling
from marketplace.errors import NotFound, Unauthenticated


class View(APIView):
    """A view whose methods raise AssayError. `open_to_all` ones may be called without saying who one is."""

    open_to_all = False
    permission_classes = (
        AllowAny,
    )  # who may do what is decided by the access modules, here only who must be known
    allowance: throttling.Allowance | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.allowance = throttling.count(request)
        if not self.open_to_all:
            actor_of(request)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished: HttpResponseBase = super().finalize_response(request, response, *args, **kwargs)
        if self.allowance is not None:
            self.allowance.note(finished)
        finished.headers.setdefault("Cache-Control", "no-store")
        finished._csp_exempt = True  # type: ignore[attr-defined]  # noqa: SLF001 - a policy for pages; this is data
        return finished


class Nothing(View):
    """Whatever has no address: refused in the API's own form."""

    open_to_all = True
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound("no such address", got=request.path[:200], hint="GET /api/v1/schema lists what there is.")


def actor_of(request: Request) -> Actor:
    """Raises Unauthenticated when nobody says who is asking."""
    if not isinstance(request.auth, Actor):
        raise Unauthenticated(
            "who is asking?", hint="Send `Authorization: Bearer assay_…`, or sign in on the site."
        )
    return request.auth
