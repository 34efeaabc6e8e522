"""Pages that only say something: how verification works, and what each problem means."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketplace.api.problem_types import PROBLEMS
from marketplace.errors import NotFound
from marketplace.web.pages import page
from verification.mode import Target
from verification.registry import MODES

COMMAND = "pip install ./sdk  # in Assay's source\nassay verify certificate.json --provider ed25519:…"


@require_safe
@page
def verification(request: HttpRequest) -> HttpResponse:
    """Every mode that stands, in its own words."""
    anything = Target(name="model:owner/name@1", providers=())
    modes = [(mode, mode.quote(anything, mode.Params())) for mode in MODES.values()]
    return render(request, "texts/verification.html", {"modes": modes, "command": COMMAND})


@require_safe
@page
def problems(request: HttpRequest) -> HttpResponse:
    return render(request, "texts/problems.html", {"problems": sorted(PROBLEMS.items())})


@require_safe
@page
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """The page that a problem document's `type` points to."""
    if code not in PROBLEMS:
        raise NotFound("no such problem", got=code)
    return render(request, "texts/problem.html", {"code": code, "problem": PROBLEMS[code]})
