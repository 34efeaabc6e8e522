"""Owners' nodes: register, look, give a new key, retire."""

from __future__ import annotations

from typing import Annotated

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from assay import jsonform
from assay.rotation import FORMAT, KeyRotation
from marketplace.api import bodies, cards
from marketplace.api.cards import NodeState
from marketplace.api.pagination import QUERY, Page, page
from marketplace.api.schema import describe
from marketplace.api.views import View, actor_of
from marketplace.catalogue import access, actions


class NewNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A machine that runs `assay-node`, which prints all of this for an organisation (`assay-node join`)."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    key: Annotated[str, msgspec.Meta(description="`ed25519:` and 64 hexadecimal digits")]
    address: Annotated[
        str, msgspec.Meta(max_length=200, description="`host:port`, reachable from the marketplace")
    ]
    proof: Annotated[str, msgspec.Meta(description="The key's signature over joining the organisation, base64url")]


# assay.rotation.KeyRotation in JSON; read by `assay.jsonform`, as everything that is signed
STATEMENT = {
    "application/json": {
        "type": "object",
        "description": "What `assay-node rotate-key` prints; keys and signatures in base64url",
        "properties": {
            "format": {"type": "string", "enum": [FORMAT]},
            "time": {"type": "integer", "description": "Milliseconds since 1970, the owner's word"},
            **{name: {"type": "string"} for name in ("old", "new", "old_signature", "new_signature")},
        },
        "required": ["format", "old", "new", "time", "old_signature", "new_signature"],
        "additionalProperties": False,
    }
}


class Nodes(View):
    """At /nodes."""

    @describe("List nodes", answer=Page[NodeState], query=QUERY)
    def get(self, request: Request) -> Response:
        """The nodes of one's organisations, newest first."""
        return Response(page(request, access.visible_nodes(actor_of(request)), cards.node))

    @describe("Register a node", body=NewNode, answer=NodeState, status=201)
    def post(self, request: Request) -> Response:
        """A new one, or one's own by the same key under a new name or at a new address."""
        asked = bodies.body(request, NewNode)
        node = actions.register_node(actor_of(request), asked.name, asked.key, asked.address, asked.proof)
        return Response(cards.node(node), status=201, headers={"Location": f"/api/v1/nodes/{node.pk}"})


class Rotations(View):
    """At /nodes/rotations."""

    @describe("Give a node a new key", body=STATEMENT, answer=NodeState)
    def post(self, request: Request) -> Response:
        """The one that its old key named. What the old key signed stays valid, and can be checked as before."""
        statement = jsonform.from_json(bodies.raw(request), KeyRotation)
        node = actions.rotate_key(actor_of(request), statement)
        return Response(cards.node(node))


class OneNode(View):
    """At /nodes/{id}."""

    @describe("Get a node", answer=NodeState)
    def get(self, request: Request, identifier: int) -> Response:
        """How it was when last asked."""
        return Response(cards.node(access.node(actor_of(request), identifier)))

    @describe("Retire a node", answer=NodeState)
    def delete(self, request: Request, identifier: int) -> Response:
        """Takes it out of service; registering it again brings it back."""
        actor = actor_of(request)
        return Response(cards.node(actions.retire_node(actor, access.managed_node(actor, identifier))))
