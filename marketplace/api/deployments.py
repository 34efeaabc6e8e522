"""Putting a version on nodes, taking it off, and measuring it there."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from assay.errors import Refused
from marketplace.api import bodies, cards
from marketplace.api.cards import DeploymentState, EvaluationState
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.catalogue import access, actions
from marketplace.catalogue.actions.evaluations import MAX_SHOWN
from marketplace.catalogue.models import Deployment


class NewDeployment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where to: one of the organisation's nodes, by its id."""

    node: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class LabelledSet(msgspec.Struct, frozen=True):
    """One request's inputs for all rows, and each row's label: one of the model's, or a number (regression)."""

    inputs: list[Any]
    labels: list[str | float]


class Deployments(View):
    """At /models/{owner}/{name}/versions/{number}/deployments."""

    @describe("List deployments", answer=list[DeploymentState])
    def get(self, request: Request, owner: str, name: str, number: int) -> Response:
        """Where the version is, or is being brought."""
        version = access.managed_version(actor_of(request), owner, name, number)
        return Response(cards.deployments(version.deployments.select_related("node").order_by("pk")))

    @describe("Deploy a version", body=NewDeployment, answer=DeploymentState, status=202)
    def post(self, request: Request, owner: str, name: str, number: int) -> Response:
        """Brings it to a node, which examines it itself and serves it. One that failed is tried again."""
        actor = actor_of(request)
        version = access.managed_version(actor, owner, name, number)
        node = access.managed_node(actor, bodies.body(request, NewDeployment).node)
        return Response(_shown(actions.deploy(actor, version, node)), status=202)


class OneDeployment(View):
    """At /deployments/{id}."""

    @describe("Get a deployment", answer=DeploymentState)
    def get(self, request: Request, identifier: int) -> Response:
        """How far it is."""
        return Response(_shown(access.managed_deployment(actor_of(request), identifier)))

    @describe("Stop a deployment", answer=DeploymentState)
    def delete(self, request: Request, identifier: int) -> Response:
        """Takes the version off the node, which keeps the file; deploying again starts it."""
        actor = actor_of(request)
        return Response(_shown(actions.undeploy(actor, access.managed_deployment(actor, identifier))))


class Evaluations(View):
    """At /models/{owner}/{name}/versions/{number}/evaluations."""

    @describe("List evaluations", answer=list[EvaluationState])
    def get(self, request: Request, owner: str, name: str, number: int) -> Response:
        """What was measured, or is being."""
        actor = actor_of(request)
        version = access.managed_version(actor, owner, name, number)
        found = access.visible_evaluations(actor, version).defer("data")
        return Response([cards.evaluation(each) for each in found[:100]])

    @describe(
        "Measure a version",
        body=LabelledSet,
        answer=EvaluationState,
        status=202,
        query={
            "dataset": {
                "type": "string",
                "minLength": 1,
                "maxLength": 120,
                "description": "What the set is called",
            },
            "shown": {
                "type": "integer",
                "minimum": 0,
                "maximum": MAX_SHOWN,
                "default": 0,
                "description": "How many of the first rows the model's page offers to try",
            },
        },
    )
    def post(self, request: Request, owner: str, name: str, number: int) -> Response:
        """Puts a labelled set to the deployed model; the figures then stand among the version's `metrics`.

        The body is hashed as it is: its SHA-256 stands beside the figures.
        """
        actor = actor_of(request)
        version = access.managed_version(actor, owner, name, number)
        given = request.query_params
        shown = given.get("shown", "0")
        if not (shown.isascii() and shown.isdigit() and len(shown) <= 4):
            raise Refused("not a number of rows", pointer="shown", expected=f"0 to {MAX_SHOWN}", got=shown[:40])
        content = request.data if isinstance(request.data, bytes) else b""
        evaluation = actions.evaluate(actor, version, given.get("dataset", ""), content, int(shown))
        return Response(cards.evaluation(evaluation), status=202)


def _shown(deployment: Deployment) -> DeploymentState:
    return cards.deployments([deployment])[0]
