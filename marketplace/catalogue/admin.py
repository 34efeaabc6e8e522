"""Models, versions, nodes and deployments, for staff: to look at, and to try again what failed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from assay.errors import AssayError
from assay.keys import PublicKey
from marketplace.accounts.access import Actor
from marketplace.accounts.admin import ReadOnlyAdmin
from marketplace.accounts.models import Role, User
from marketplace.catalogue import actions as catalogue
from marketplace.catalogue.models import Deployment, Evaluation, Model, ModelVersion, Node, Upload


@admin.register(Model)
class ModelAdmin(ReadOnlyAdmin):
    """Staff can withdraw a model from the catalogue; its owner may publish it again."""

    list_display = ("slug", "organisation", "title", "task", "visibility", "published_version", "updated")
    list_filter = ("visibility", "task")
    search_fields = ("slug", "title", "organisation__slug")
    list_select_related = ("organisation", "published_version__model__organisation")
    exclude = ("search", "headline")
    actions = ("withdraw",)

    @admin.action(description="Withdraw from the catalogue", permissions=["view"])
    def withdraw(self, request: HttpRequest, models: Any) -> None:
        for model in models:
            catalogue.unpublish(_actor(request, model), model)
        self.message_user(request, f"{len(models)} withdrawn")


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ("__str__", "state", "weights", "size", "sha256", "created_by", "created")
    list_filter = ("state", "weights")
    search_fields = ("model__slug", "model__organisation__slug")
    list_select_related = ("model__organisation", "created_by")
    exclude = ("digest", "commitment")
    readonly_fields = ("sha256",)

    @admin.display(description="SHA-256")
    def sha256(self, version: ModelVersion) -> str:
        return format_html("<code>{}</code>", bytes(version.digest).hex()) if version.digest else ""


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("version", "size", "received", "created", "deleted")
    list_select_related = ("version__model__organisation",)
    exclude = ("digest",)


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnlyAdmin):
    list_display = ("version", "dataset", "rows", "state", "detail", "created")
    list_filter = ("state",)
    list_select_related = ("version__model__organisation",)
    exclude = ("data", "digest")


@admin.register(Node)
class NodeAdmin(ReadOnlyAdmin):
    list_display = ("name", "organisation", "address", "serving", "seen", "detail", "retired")
    list_filter = ("serving", "retired")
    search_fields = ("name", "organisation__slug", "address")
    list_select_related = ("organisation",)
    exclude = ("key",)
    readonly_fields = ("public_key",)

    @admin.display(description="Key")
    def public_key(self, node: Node) -> str:
        return str(PublicKey(bytes(node.key)))


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    """Staff can try failed ones again."""

    list_display = ("version", "node", "state", "delivered", "detail", "updated")
    list_filter = ("state",)
    list_select_related = ("version__model__organisation", "node__organisation")
    actions = ("try_again",)

    @admin.action(description="Try again", permissions=["view"])
    def try_again(self, request: HttpRequest, deployments: Any) -> None:
        tried = 0
        for each in deployments.filter(state=Deployment.State.FAILED):
            try:
                catalogue.deploy(_actor(request, each.version.model), each.version, each.node)
                tried += 1
            except AssayError as error:
                self.message_user(request, f"{each}: {error}", level="ERROR")
        self.message_user(request, f"{tried} tried again")


def _actor(request: HttpRequest, model: Model) -> Actor:
    """Staff acting for a model's owners; the audit log says who it was."""
    assert isinstance(request.user, User)
    return Actor(request.user, model.organisation, {model.organisation_id: Role.ADMIN})
