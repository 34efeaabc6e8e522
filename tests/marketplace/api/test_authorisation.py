"""Who may do what at which address of the API: one table, held against the URL configuration.

A new address, or a new method of one, fails here until it has its line. Everything there is belongs to asha's
organisation; the model is private. `ok` means that the gate let the request through, whatever came of it.
"""

from __future__ import annotations

import dataclasses
import json

import pytest
from django.urls import URLPattern

from assay.agreement.blame import making
from assay.jsonform import to_json
from assay.keys import PrivateKey
from assay.rotation import rotate
from marketplace.accounts import actions as accounts
from marketplace.api.urls import urlpatterns
from marketplace.billing import quoting
from marketplace.catalogue.models import Deployment, Evaluation
from marketplace.certificates.actions import columns
from marketplace.certificates.models import Certificate
from marketplace.groups import actions as groups
from marketplace.groups.actions.founding import Rules
from marketplace.groups.models import Evidence
from marketplace.predictions import actions, questions
from marketplace.predictions.questions import Body
from tests.marketplace import answering, people
from tests.marketplace.groups import founded
from tests.sdk import blaming

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete", "head")
WITHOUT_RULE = {"nothing", "docs"}  # what has no address; a page that says the same to all

# address and method → nobody, a stranger, a teammate who buys, the owner, the owner's key that may only read
TABLE = {
    # predictions
    ("predictions", "get"): ("401", "ok", "ok", "ok", "ok"),
    ("predictions", "post"): ("401", "404", "ok", "ok", "403"),
    ("prediction", "get"): ("401", "404", "ok", "ok", "ok"),
    ("cancel-prediction", "post"): ("401", "404", "ok", "ok", "403"),
    ("prediction-events", "get"): ("401", "404", "ok", "ok", "ok"),
    # certificates
    ("certificate", "get"): ("401", "404", "ok", "ok", "ok"),
    ("verify", "post"): ("ok", "ok", "ok", "ok", "ok"),
    # keys
    ("keys", "get"): ("401", "ok", "ok", "ok", "403"),
    ("keys", "post"): ("401", "ok", "ok", "ok", "403"),
    ("key", "delete"): ("401", "404", "404", "ok", "403"),  # the owner's own key: a teammate does not see it
    # money: who buys may look, who owns or sees to the money may move it, with a key that may
    ("quotes", "post"): ("401", "404", "ok", "ok", "403"),
    ("quote", "get"): ("401", "404", "ok", "ok", "ok"),
    ("balance", "get"): ("401", "ok", "ok", "ok", "ok"),  # one's own
    ("usage", "get"): ("401", "ok", "ok", "ok", "ok"),
    ("holds", "get"): ("401", "ok", "ok", "ok", "ok"),
    ("cap", "put"): ("401", "ok", "403", "ok", "403"),
    ("cap", "delete"): ("401", "ok", "403", "ok", "403"),
    ("key-cap", "put"): ("401", "404", "403", "ok", "403"),
    ("key-cap", "delete"): ("401", "404", "403", "ok", "403"),
    ("earnings", "get"): ("401", "ok", "ok", "ok", "ok"),
    ("spend-earnings", "post"): ("401", "ok", "403", "ok", "403"),
    # the catalogue
    ("models", "get"): ("ok", "ok", "ok", "ok", "ok"),
    ("models", "post"): ("401", "ok", "403", "ok", "403"),
    ("model", "get"): ("404", "404", "ok", "ok", "ok"),
    ("model", "patch"): ("401", "404", "403", "ok", "403"),
    ("model", "delete"): ("401", "404", "403", "ok", "403"),
    ("model-price", "get"): ("404", "404", "ok", "ok", "ok"),
    ("model-price", "put"): ("401", "404", "403", "ok", "403"),
    ("unpublish", "post"): ("401", "404", "403", "ok", "403"),
    ("versions", "get"): ("404", "404", "ok", "ok", "ok"),
    ("versions", "post"): ("401", "404", "403", "ok", "403"),
    ("version", "get"): ("404", "404", "ok", "ok", "ok"),
    ("version", "delete"): ("401", "404", "403", "ok", "403"),
    ("file", "get"): ("401", "404", "403", "ok", "403"),
    ("file", "head"): ("401", "404", "403", "ok", "403"),
    ("file", "post"): ("401", "404", "403", "ok", "403"),
    ("file", "put"): ("401", "404", "403", "ok", "403"),
    ("file", "delete"): ("401", "404", "403", "ok", "403"),
    ("publish", "post"): ("401", "404", "403", "ok", "403"),
    ("deployments", "get"): ("401", "404", "403", "ok", "403"),
    ("deployments", "post"): ("401", "404", "403", "ok", "403"),
    ("evaluations", "get"): ("401", "404", "403", "ok", "403"),
    ("evaluations", "post"): ("401", "404", "403", "ok", "403"),
    ("deployment", "get"): ("401", "404", "403", "ok", "403"),
    ("deployment", "delete"): ("401", "404", "403", "ok", "403"),
    # nodes
    ("nodes", "get"): ("401", "ok", "ok", "ok", "ok"),
    ("nodes", "post"): ("401", "ok", "403", "ok", "403"),
    ("node-rotations", "post"): ("401", "404", "403", "ok", "403"),
    ("node", "get"): ("401", "404", "ok", "ok", "ok"),
    ("node", "delete"): ("401", "404", "403", "ok", "403"),
    # groups
    ("groups", "get"): ("ok", "ok", "ok", "ok", "ok"),
    ("groups", "post"): ("401", "404", "403", "ok", "403"),  # a stranger has no such model to bring
    ("group", "get"): ("404", "404", "ok", "ok", "ok"),
    ("group", "patch"): ("401", "404", "403", "ok", "403"),
    ("group", "delete"): ("401", "404", "403", "ok", "403"),
    ("group-price", "get"): ("404", "404", "ok", "ok", "ok"),
    ("group-price", "put"): ("401", "404", "403", "ok", "403"),
    ("invitations", "post"): ("401", "404", "403", "ok", "403"),
    ("invitation", "delete"): ("401", "404", "403", "ok", "403"),
    ("choices", "get"): ("401", "404", "403", "ok", "403"),
    ("accept-group", "post"): ("401", "404", "403", "ok", "403"),
    ("decline-group", "post"): ("401", "404", "403", "ok", "403"),
    ("group-configuration", "get"): ("404", "404", "ok", "ok", "ok"),
    ("consents", "post"): ("401", "404", "403", "ok", "403"),
    ("proposals", "get"): ("ok", "ok", "ok", "ok", "ok"),  # of a group that serves
    ("proposals", "post"): ("401", "404", "403", "ok", "403"),
    ("proposal", "get"): ("404", "404", "ok", "ok", "ok"),
    ("proposal", "delete"): ("401", "404", "403", "ok", "403"),
    ("group-model", "post"): ("401", "404", "403", "ok", "403"),
    ("group-model", "delete"): ("401", "404", "403", "ok", "403"),
    ("group-updates", "get"): ("404", "404", "ok", "ok", "ok"),
    ("group-statistics", "get"): ("404", "404", "ok", "ok", "ok"),
    ("group-evidence", "get"): ("404", "404", "ok", "ok", "ok"),
    ("group-evidence", "post"): ("401", "404", "ok", "ok", "ok"),  # it stands by itself, whoever hands it in
    ("one-evidence", "get"): ("404", "404", "ok", "ok", "ok"),
    ("group-strikes", "get"): ("404", "404", "ok", "ok", "ok"),
    # stakes
    ("stakes", "get"): ("401", "ok", "ok", "ok", "ok"),
    ("stake-locks", "get"): ("401", "ok", "ok", "ok", "ok"),
    ("stake-deposits", "post"): ("401", "ok", "403", "ok", "403"),
    ("stake-withdrawals", "post"): ("401", "ok", "403", "ok", "403"),
    # about the API
    ("schema", "get"): ("ok", "ok", "ok", "ok", "ok"),
}
ROLES = ("nobody", "stranger", "teammate", "owner", "reader")


