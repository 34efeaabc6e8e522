"""The pages' addresses."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path

from marketplace.web.views import (
    catalogue,
    certificates,
    discarding,
    groups,
    keys,
    measuring,
    model,
    nodes,
    owner,
    people,
    predictions,
    texts,
    your_groups,
)

app_name = "web"

DIGEST = r"certificates/(?P<digest>[0-9a-f]{64})"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", catalogue.home, name="home"),
    path("models/<slug:owner>/<slug:name>", model.model, name="model"),
    path("models/<slug:owner>/<slug:name>/api", model.api, name="model-api"),
    path("models/<slug:owner>/<slug:name>/versions", model.versions, name="model-versions"),
    path("models/<slug:owner>/<slug:name>/provider", model.provider, name="model-provider"),
    path("groups", groups.listing, name="groups"),
    path("groups/<slug:slug>", groups.group, name="group"),
    path("groups/<slug:slug>/members", groups.members, name="group-members"),
    path("groups/<slug:slug>/api", groups.api, name="group-api"),
    path("groups/<slug:slug>/changes", groups.updates, name="group-updates"),
    path("predictions", predictions.listing, name="predictions"),
    path("predictions/<uuid:identifier>", predictions.one, name="prediction"),
    path("predictions/<uuid:identifier>/live", predictions.live, name="prediction-live"),
    path("predictions/<uuid:identifier>/input", predictions.what_was_sent, name="prediction-input"),
    re_path(rf"^{DIGEST}\Z", certificates.certificate, name="certificate"),
    re_path(rf"^{DIGEST}\.json\Z", certificates.as_json, name="certificate-json"),
    re_path(rf"^{DIGEST}\.cbor\Z", certificates.as_cbor, name="certificate-cbor"),
    re_path(rf"^{DIGEST}/receipt\.json\Z", certificates.receipt, name="receipt"),
    path("check", certificates.check, name="check"),
    path("dashboard", owner.listing, name="models"),
    path("dashboard/create", owner.create, name="create"),
    path("dashboard/upload", owner.upload, name="upload"),
    path("dashboard/deployments/<int:deployment>/stop", owner.undeploy, name="undeploy"),
    path("dashboard/<slug:owner>/<slug:name>", owner.manage, name="manage"),
    path("dashboard/<slug:owner>/<slug:name>/edit", owner.edit, name="edit"),
    path("dashboard/<slug:owner>/<slug:name>/unpublish", owner.unpublish, name="unpublish"),
    path("dashboard/<slug:owner>/<slug:name>/<int:number>/deploy", owner.deploy, name="deploy"),
    path("dashboard/<slug:owner>/<slug:name>/<int:number>/publish", owner.publish, name="publish"),
    path("dashboard/<slug:owner>/<slug:name>/<int:number>/abandon", owner.abandon, name="abandon"),
    path("dashboard/<slug:owner>/<slug:name>/<int:number>/measure", measuring.measure, name="measure"),
    path("dashboard/<slug:owner>/<slug:name>/<int:number>/discard", discarding.version, name="discard-version"),
    path("dashboard/<slug:owner>/<slug:name>/discard", discarding.model, name="discard"),
    path("your-groups", your_groups.listing, name="your-groups"),
    path("found-a-group", your_groups.found, name="found-group"),
    path("your-groups/<slug:slug>", your_groups.group, name="your-group"),
    path("your-groups/<slug:slug>/invite", your_groups.invite, name="group-invite"),
    path("your-groups/<slug:slug>/revoke", your_groups.revoke, name="group-revoke"),
    path("your-groups/<slug:slug>/accept", your_groups.accept, name="group-accept"),
    path("your-groups/<slug:slug>/decline", your_groups.decline, name="group-decline"),
    path("your-groups/<slug:slug>/swap", your_groups.swap, name="group-swap"),
    path("your-groups/<slug:slug>/withdraw", your_groups.withdraw, name="group-withdraw"),
    path("nodes", nodes.nodes, name="nodes"),
    path("nodes/<int:node>/retire", nodes.retire, name="retire"),
    path("keys", keys.keys, name="keys"),
    path("keys/<int:key>/revoke", keys.revoke, name="revoke"),
    path("login", people.login, name="login"),
    path("signup", people.signup, name="signup"),
    path("logout", people.logout, name="logout"),
    path("verification", texts.verification, name="verification"),
    path("problems", texts.problems, name="problems"),
    path("problems/<slug:code>", texts.problem, name="problem"),
]
