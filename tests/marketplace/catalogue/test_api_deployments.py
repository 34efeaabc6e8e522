"""…/deployments, /deployments/{id}, …/evaluations, /nodes, /nodes/{id}."""

from __future__ import annotations

import json

import msgspec
import pytest

from assay import joining
from assay.jsonform import to_json
from assay.keys import PrivateKey
from assay.rotation import rotate
from marketplace.catalogue import actions
from marketplace.catalogue.models import Evaluation, Node
from marketplace.predictions import outbox
from tests.marketplace.catalogue.conftest import register
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db
VERSION = "/api/v1/models/asha/levels/versions/1"
DEPLOYMENTS = f"{VERSION}/deployments"
EVALUATIONS = f"{VERSION}/evaluations"
NODES = "/api/v1/nodes"


@pytest.fixture
def ask(client, cast):
    def send(method, path, body=None, headers=None):
        content = body if isinstance(body, bytes) else json.dumps(body or {})
        given = cast.asha.headers if headers is None else headers
        return client.generic(method, path, content, content_type="application/json", headers=given)

    return send


# --- deployments ------------------------------------------------------------------------------------------


def test_a_deployment_is_accepted_and_can_be_followed_to_its_end(ask, ready, live, wired):
    accepted = ask("POST", DEPLOYMENTS, {"node": live.pk})
    assert (accepted.status_code, accepted.json()["state"]) == (202, "waiting")
    outbox.carry_out()
    one = f"/api/v1/deployments/{accepted.json()['id']}"
    assert ask("GET", one).json()["state"] == "serving"
    assert ask("GET", DEPLOYMENTS).json() == [ask("GET", one).json()]
    assert ask("DELETE", one).json()["state"] == "stopped"
    assert ask("DELETE", one).json()["state"] == "stopped"


@pytest.mark.parametrize("node", [0, -1, 999_999, 2**63, "1", None, 1.5])
def test_a_node_that_is_not_there_is_refused(ask, ready, node):
    assert ask("POST", DEPLOYMENTS, {"node": node}).status_code in (404, 422)


def test_another_organisations_node_is_not_found(ask, cast, ready):
    theirs = register(cast.bela, PrivateKey.generate())
    assert ask("POST", DEPLOYMENTS, {"node": theirs.pk}).status_code == 404


def test_the_last_provider_of_a_published_model_stays(ask, published, serving):
    response = ask("DELETE", f"/api/v1/deployments/{serving.pk}")
    assert (response.status_code, problem(response)["code"]) == (409, "last-provider")


# --- nodes ------------------------------------------------------------------------------------------------


def new_node(person, **changes):
    key = PrivateKey.generate()
    return {
        "name": "cellar",
        "key": str(key.public),
        "address": "127.0.0.1:7001",
        "proof": joining.prove(key, person.organisation.slug),
    } | changes


def test_a_node_is_registered_listed_and_retired(ask, cast):
    made = ask("POST", NODES, new_node(cast.asha))
    assert made.status_code == 201
    node = made.json()
    assert made["Location"] == f"{NODES}/{node['id']}"
    assert (node["organisation"], node["serving"], node["seen"]) == ("asha", False, None)
    assert ask("GET", NODES).json() == {"results": [node], "next": None}
    assert ask("DELETE", made["Location"]).json()["retired"] is not None
    assert ask("GET", made["Location"]).json()["retired"] is not None


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": "a\0b"}, "/name"),
        ({"key": "ed25519:xyz"}, "/key"),
        ({"key": 7}, "/key"),
        ({"address": "nowhere"}, "/address"),
        ({"address": "http://127.0.0.1:80/"}, "/address"),
        ({"proof": "AAAA"}, "/proof"),
        ({"more": 1}, ""),
    ],
)
def test_a_field_that_does_not_fit_is_named(ask, cast, change, pointer):
    response = ask("POST", NODES, new_node(cast.asha, **change))
    assert response.status_code == 422
    assert problem(response).get("pointer", "") == pointer
    assert not Node.objects.exists()


def test_a_proof_for_another_organisation_registers_nothing(ask, cast):
    response = ask("POST", NODES, new_node(cast.asha), headers=cast.sam.headers)
    assert (response.status_code, problem(response)["code"]) == (422, "wrong-proof")