def addresses() -> set[tuple[str, str]]:
    """Every address of the API by name, with the methods its view has."""
    found = set()
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if pattern.name in WITHOUT_RULE:
            continue
        view = pattern.callback.view_class
        found |= {(pattern.name, method) for method in METHODS if method in vars(view) or _inherited(view, method)}
    return found


def _inherited(view: type, method: str) -> bool:
    """A method of the framework's own views, such as the schema's; HEAD is always there and means GET."""
    return method != "head" and hasattr(view, method)


def test_every_address_has_a_rule_and_every_rule_an_address():
    assert addresses() == set(TABLE)


@pytest.fixture
def things(cast):
    """One of everything, asha's, by the name it has in an address."""
    version = answering.digits(cast.asha, "secret", published=False)
    version.model.visibility = "private"
    version.model.save()
    node = answering.deployed(version, cast.node_key)
    actor = cast.asha.actor
    prediction = actions.create(actor, questions.read(actor, Body(**answering.request(model="asha/secret"))))
    evaluation = Evaluation.objects.create(
        version=version, dataset="x", rows=1, digest=b"\0" * 32, created_by=cast.asha.user
    )
    key, _ = accounts.create_key(actor, "asha's")
    deployment = Deployment.objects.get(node=node)
    group = groups.found(actor, "secret-group", deployment, Rules("plurality"), title="Secret", invited=["bela"])
    return {
        "prediction": prediction,
        "quote": quoting.quote(actor, version, "direct", 1, 10),
        "certificate": certificate_of(cast, prediction),
        "key": key,
        "node": node,
        "deployment": deployment,
        "evaluation": evaluation,
        "evidence": evidence_against(group),
    }


