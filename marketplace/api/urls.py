"""The API's addresses, below /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from marketplace.api import (
    balance,
    catalogue,
    certificates,
    deployments,
    earnings,
    evidence,
    group_statistics,
    groups,
    keys,
    nodes,
    predictions,
    prices,
    proposals,
    quotes,
    stakes,
    versions,
)
from marketplace.api.reference import reference
from marketplace.api.views import Nothing

app_name = "api"

MODEL = "models/<slug:owner>/<slug:name>"
VERSION = f"{MODEL}/versions/<int:number>"
GROUP = "groups/<slug:slug>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("predictions", predictions.Predictions.as_view(), name="predictions"),
    path("predictions/<uuid:identifier>", predictions.OnePrediction.as_view(), name="prediction"),
    path("predictions/<uuid:identifier>/cancel", predictions.Cancel.as_view(), name="cancel-prediction"),
    path("predictions/<uuid:identifier>/events", predictions.Events.as_view(), name="prediction-events"),
    path("certificates/verify", certificates.Verify.as_view(), name="verify"),
    path("certificates/<str:name>", certificates.OneCertificate.as_view(), name="certificate"),
    path("keys", keys.Keys.as_view(), name="keys"),
    path("keys/<int:identifier>", keys.OneKey.as_view(), name="key"),
    path("keys/<int:identifier>/cap", balance.KeyCap.as_view(), name="key-cap"),
    path("quotes", quotes.Quotes.as_view(), name="quotes"),
    path("quotes/<uuid:identifier>", quotes.OneQuote.as_view(), name="quote"),
    path("balance", balance.OwnBalance.as_view(), name="balance"),
    path("usage", balance.OwnUsage.as_view(), name="usage"),
    path("holds", balance.Holds.as_view(), name="holds"),
    path("cap", balance.OwnCap.as_view(), name="cap"),
    path("earnings", earnings.OwnEarnings.as_view(), name="earnings"),
    path("earnings/spend", earnings.Spend.as_view(), name="spend-earnings"),
    path("models", catalogue.Models.as_view(), name="models"),
    path(MODEL, catalogue.OneModel.as_view(), name="model"),
    path(f"{MODEL}/prices/<slug:mode>", prices.ModelPrices.as_view(), name="model-price"),
    path(f"{MODEL}/unpublish", catalogue.Unpublish.as_view(), name="unpublish"),
    path(f"{MODEL}/versions", versions.Versions.as_view(), name="versions"),
    path(VERSION, versions.OneVersion.as_view(), name="version"),
    path(f"{VERSION}/file", versions.File.as_view(), name="file"),
    path(f"{VERSION}/publish", versions.Publish.as_view(), name="publish"),
    path(f"{VERSION}/deployments", deployments.Deployments.as_view(), name="deployments"),
    path(f"{VERSION}/evaluations", deployments.Evaluations.as_view(), name="evaluations"),
    path("deployments/<int:identifier>", deployments.OneDeployment.as_view(), name="deployment"),
    path("groups", groups.Groups.as_view(), name="groups"),
    path(GROUP, groups.OneGroup.as_view(), name="group"),
    path(f"{GROUP}/prices/<slug:mode>", prices.GroupPrices.as_view(), name="group-price"),
    path(f"{GROUP}/invitations", groups.Invitations.as_view(), name="invitations"),
    path(f"{GROUP}/invitations/<slug:organisation>", groups.OneInvitation.as_view(), name="invitation"),
    path(f"{GROUP}/choices", groups.Choices.as_view(), name="choices"),
    path(f"{GROUP}/accept", groups.Accept.as_view(), name="accept-group"),
    path(f"{GROUP}/decline", groups.Decline.as_view(), name="decline-group"),
    path(f"{GROUP}/configuration", groups.Configuration.as_view(), name="group-configuration"),
    path(f"{GROUP}/consents", groups.Consents.as_view(), name="consents"),
    path(f"{GROUP}/proposals", proposals.Proposals.as_view(), name="proposals"),
    path(f"{GROUP}/proposals/<int:identifier>", proposals.OneProposal.as_view(), name="proposal"),
    path(f"{GROUP}/model", groups.MemberModel.as_view(), name="group-model"),
    path(f"{GROUP}/updates", groups.Updates.as_view(), name="group-updates"),
    path(f"{GROUP}/statistics", group_statistics.Statistics.as_view(), name="group-statistics"),
    path(f"{GROUP}/evidence", evidence.EvidenceOfGroup.as_view(), name="group-evidence"),
    path(f"{GROUP}/evidence/<str:name>", evidence.OneEvidence.as_view(), name="one-evidence"),
    path(f"{GROUP}/strikes", evidence.StrikesOfGroup.as_view(), name="group-strikes"),
    path("nodes", nodes.Nodes.as_view(), name="nodes"),
    path("nodes/rotations", nodes.Rotations.as_view(), name="node-rotations"),
    path("nodes/<int:identifier>", nodes.OneNode.as_view(), name="node"),
    path("stakes", stakes.OwnStakes.as_view(), name="stakes"),
    path("stakes/locks", stakes.Locks.as_view(), name="stake-locks"),
    path("stakes/deposits", stakes.Deposits.as_view(), name="stake-deposits"),
    path("stakes/withdrawals", stakes.Withdrawals.as_view(), name="stake-withdrawals"),
    path("docs", reference, name="docs"),
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    re_path(r"", Nothing.as_view(), name="nothing"),
]
