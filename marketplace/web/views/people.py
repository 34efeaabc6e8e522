"""Signing up, in and out."""

from __future__ import annotations

from django.contrib.auth import login as begin_session
from django.contrib.auth import logout as end_session
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from assay.errors import AssayError, Refused
from marketplace.accounts import signing_in
from marketplace.accounts.models import User
from marketplace.api.problems import status_of
from marketplace.web.pages import address, page, told

BACKEND = "django.contrib.auth.backends.ModelBackend"


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@never_cache
@page
def login(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request, "people/login.html")
    try:
        user = signing_in.sign_in(_field(request, "email"), _field(request, "password"), _peer(request))
    except Refused as error:
        return _form(request, "people/login.html", error)
    return _welcome(request, user)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
@never_cache
@page
def signup(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _form(request, "people/signup.html")
    try:
        user = signing_in.sign_up(
            _field(request, "email"), _field(request, "password"), _field(request, "name"), _peer(request)
        )
    except Refused as error:
        return _form(request, "people/signup.html", error)
    return _welcome(request, user)


@require_POST
@page
def logout(request: HttpRequest) -> HttpResponse:
    end_session(request)
    return redirect("web:home")


def _welcome(request: HttpRequest, user: User) -> HttpResponse:
    begin_session(request, user, backend=BACKEND)
    return redirect(_next(request) or address("home"))


def _form(request: HttpRequest, template: str, error: AssayError | None = None) -> HttpResponse:
    """The form, filled again but for the password."""
    context = {
        "error": error,
        "field": error.pointer.strip("/") if error else "",
        "given": {name: _field(request, name) for name in ("email", "name")},
        "next": _next(request),
    }
    return told(render(request, template, context, status=status_of(error) if error else 200), error)


def _field(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "")[:1000]


def _next(request: HttpRequest) -> str:
    """Where the reader was going, if that is one of our own pages."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else ""


def _peer(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
