"""/groups/{slug}/proposals: the next epoch, proposed, joined, signed and withdrawn over the API alone."""

from __future__ import annotations

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assay import cbor
from assay.agreement import consent
from assay.agreement.chain import require_chain
from assay.agreement.group import Epoch
from assay.fields import plain
from assay.jsonform import base64url, convert, from_base64url
from assay.keys import PrivateKey
from marketplace.catalogue.models import Node
from marketplace.groups import actions, following, succession
from marketplace.groups.models import Group, Member, Proposal
from node.commands.accept import fetched
from tests.marketplace import people
from tests.marketplace.groups import founded, succeeding
from tests.marketplace.people import problem

pytestmark = pytest.mark.django_db
ONE = f"/api/v1/groups/{founded.SLUG}"
PROPOSALS = f"{ONE}/proposals"


@pytest.fixture
def eve(cast):
    """An owner who is no member, with a node and a model that fits."""
    return founded.owner(people.person("eve"), 9)


@pytest.fixture
def ask(client):
    """Somebody (nobody: None) sends a request."""

    def ask(method: str, path: str, owner=None, body=None):
        headers = owner.person.headers if owner else {}
        data = "" if body is None else json.dumps(body)
        return client.generic(method, path, data, "application/json", headers=headers)

    return ask


def refused(answer, code: str, status: int) -> dict:
    found = problem(answer)
    assert (answer.status_code, found["code"]) == (status, code), found
    return found


def test_a_member_is_replaced_by_one_that_chooses_and_signs(ask, owners, serving, eve):
    asha, bela, sam, dana = owners
    made = ask("POST", PROPOSALS, bela, {"join": ["eve"], "leave": [dana.slug], "grace": 400})
    assert made.status_code == 201
    shown = made.json()
    where = made["Location"]
    assert (shown["number"], shown["state"], shown["digest"], shown["n"], shown["f"]) == (
        1,
        "inviting",
        None,
        4,
        1,
    )
    assert (shown["proposed_by"], shown["command"], shown["awaited"][-1]) == ("bela", "", "eve")
    assert {each["organisation"]: each["change"] for each in shown["members"]} == {
        **{each.slug: "stays" for each in (asha, bela, sam)},
        "eve": "comes",
        dana.slug: "goes",
    }
    chosen = ask("POST", f"{ONE}/accept", eve, {"model": "eve/digits@1"})
    assert chosen.status_code == 200
    assert "eve" not in [each["organisation"] for each in chosen.json()["members"]]  # not yet
    shown = ask("GET", where, eve).json()
    assert (shown["state"], shown["command"]) == ("signing", f"assay-node accept {founded.SLUG}")
    assert (shown["consents"], shown["words"], shown["quorum"]) == (0, 0, 3)
    eves = next(each for each in shown["members"] if each["organisation"] == "eve")
    assert (eves["key"], eves["new_key"]) == (None, str(eve.key.public))
    for each in (asha, bela, eve):
        answer = ask("GET", f"{ONE}/configuration", each).json()
        after = fetched(answer, founded.SLUG)
        assert (after.epoch, after.digest.hex(), answer["epoch"]) == (1, answer["digest"], None)
        chain = tuple(convert(cbor.decode(from_base64url(e)), Epoch) for e in answer["epochs"])
        assert require_chain(chain).digest == after.previous
        word = consent.word(each.key, chain[-1].configuration, after)
        body = {"digest": answer["digest"], "signature": base64url(word)}
        for _ in range(2):
            assert ask("POST", f"{ONE}/consents", each, body).status_code == 201
    shown = ask("GET", where, asha).json()
    assert (shown["state"], shown["consents"], shown["words"]) == ("signing", 3, 2)
    assert shown["awaited"] == [sam.slug, dana.slug]
    proposal = Proposal.objects.get()
    succeeding.sign(proposal, sam)
    shown = ask("GET", where, dana).json()
    assert (shown["state"], shown["consents"], shown["words"], shown["awaited"]) == ("ordering", 4, 3, [])
    proposal.refresh_from_db()
    following.install(serving, [succeeding.ordered(proposal, [each.key for each in owners])])
    assert ask("GET", where).json()["state"] == "in-force"
    group = ask("GET", ONE).json()
    assert (group["epoch"], group["grace"], len(group["epochs"])) == (1, 400, 2)
    assert [each["organisation"] for each in group["members"]] == ["asha", "bela", "sam", "eve"]
    epochs = ask("GET", f"{ONE}/configuration").json()
    assert (len(epochs["epochs"]), epochs["epoch"], epochs["digest"]) == (
        2,
        epochs["epochs"][1],
        after.digest.hex(),
    )
    assert ask("GET", f"{ONE}/configuration").json()["signed"] == ["asha", "bela", "sam", "eve"]