def test_nodes_are_their_organisations_own_affair(ask, cast, node):
    assert ask("GET", NODES, headers=cast.sam.headers).json()["results"] == []
    assert len(ask("GET", NODES, headers=cast.tariq.headers).json()["results"]) == 1
    blind = {"authorization": f"Bearer {cast.asha.key('predict')}"}
    assert ask("GET", NODES, headers=blind).json()["results"] == []


# --- measuring --------------------------------------------------------------------------------------------


def labelled(rows: int = 3) -> bytes:
    tensor = {"name": "x", "datatype": "FP32", "shape": [rows, 4], "data": [0.5] * (4 * rows)}
    return json.dumps({"inputs": [tensor], "labels": ["low"] * rows}).encode()


def test_a_measurement_is_accepted_and_listed(ask, serving):
    accepted = ask("POST", f"{EVALUATIONS}?dataset=Three+rows&shown=2", labelled())
    assert accepted.status_code == 202
    assert (accepted.json()["rows"], accepted.json()["state"]) == (3, "waiting")
    assert ask("GET", EVALUATIONS).json() == [accepted.json()]
    shown = ask("GET", "/api/v1/models/asha/levels").json()["examples"]
    assert [example["title"] for example in shown] == ["low", "low"]


@pytest.mark.parametrize(
    ("query", "body", "pointer"),
    [
        ("dataset=D&shown=x", labelled(), "shown"),
        ("dataset=D&shown=21", labelled(), "shown"),
        ("", labelled(), "dataset"),
        ("dataset=D%00", labelled(), "dataset"),
        ("dataset=D", labelled().replace(b"low", b"lower"), "/labels/0"),
        ("dataset=D", b"{}", ""),
    ],
)
def test_a_measurement_that_does_not_fit_is_refused_by_field(ask, serving, query, body, pointer):
    response = ask("POST", f"{EVALUATIONS}?{query}", body)
    assert response.status_code == 422
    assert problem(response).get("pointer", "") == pointer
    assert not Evaluation.objects.exists()


def test_what_does_not_serve_is_not_measured(ask, ready):
    response = ask("POST", f"{EVALUATIONS}?dataset=D", labelled())
    assert (response.status_code, problem(response)["code"]) == (409, "not-serving")


# --- who may ----------------------------------------------------------------------------------------------


def test_who_may(ask, cast, published, serving, node):
    actions.unpublish(cast.asha.actor, published)
    requests = [
        ("GET", DEPLOYMENTS, 404, 403),
        ("POST", DEPLOYMENTS, 404, 403),
        ("GET", f"/api/v1/deployments/{serving.pk}", 404, 403),
        ("DELETE", f"/api/v1/deployments/{serving.pk}", 404, 403),
        ("GET", EVALUATIONS, 404, 403),
        ("POST", EVALUATIONS, 404, 403),
        ("GET", f"{NODES}/{node.pk}", 404, 200),
        ("DELETE", f"{NODES}/{node.pk}", 404, 403),
    ]
    for method, path, stranger, teammate in requests:
        assert ask(method, path, headers={}).status_code == 401, (method, path)
        assert ask(method, path, headers=cast.sam.headers).status_code == stranger, (method, path)
        assert ask(method, path, headers=cast.tariq.headers).status_code == teammate, (method, path)
    limited = {"authorization": f"Bearer {cast.asha.key('read', 'predict')}"}
    for method, path, _, _ in requests:
        expected = 200 if (method, path) == ("GET", f"{NODES}/{node.pk}") else 403
        assert ask(method, path, headers=limited).status_code == expected, (method, path)


def test_a_key_is_replaced_by_the_statement_as_it_is_printed_and_the_one_before_is_listed(ask, cast, node):
    heir = PrivateKey.generate()
    statement = rotate(cast.node_key, heir, 1)
    for text in (to_json(statement), to_json(statement, indent=True)):
        told = ask("POST", f"{NODES}/rotations", text.encode()).json()
        assert (told["key"], told["former_keys"]) == (str(heir.public), [str(cast.node_key.public)])
    assert ask("GET", NODES).json()["results"] == [told]
    cut = ask("POST", f"{NODES}/rotations", to_json(statement)[:-20].encode())
    assert (cut.status_code, problem(cut)["code"]) == (400, "invalid-json")
    changed = msgspec.structs.replace(statement, time=2)
    assert ask("POST", f"{NODES}/rotations", to_json(changed).encode()).status_code == 422