def evidence_against(group) -> Evidence:
    """As if it had been proven of this group."""
    four = blaming.Group()
    made = making.double_vote(four.epochs, four.vote(1), four.vote(1, entry=b"b"))
    return Evidence.objects.create(group=group, digest=made.id, document=made.to_cbor(), kind=made.kind)


def certificate_of(cast, prediction) -> Certificate:
    from tests.marketplace.predictions.test_states import certificate_for

    names = ("sha256", "document", "mode", "outcome", "anchor_kind", "anchor", "caveats", "organisation_id")
    values = columns(prediction.organisation_id, certificate_for(cast, prediction))
    return Certificate.objects.create(**dict(zip(names, values, strict=True)))


def proposed(cast) -> dict[str, str]:
    """Where asha's proposal for a group that serves is; none of its other members is among the callers."""
    persons = [cast.asha, *(people.person(f"owner{i}") for i in range(3))]
    owners = [founded.owner(person, i, slug="four", name="four") for i, person in enumerate(persons)]
    group = founded.formed(founded.signed(founded.complete(founded.found(owners[0]), owners), owners))
    made = groups.propose(owners[0].actor, owners[0].seat(group), grace=400)
    path = f"groups/{group.slug}/proposals"
    return {"proposals": path, "proposal": f"{path}/{made.pk}"}