def test_after_a_rotation_both_keys_sign_and_two_posts_arrive(ask, owners, serving):
    bela, old = owners[1], owners[1].key
    bela.key = PrivateKey(bytes([200]) * 32)
    Node.objects.filter(pk=bela.node.pk).update(key=bela.key.public.raw)
    shown = ask("POST", PROPOSALS, bela, {}).json()
    mine = shown["members"][1]
    assert (mine["key"], mine["new_key"]) == (str(old.public), str(bela.key.public))
    proposal = Proposal.objects.get()
    after = succeeding.to_sign(proposal)
    before = succession.present(serving)
    for i, key in enumerate((old, bela.key)):
        body = {"digest": after.digest.hex(), "signature": base64url(consent.word(key, before, after))}
        assert ask("POST", f"{ONE}/consents", bela, body).status_code == 201
        mine = ask("GET", f"{PROPOSALS}/{proposal.pk}", bela).json()["members"][1]
        assert (mine["said"], mine["consented"]) == (True, i == 1)
    for each in (owners[0], owners[2]):
        succeeding.sign(proposal, each)
    assert ask("GET", f"{PROPOSALS}/{proposal.pk}", bela).json()["awaited"] == [owners[3].slug]


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"leave": ["bela"]}, "wrong-size", "/join"),
        ({"join": ["eve"]}, "wrong-size", "/join"),
        ({"join": ["eve", "tariq"], "leave": ["bela", "sam"]}, "too-many-leave", "/leave"),
        ({"leave": ["eve"], "join": ["tariq"]}, "same-member", "/leave/0"),
        ({"join": ["bela"], "leave": ["sam"]}, "same-member", "/join/0"),
        ({"join": ["bela"], "leave": ["bela"]}, "same-member", "/join/0"),
        ({"join": ["eve", "eve"], "leave": ["bela"]}, "same-member", "/join/1"),
        ({"grace": 9}, "out-of-range", "/grace"),
        ({"horizon": 10**9}, "out-of-range", "/horizon"),
        ({}, "nothing-changes", ""),
        ({"grace": 250, "horizon": 600_000}, "nothing-changes", ""),
    ],
    ids=str,
)
def test_what_cannot_follow_is_refused_before_anybody_is_asked(ask, owners, serving, eve, body, code, pointer):
    found = refused(ask("POST", PROPOSALS, owners[1], body), code, 422)
    assert found.get("pointer", "") == pointer
    assert not Proposal.objects.exists()
    assert not Member.objects.filter(state=Member.State.ASKED).exists()


def test_nobody_is_asked_who_is_not_here(ask, owners, serving):
    answer = ask("POST", PROPOSALS, owners[0], {"join": ["nobody"], "leave": ["bela"]})
    assert refused(answer, "not-found", 404)["pointer"] == "/join/0"


def test_a_group_grows_by_three(ask, owners, serving):
    fresh = [founded.owner(people.person(f"new{i}"), 20 + i) for i in range(3)]
    assert ask("POST", PROPOSALS, owners[0], {"join": [each.slug for each in fresh]}).status_code == 201
    for each in fresh:
        assert ask("POST", f"{ONE}/accept", each, {"model": f"{each.slug}/digits@1"}).status_code == 200
    proposal = succeeding.signed(Proposal.objects.get(), [*owners, *fresh])
    following.install(serving, [succeeding.ordered(proposal, [each.key for each in owners])])
    group = ask("GET", ONE).json()
    assert (group["n"], group["f"], group["epoch"]) == (7, 2, 1)
    shrunk = ask("POST", PROPOSALS, owners[0], {"leave": [each.slug for each in fresh]})
    refused(shrunk, "too-many-leave", 422)


def test_a_model_that_does_not_fit_is_refused_and_the_proposal_waits(ask, owners, serving, eve):
    other = founded.other(founded.answering.INTERFACE, labels=tuple("9876543210"))
    founded.deployed(eve.person, eve.node, b"\x71" * 32, other, "misfit")
    ask("POST", PROPOSALS, owners[0], {"join": ["eve"], "leave": ["bela"]})
    refused(ask("POST", f"{ONE}/accept", eve, {"model": "eve/misfit@1"}), "wrong-interface", 422)
    choices = {each["model"]: each["fits"] for each in ask("GET", f"{ONE}/choices", eve).json()}
    assert choices == {"eve/misfit@1": False, "eve/digits@1": True}
    assert Proposal.objects.get().state == Proposal.State.INVITING


def test_there_is_one_proposal_at_a_time(ask, owners, serving):
    assert ask("POST", PROPOSALS, owners[1], {"grace": 400}).status_code == 201
    refused(ask("POST", PROPOSALS, owners[0], {"grace": 500}), "epoch-under-way", 409)


def test_meanwhile_no_member_changes_its_model_and_the_other_way_round(ask, owners, serving):
    founded.deployed(owners[1].person, owners[1].node, b"\x70" * 32)
    made = ask("POST", PROPOSALS, owners[0], {"grace": 400}).json()
    swap = {"model": "bela/digits@2"}
    refused(ask("POST", f"{ONE}/model", owners[1], swap), "epoch-under-way", 409)
    assert ask("DELETE", f"{PROPOSALS}/{made['id']}", owners[0]).json()["state"] == "withdrawn"
    assert ask("POST", f"{ONE}/model", owners[1], swap).status_code == 202
    refused(ask("POST", PROPOSALS, owners[0], {"grace": 400}), "swap-under-way", 409)


