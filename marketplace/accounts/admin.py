"""People, organisations, keys and the audit log, for staff. What is evidence cannot be changed here.

Staff sign in on the site's own page, whose limits on guessing hold for them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from marketplace.accounts.models import ApiKey, AuditEntry, Membership, Organisation, User

if TYPE_CHECKING:  # Django's own classes cannot be subscripted
    Admin = admin.ModelAdmin[Any]
    Inline = admin.TabularInline[Any, Any]
else:
    Admin, Inline = admin.ModelAdmin, admin.TabularInline


def _login(request: HttpRequest, extra_context: Any = None) -> HttpResponse:  # noqa: ARG001 - Django's signature
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.get_full_path())


admin.site.login = _login  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = "Assay staff"


class ReadOnlyAdmin(Admin):
    """To look at, never to change."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class Memberships(Inline):
    model = Membership
    extra = 0
    autocomplete_fields = ("user", "organisation")


@admin.register(User)
class UserAdmin(Admin):
    """Passwords are neither shown nor set here; a person is switched off, never deleted."""

    list_display = ("email", "name", "is_active", "is_staff", "created", "last_login")
    list_filter = ("is_active", "is_staff")
    search_fields = ("email", "name")
    fields = ("email", "name", "is_active", "is_staff", "is_superuser", "groups", "created", "last_login")
    readonly_fields = ("email", "created", "last_login")
    inlines = (Memberships,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(Organisation)
class OrganisationAdmin(Admin):
    list_display = ("slug", "name", "personal_of", "created")
    search_fields = ("slug", "name")
    readonly_fields = ("slug", "personal_of", "created")
    list_select_related = ("personal_of",)
    inlines = (Memberships,)

    def has_delete_permission(self, request: HttpRequest, obj: Organisation | None = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Staff can revoke a key, and nothing else."""

    list_display = ("name", "prefix", "organisation", "created_by", "created", "expires", "revoked", "last_used")
    list_filter = ("revoked",)
    search_fields = ("prefix", "name", "organisation__slug", "created_by__email")
    list_select_related = ("organisation", "created_by")
    exclude = ("sha256",)
    actions = ("revoke",)

    @admin.action(description="Revoke the selected keys", permissions=["view"])
    def revoke(self, request: HttpRequest, keys: Any) -> None:
        count = keys.filter(revoked__isnull=True).update(revoked=timezone.now())
        self.message_user(request, f"{count} revoked")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("time", "organisation", "user", "action", "subject")
    list_filter = ("action",)
    search_fields = ("organisation__slug", "user__email", "subject")
    list_select_related = ("organisation", "user")
    date_hierarchy = "time"
