"""What all pages share: on whose behalf they act, and how a refusal becomes a page.

A page is a function from a request to a response that may raise AssayError; `page` turns that into the page of its
problem with the status it has in the API. Nothing here knows what any page shows.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template import loader
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from assay.errors import AssayError, Refused
from marketplace.accounts.access import Actor, for_user
from marketplace.accounts.models import User
from marketplace.api.problems import status_of
from marketplace.errors import Throttled

MAX_TYPED = 1000  # characters of a form's line that are looked at

Given = ParamSpec("Given")
View = Callable[Concatenate[HttpRequest, Given], HttpResponseBase]
OwnView = Callable[Concatenate[HttpRequest, Actor, Given], HttpResponseBase]


def page(view: View[Given]) -> View[Given]:
    """A page that anybody may open."""

    @wraps(view)
    def opened(request: HttpRequest, /, *args: Given.args, **kwargs: Given.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except AssayError as error:
            return problem(request, error)

    return opened


def own_page(view: OwnView[Given]) -> View[Given]:
    """A page for people who are signed in; others are asked to, and come back. It is given the actor."""

    @wraps(view)
    def opened(request: HttpRequest, /, *args: Given.args, **kwargs: Given.kwargs) -> HttpResponseBase:
        actor = actor_of(request)
        assert actor is not None, "login_required lets nobody else in"
        response = view(request, actor, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return login_required(page(opened))


def actor_of(request: HttpRequest) -> Actor | None:
    """Who is signed in, for the personal organisation; None for a visitor."""
    return for_user(request.user) if isinstance(request.user, User) else None


def acting_for(request: HttpRequest, actor: Actor) -> Actor:
    """The same person, for the organisation that the form or the address names. Raises NotFound for a stranger."""
    named = (request.POST.get("organisation") or request.GET.get("organisation", ""))[:MAX_TYPED]
    return for_user(actor.user, named) if named and named != actor.organisation.slug else actor


def once(request: HttpRequest) -> str:
    """The name of the form that was filled in, by which what it moves is moved once. Raises Refused."""
    try:
        return str(uuid.UUID(request.POST.get("once", "")))
    except ValueError as error:
        raise Refused(
            "the form cannot be told from others", pointer="/once", hint="Load the page anew."
        ) from error


def problem(request: HttpRequest, error: AssayError) -> HttpResponse:
    """The page of a refusal, or the part of one where htmx asked for a part."""
    status = status_of(error)
    template = "parts/problem.html" if is_partial(request) else "errors/problem.html"
    return told(render(request, template, {"error": error, "status": status}, status=status), error)


def failed(request: HttpRequest) -> HttpResponse:
    """The page of an error that nobody foresaw: it asks neither the database nor the session for anything."""
    page = loader.get_template("500.html").render({"request_id": getattr(request, "id", "")})
    return HttpResponse(page, status=500)


def told(response: HttpResponse, error: AssayError | None) -> HttpResponse:
    """`response`, with the header that says when to come back where that is what is wrong."""
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page; going back in the browser's history takes the whole."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def varying(response: HttpResponse) -> HttpResponse:
    """`response`, marked as depending on whether htmx asked."""
    patch_vary_headers(response, ["HX-Request"])
    return response


def whole_number(text: str, pointer: str) -> int:
    """A number that came in an address or a form. Raises Refused."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Refused("not a number", pointer=pointer, expected="a whole number, 0 or more", got=text[:40])
    return int(text)


def address(name: str, *args: Any, **query: str) -> str:
    """A page's address with its query."""
    kept = {key: value for key, value in query.items() if value}
    return reverse(f"web:{name}", args=args) + (f"?{urlencode(kept)}" if kept else "")