@pytest.fixture
def path(things):
    """Where an address is, by its name."""
    model = "models/asha/secret"
    version = f"{model}/versions/1"
    group = "groups/secret-group"
    prediction = f"predictions/{things['prediction'].pk}"
    return {
        "prediction": prediction,
        "cancel-prediction": f"{prediction}/cancel",
        "prediction-events": f"{prediction}/events",
        "certificate": f"certificates/{things['certificate'].hex}",
        "verify": "certificates/verify",
        "key": f"keys/{things['key'].pk}",
        "key-cap": f"keys/{things['key'].pk}/cap",
        "quote": f"quotes/{things['quote'].pk}",
        "spend-earnings": "earnings/spend",
        "model": model,
        "model-price": f"{model}/prices/direct",
        "unpublish": f"{model}/unpublish",
        "versions": f"{model}/versions",
        "version": version,
        "file": f"{version}/file",
        "publish": f"{version}/publish",
        "deployments": f"{version}/deployments",
        "evaluations": f"{version}/evaluations",
        "deployment": f"deployments/{things['deployment'].pk}",
        "node-rotations": "nodes/rotations",
        "node": f"nodes/{things['node'].pk}",
        "group": group,
        "group-price": f"{group}/prices/agreement",
        "invitations": f"{group}/invitations",
        "invitation": f"{group}/invitations/bela",
        "choices": f"{group}/choices",
        "accept-group": f"{group}/accept",
        "decline-group": f"{group}/decline",
        "group-configuration": f"{group}/configuration",
        "consents": f"{group}/consents",
        "group-model": f"{group}/model",
        "group-updates": f"{group}/updates",
        "group-statistics": f"{group}/statistics",
        "group-evidence": f"{group}/evidence",
        "group-strikes": f"{group}/strikes",
        "stake-locks": "stakes/locks",
        "stake-deposits": "stakes/deposits",
        "stake-withdrawals": "stakes/withdrawals",
        "one-evidence": f"{group}/evidence/{things['evidence'].hex}",
    }


BODIES = {
    ("predictions", "post"): answering.request(model="asha/secret"),
    ("verify", "post"): {"certificate": {}},
    ("keys", "post"): {"name": "new", "scopes": ["keys"]},
    ("models", "post"): {"name": "another", "task": "other", "title": "Another"},
    ("model", "patch"): {"title": "Other"},
    ("versions", "post"): {"weights": "delivered", "size": 10, "interface": {"task": "other"}},
    ("nodes", "post"): {"name": "n", "key": "ed25519:" + "00" * 32, "address": "node.example:1", "proof": "x"},
}
BODIES |= {
    ("quotes", "post"): {"model": "asha/secret", "verification": {"mode": "direct"}},
    ("cap", "put"): {"micros": 5},
    ("key-cap", "put"): {"micros": 5},
    ("spend-earnings", "post"): {"micros": 5},
    ("model-price", "put"): {"micros": 5},
    ("group-price", "put"): {"micros": 5},
    ("group", "patch"): {"title": "Other"},
    ("groups", "post"): {"name": "g", "title": "G", "model": "asha/secret@1", "aggregator": "plurality"},
    ("invitations", "post"): {"organisation": "sam"},
    ("accept-group", "post"): {"model": "asha/secret@1"},
    ("consents", "post"): {"digest": "00" * 32, "signature": ""},
    ("proposals", "post"): {"grace": 500},
    ("group-model", "post"): {"model": "asha/secret@1"},
}
RAW = {("file", "put"), ("evaluations", "post")}


@pytest.mark.parametrize(("name", "method"), sorted(TABLE))
def test_the_gate_is_where_the_table_says(api, cast, things, path, name, method):
    cast.sam.token, reader = cast.sam.token, dataclasses.replace(cast.asha)
    reader.token = cast.asha.key("read")
    callers = (None, cast.sam, cast.tariq, cast.asha, reader)
    extra = {"content_type": "application/octet-stream", "upload_offset": "0"} if (name, method) in RAW else {}
    body = b"{}" if (name, method) in RAW else BODIES.get((name, method))
    if name in ("proposals", "proposal"):
        path |= proposed(cast)
    if (name, method) == ("deployments", "post"):
        body = {"node": things["node"].pk}
    if (name, method) == ("node-rotations", "post"):
        body = json.loads(to_json(rotate(cast.node_key, PrivateKey.generate(), 1)))
    got = []
    for caller in (callers[0], callers[1], callers[4], callers[2], callers[3]):  # who may change things comes last
        response = api(method.upper(), path.get(name, name), caller, body, **extra)
        assert response.status_code < 500, response.content
        refused = response.status_code in (401, 403, 404)
        got.append(str(response.status_code) if refused else "ok")
    nobody, stranger, reading, teammate, owner = got
    assert dict(zip(ROLES, (nobody, stranger, teammate, owner, reading), strict=True)) == dict(
        zip(ROLES, TABLE[name, method], strict=True)
    )
