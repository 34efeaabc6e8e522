"""Groups for staff: to look at, and to withdraw."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from marketplace.accounts.access import Actor
from marketplace.accounts.admin import ReadOnlyAdmin
from marketplace.accounts.models import Role, User
from marketplace.groups import actions as groups
from marketplace.groups.models import Alert, Dissent, Evidence, Group, GroupCounts, Member, Proposal, Strike, Swap


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    """Staff can withdraw a group, which is for good."""

    list_display = ("slug", "title", "organisation", "state", "size", "aggregator", "updated")
    list_filter = ("state", "aggregator", "copy_resistant")
    search_fields = ("slug", "title", "organisation__slug")
    list_select_related = ("organisation",)
    actions = ("withdraw",)

    @admin.action(description="Withdraw", permissions=["view"])
    def withdraw(self, request: HttpRequest, chosen: Any) -> None:
        assert isinstance(request.user, User)
        for group in chosen:
            actor = Actor(request.user, group.organisation, {group.organisation_id: Role.ADMIN})
            groups.withdraw(actor, group)
        self.message_user(request, f"{len(chosen)} withdrawn")


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    list_display = ("group", "position", "organisation", "state", "node", "version", "formed", "detail")
    list_filter = ("state",)
    search_fields = ("group__slug", "organisation__slug")
    list_select_related = ("group", "organisation", "node__organisation", "version__model__organisation")


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin):
    list_display = (
        "group",
        "number",
        "state",
        "joining",
        "leaving",
        "organisation",
        "detail",
        "created",
        "completed",
    )
    list_filter = ("state",)
    search_fields = ("group__slug",)
    list_select_related = ("group", "organisation")


@admin.register(Swap)
class SwapAdmin(ReadOnlyAdmin):
    list_display = ("member", "before", "after", "state", "detail", "created", "completed")
    list_filter = ("state",)
    list_select_related = (
        *("member__group", "member__organisation"),
        *("before__model__organisation", "after__model__organisation"),
    )


@admin.register(Evidence)
class EvidenceAdmin(ReadOnlyAdmin):
    list_display = ("group", "kind", "about", "sentence", "submitted_by", "created")
    list_filter = ("kind",)
    search_fields = ("group__slug", "about")
    list_select_related = ("group", "submitted_by")


@admin.register(Strike)
class StrikeAdmin(ReadOnlyAdmin):
    list_display = ("member", "about", "evidence", "certificate", "created")
    search_fields = ("member__group__slug", "member__organisation__slug", "about")
    list_select_related = ("member__group", "member__organisation", "evidence", "certificate")


@admin.register(GroupCounts)
class GroupCountsAdmin(ReadOnlyAdmin):
    list_display = ("group", "epoch", "day", "lane", "requests", "rows")
    list_filter = ("epoch",)
    search_fields = ("group__slug",)
    list_select_related = ("group",)
    date_hierarchy = "day"


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ("group", "level", "working", "noticed", "raised", "cleared")
    list_filter = ("level",)
    search_fields = ("group__slug",)
    list_select_related = ("group",)
    date_hierarchy = "noticed"


@admin.register(Dissent)
class DissentAdmin(ReadOnlyAdmin):
    list_display = ("member", "version", "dissented", "rows", "since")
    search_fields = ("member__group__slug", "member__organisation__slug")
    list_select_related = ("member__group", "member__organisation", "version__model__organisation")
    date_hierarchy = "since"
