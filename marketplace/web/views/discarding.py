"""Discarding a draft: a page that says what goes, and a form that does it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from marketplace.accounts.access import Actor
from marketplace.catalogue import access
from marketplace.catalogue.actions import drafts
from marketplace.web.pages import address, own_page


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def version(request: HttpRequest, actor: Actor, owner: str, name: str, number: int) -> HttpResponse:
    found = access.managed_version(actor, owner, name, number)
    if request.method != "POST":
        drafts.require_draft_version(found)
        return render(request, "owner/discard.html", {"model": found.model, "version": found})
    drafts.discard_version(actor, found)
    messages.success(request, f"Version {number} is discarded.")
    return redirect(address("manage", owner, name))


@require_http_methods(["GET", "HEAD", "POST"])
@own_page
def model(request: HttpRequest, actor: Actor, owner: str, name: str) -> HttpResponse:
    found = access.managed_model(actor, owner, name)
    if request.method != "POST":
        drafts.require_draft_model(found)
        return render(request, "owner/discard.html", {"model": found, "versions": found.versions.count()})
    drafts.discard_model(actor, found)
    messages.success(request, f"{found.title} is discarded.")
    return redirect(address("models"))
