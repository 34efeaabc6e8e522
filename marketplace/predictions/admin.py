"""Predictions and the outbox, for staff: to look at; errands that were given up can be sent again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from marketplace.accounts.admin import ReadOnlyAdmin
from marketplace.predictions import wakeups
from marketplace.predictions.models import Outbox, Prediction


@admin.register(Prediction)
class PredictionAdmin(ReadOnlyAdmin):
    """What was asked and answered stays the buyer's own affair: only how it went is shown."""

    list_display = ("id", "organisation", "target", "mode", "status", "rows", "created", "completed")
    list_filter = ("status", "mode")
    search_fields = ("id", "organisation__slug", "target")
    list_select_related = ("organisation",)
    exclude = ("inputs", "source", "source_type", "salt", "outputs", "saved")
    date_hierarchy = "created"
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Prediction]:
        """Without what is not shown: it may be large."""
        found: QuerySet[Prediction] = super().get_queryset(request).defer(*self.exclude)
        return found


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    list_display = ("kind", "payload", "created", "due", "attempts", "done", "error")
    list_filter = ("kind", ("error", admin.EmptyFieldListFilter))
    actions = ("send_again",)

    @admin.action(description="Send again", permissions=["view"])
    def send_again(self, request: HttpRequest, errands: Any) -> None:
        count = errands.exclude(error="").update(done=None, attempts=0, due=timezone.now(), error="")
        wakeups.request("outbox")
        self.message_user(request, f"{count} sent again")