def test_who_proposed_it_or_the_founder_withdraws_it(ask, owners, serving, eve):
    asha, bela, sam, _ = owners
    stranger = founded.owner(people.person("stranger"), 30)
    for who in (bela, asha):
        made = ask("POST", PROPOSALS, bela, {"join": ["eve"], "leave": ["sam"]}).json()
        path = f"{PROPOSALS}/{made['id']}"
        refused(ask("DELETE", path, sam), "not-proposer", 409)
        refused(ask("DELETE", path, stranger), "not-found", 404)
        ended = ask("DELETE", path, who).json()
        assert (ended["state"], ended["awaited"], ended["completed"] is None) == ("withdrawn", [], False)
        refused(ask("DELETE", path, who), "no-proposal", 409)
        refused(ask("POST", f"{ONE}/accept", eve, {"model": "eve/digits@1"}), "not-found", 404)


def test_with_who_declines_to_come_it_ends(ask, owners, serving, eve):
    made = ask("POST", PROPOSALS, owners[0], {"join": ["eve"], "leave": ["bela"]}).json()
    assert ask("POST", f"{ONE}/decline", eve).status_code == 200
    shown = ask("GET", f"{PROPOSALS}/{made['id']}", owners[0]).json()
    assert (shown["state"], shown["detail"]) == ("withdrawn", "eve has declined")


def test_a_stranger_sees_what_came_into_force_and_nothing_else(ask, cast, owners, serving, eve):
    stranger = founded.owner(people.person("stranger"), 31)
    proposal = succeeding.proposed(serving, owners[0], joining=[eve], leaving=[owners[3]])
    path = f"{PROPOSALS}/{proposal.pk}"
    for who in (None, stranger):
        refused(ask("GET", path, who), "not-found", 404)
        assert ask("GET", PROPOSALS, who).json()["results"] == []
        assert fetched(ask("GET", f"{ONE}/configuration", who).json(), founded.SLUG).epoch == 0
    for who in (*owners, eve):
        assert ask("GET", PROPOSALS, who).json()["results"][0]["id"] == proposal.pk
    body = {"digest": proposal.hex, "signature": base64url(bytes(64))}
    refused(ask("POST", f"{ONE}/consents", stranger, body), "not-found", 404)
    refused(ask("POST", PROPOSALS, stranger, {"grace": 400}), "not-found", 404)


def test_a_signature_that_is_anothers_counts_for_nobody(ask, owners, serving, eve):
    proposal = succeeding.proposed(serving, owners[0], joining=[eve], leaving=[owners[3]])
    after = succeeding.to_sign(proposal)
    word = base64url(consent.word(owners[1].key, after, after))
    for who in (owners[0], eve, owners[3]):
        answer = ask("POST", f"{ONE}/consents", who, {"digest": after.digest.hex(), "signature": word})
        assert refused(answer, "bad-signature", 422)["pointer"] == "/signature"
    answer = ask("POST", f"{ONE}/consents", owners[1], {"digest": "00" * 32, "signature": word})
    refused(answer, "wrong-epoch", 409)
    assert not proposal.signatures.exists()


def test_a_group_that_does_not_serve_has_no_next_epoch(ask, owners, forming):
    refused(ask("POST", PROPOSALS, owners[0], {"grace": 400}), "group-not-serving", 409)
    assert ask("GET", PROPOSALS, owners[0]).json()["results"] == []


def test_nothing_is_left_to_sign_once_all_is_in_force(ask, owners, serving):
    body = {"digest": "00" * 32, "signature": base64url(bytes(64))}
    group = succeeding.succeeded(serving, owners[0], owners, [each.key for each in owners], grace=400)
    assert group.epoch == 1
    refused(ask("POST", f"{ONE}/consents", owners[0], body), "nothing-to-sign", 409)


def test_documents_are_as_nodes_told_them(ask, owners, serving):
    succeeding.succeeded(serving, owners[0], owners, [each.key for each in owners], grace=400)
    told = [from_base64url(each) for each in ask("GET", f"{ONE}/configuration").json()["epochs"]]
    assert told == [bytes(each.document) for each in Group.objects.get().epochs.order_by("number")]
    assert all(cbor.encode(plain(convert(cbor.decode(each), Epoch))) == each for each in told)


def test_a_list_takes_as_many_queries_however_long_it_is(ask, owners, serving):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ask("GET", PROPOSALS, owners[0]).status_code == 200
        return len(captured)

    queries()  # the first one by a key notes when it was used
    for i in range(5):
        made = succeeding.signed(succeeding.proposed(serving, owners[0], grace=400 + i), owners[:2])
        actions.withdraw_proposal(owners[0].actor, made)
        if not i:
            before = queries()
    assert queries() == before
