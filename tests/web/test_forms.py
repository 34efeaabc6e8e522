"""What people do on pages: sign up, in and out; keys; nodes; models. And what they are told when it cannot be."""

from __future__ import annotations

import json

import pytest

from assay import joining
from assay.keys import PrivateKey
from marketplace.accounts.actions import authenticate_key
from marketplace.accounts.models import ApiKey, User
from marketplace.catalogue.interfaces import declaration
from marketplace.catalogue.models import Deployment, Model, ModelVersion, Node
from marketplace.errors import Unauthenticated
from marketplace.web.views.owner import TASKS
from tests.marketplace.people import PASSWORD
from tests.web.conftest import browser, url
from tests.web.test_policy import Page

MODEL = ("asha", "digits")


def text(answer) -> str:
    return answer.content.decode()


# --- people -----------------------------------------------------------------------------------------------


def test_signing_up_signs_in_and_goes_where_one_was_going(db):
    client = browser()
    assert "You begin with $1.00 of free credit." in text(client.get(url("signup")))
    sent = {"name": "Iris", "email": "iris@example.org", "password": PASSWORD, "next": url("keys")}
    answer = client.post(url("signup"), sent)
    assert answer.headers["Location"] == url("keys")
    assert client.get(url("keys")).status_code == 200
    assert User.objects.get(email="iris@example.org").personal_organisation.slug == "iris"


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", ""), ("email", "no address"), ("password", "short"), ("email", "bela@example.org")],
)
def test_a_sign_up_that_is_refused_says_which_field_and_keeps_the_rest(cast, field, value):
    given = {"name": "Iris <b>", "email": "iris@example.org", "password": PASSWORD} | {field: value}
    answer = browser().post(url("signup"), given)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in text(answer)
    assert [field["id"] for field in Page(text(answer)).all("input") if "autofocus" in field] == [field]
    assert ".." not in text(answer)
    assert PASSWORD not in text(answer)
    if field != "name":
        assert "Iris &lt;b&gt;" in text(answer)


def test_logging_in_and_out(cast):
    client = browser()
    answer = client.post(url("login"), {"email": "Bela@example.org", "password": PASSWORD})
    assert answer.headers["Location"] == url("home")
    assert client.get(url("predictions")).status_code == 200
    client.post(url("logout"))
    assert client.get(url("predictions")).status_code == 302


def test_a_wrong_password_and_an_unknown_address_are_answered_alike(cast):
    answers = [
        browser().post(url("login"), {"email": email, "password": "wrong wrong wrong"})
        for email in ("bela@example.org", "nobody@example.org")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert "do not belong together" in text(answers[0])
    assert "do not belong together" in text(answers[1])


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_nobody_is_sent_to_another_site(cast, target):
    answer = browser().post(url("login"), {"email": "bela@example.org", "password": PASSWORD, "next": target})
    assert answer.headers["Location"] == url("home")
    assert "evil.example" not in text(browser().get(url("login"), {"next": target}))


def test_guessing_and_signing_up_without_end_are_stopped_and_told_when_to_come_back(cast):
    wrong = {"email": "bela@example.org", "password": "wrong wrong wrong"}
    answers = [browser().post(url("login"), wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Too many attempts" in text(answers[-1])
    taken = {"name": "Bela", "email": "bela@example.org", "password": PASSWORD}
    assert [browser().post(url("signup"), taken).status_code for _ in range(21)] == [422] * 20 + [429]


# --- keys -------------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_and_works_until_it_is_revoked(cast):
    client = browser(cast.bela)
    answer = client.post(url("keys"), {"name": "report", "scopes": ["predict"], "lifetime": "30"})
    assert answer.status_code == 201
    key = ApiKey.objects.get(name="report")
    token = next(word for word in text(answer).split('"') if word.startswith(f"assay_{key.prefix}_"))
    assert authenticate_key(token).key == key
    assert key.expires is not None
    assert token not in text(client.get(url("keys")))

    client.post(url("revoke", key.pk))
    with pytest.raises(Unauthenticated):
        authenticate_key(token)
    assert "Revoked" in text(client.get(url("keys")))


def test_a_key_without_a_name_is_refused_and_the_choice_kept(cast):
    answer = browser(cast.bela).post(url("keys"), {"name": " ", "scopes": ["nodes"], "lifetime": "365"})
    assert answer.status_code == 422
    assert 'value="nodes" checked' in text(answer)
    assert 'value="365" selected' in text(answer)


# --- nodes ------------------------------------------------------------------------------------------------


def printed(key: PrivateKey, organisation: str, **changes: str) -> str:
    """What `assay-node join` prints."""
    given = {"name": "rack-9", "key": str(key.public), "address": "9.9.9.9:7700"}
    return json.dumps(given | {"proof": joining.prove(key, organisation)} | changes)


def test_a_node_is_registered_by_pasting_what_it_printed(cast):
    client = browser(cast.asha)
    answer = client.post(url("nodes"), {"pasted": printed(PrivateKey(b"\5" * 32), "asha")}, follow=True)
    assert "rack-9 is registered" in text(answer)
    assert Node.objects.get(name="rack-9").organisation == cast.asha.organisation


@pytest.mark.parametrize(
    "pasted", ["", "no JSON", "[]", '{"name": "x"}', '{"name": 1, "key": "", "address": "", "proof": ""}']
)
def test_what_is_not_a_nodes_print_is_refused_and_kept(cast, pasted):
    answer = browser(cast.asha).post(url("nodes"), {"pasted": pasted})
    assert answer.status_code == 422
    assert "This is not what the node printed" in text(answer)
    assert not Node.objects.exists()


def test_a_node_of_somebody_else_cannot_be_registered(cast):
    stolen = printed(PrivateKey(b"\5" * 32), "bela")  # proved to bela, pasted by asha
    answer = browser(cast.asha).post(url("nodes"), {"pasted": stolen})
    assert answer.status_code == 422
    assert "does not show that the node" in text(answer)


def test_the_commands_that_make_and_register_a_node_are_lines_to_paste(cast):
    making, joining_it = (
        found["data-copy"]
        for found in Page(text(browser(cast.asha).get(url("nodes")))).all("button")
        if "data-copy" in found
    )
    assert making.startswith("assay-node init --name NAME \\\n  --backend onnxruntime \\\n  --marketplace-url ")
    assert joining_it == "assay-node join asha \\\n  --address HOST:PORT"


def test_the_list_of_nodes_is_a_part_that_can_be_asked_for_alone(shop):
    part = browser(shop.cast.asha).get(url("nodes"), headers={"HX-Request": "true"})
    assert "<html" not in text(part)
    assert "cellar" in text(part)


def test_the_only_node_of_a_published_model_is_not_retired(shop):
    answer = browser(shop.cast.asha).post(url("retire", shop.node.pk), follow=True)
    assert "left without a provider" in text(answer)
    shop.node.refresh_from_db()
    assert shop.node.retired is None


# --- models -----------------------------------------------------------------------------------------------


NEW = {"title": "Wine", "name": "wine", "summary": "Three cultivars.", "licence": "MIT", "task": "regression"}


def test_a_model_that_stays_with_its_owner_is_made_and_shows_the_line_that_adds_it(cast):
    answer = browser(cast.asha).post(url("create"), NEW)
    assert answer.headers["Location"] == url("manage", "asha", "wine")
    made = Model.objects.get(slug="wine")
    assert (made.organisation, made.visibility, made.task) == (cast.asha.organisation, "private", "regression")
    assert (made.title, made.summary, made.licence) == ("Wine", "Three cultivars.", "MIT")
    page = text(browser(cast.asha).get(url("manage", "asha", "wine")))
    adding = next(
        each["data-copy"] for each in Page(page).all("button") if "assay-node" in each.get("data-copy", "")
    )
    command = "assay-node add model.onnx --name asha/wine --interface interface.json"
    assert adding.replace("\\\n", "").split() == command.split()
    assert 'hx-trigger="every 5s"' in page, "the version appears by itself"
    assert browser(cast.bela).get(url("model", "asha", "wine")).status_code == 404


@pytest.mark.parametrize("task", TASKS)
def test_what_the_page_says_of_the_interface_is_what_the_command_takes(cast, task):
    browser(cast.asha).post(url("create"), NEW | {"task": task})
    page = Page(text(browser(cast.asha).get(url("manage", "asha", "wine"))))
    shown = [each["data-copy"] for each in page.all("button") if each.get("data-copy", "").startswith("{")]
    assert declaration(json.loads(shown[0])).task == task


@pytest.mark.parametrize(
    ("field", "value"),
    [("title", " "), ("name", "Not A Name"), ("name", "digits"), ("summary", "x" * 241), ("licence", "\u202e")],
)
def test_a_model_that_cannot_be_made_says_which_field_and_keeps_the_rest(shop, field, value):
    answer = browser(shop.cast.asha).post(url("create"), NEW | {"title": "Wine <b>"} | {field: value})
    assert answer.status_code in (409, 422)
    assert f'id="{field}-error"' in text(answer)
    assert '<option value="regression" selected' in text(answer)
    if field != "title":
        assert "Wine &lt;b&gt;" in text(answer)
    assert not Model.objects.filter(slug="wine").exists()


def test_a_model_of_no_known_task_is_refused(cast):
    answer = browser(cast.asha).post(url("create"), NEW | {"task": "prophecy"})
    assert answer.status_code == 422
    assert "Unknown task" in text(answer)


def test_findings_are_shown_by_node_and_operator_with_the_modes_they_rule_out(shop):
    page = text(browser(shop.cast.asha).get(url("manage", *MODEL)))
    assert "/encoder/3" in page
    assert "com.acme.&lt;b&gt;Fused&lt;/b&gt;" in page
    assert "Rules out mode refereed, proof" in page
    assert page.index("unknown-operator") < page.index("rows-not-compared"), "what is worst comes first"


DET = {
    "level": "warning",
    "code": "unsupported-operator",
    "detail": "the operator <b>Det</b> is not among the reproducible ones",
    "operator": "<b>Det</b>",
    "modes_ruled_out": ["refereed"],
}


def modes_shown(shop, **report):
    """What the page says of each mode of its one published version."""
    ModelVersion.objects.filter(pk=shop.version.pk).update(report=report)
    page = text(browser(shop.cast.asha).get(url("manage", *MODEL)))
    part = page[page.index('<h3 class="mt-4">Modes</h3>') : page.index("On nodes</h3>")]
    return dict(
        zip(("direct", "agreement", "refereed"), part.split('<li>\n    <span class="state')[1:], strict=True)
    )


def test_a_mode_that_is_possible_says_so_and_one_that_cannot_be_asked_for_yet_says_that_too(shop):
    found = {"version": 1, "memory": 2048, "nodes": 3, "length": 0}
    shown = modes_shown(shop, findings=[], reproducible=found)
    assert all(">Possible<" in each for each in shown.values())
    assert [name for name, each in shown.items() if "not offered yet" in each] == ["refereed"]
    assert "2.0\xa0KB of memory" in shown["refereed"]


def test_a_file_that_was_examined_before_it_was_asked_says_that_nobody_has_looked(shop):
    shown = modes_shown(shop, findings=[])
    assert ">Not examined<" in shown["refereed"]
    assert ">Possible<" in shown["direct"]


@pytest.mark.parametrize(("nodes", "collapsed"), [(1, False), (12, True)])
def test_what_stands_in_the_way_of_a_mode_is_shown_with_it_node_by_node_and_once(shop, nodes, collapsed):
    findings = [DET | {"node": f"/layer/{i}", "pointer": f"/graph/node/{i}"} for i in range(nodes)]
    shown = modes_shown(shop, findings=findings)
    assert ">Not possible<" in shown["refereed"]
    assert shown["refereed"].count("is not among the reproducible ones") == 1
    assert "<b>Det</b>" not in shown["refereed"]
    assert all(f"<code>/layer/{i}</code>" in shown["refereed"] for i in range(nodes))
    assert ("<details>" in shown["refereed"]) is collapsed
    assert "Det" not in shown["direct"] + shown["agreement"]


def test_the_versions_ask_for_themselves_while_something_moves(shop):
    client = browser(shop.cast.asha)
    assert 'hx-trigger="every 1s"' in text(client.get(url("manage", *MODEL)))
    client.post(url("abandon", *MODEL, 3))
    assert 'hx-trigger="every 1s"' not in text(client.get(url("manage", *MODEL)))


def test_describing_a_model(shop):
    sent = {
        "title": "Handwritten digits",
        "summary": "One digit.",
        "licence": "MIT",
        "card": "# Hello\r\n\r\nWorld",
    }
    answer = browser(shop.cast.asha).post(url("edit", *MODEL), sent, follow=True)
    assert "Saved." in text(answer)
    page = text(browser().get(url("model", *MODEL)))
    assert "Handwritten digits" in page
    assert "<h3>Hello</h3>" in page


def test_a_model_without_a_title_stays_as_it_is(shop):
    answer = browser(shop.cast.asha).post(url("edit", *MODEL), {"title": ""}, follow=True)
    assert 'role="alert"' in text(answer)
    shop.version.model.refresh_from_db()
    assert shop.version.model.title == "Digits"


def test_withdrawing_and_publishing_again(shop):
    client = browser(shop.cast.asha)
    client.post(url("unpublish", *MODEL))
    assert browser().get(url("model", *MODEL)).status_code == 404
    client.post(url("publish", *MODEL, 1))
    assert browser().get(url("model", *MODEL)).status_code == 200


def test_going_back_to_an_earlier_version(shop):
    newer = ModelVersion.objects.create(
        model=shop.version.model,
        number=4,
        state="ready",
        weights="delivered",
        digest=b"\1" * 32,
        commitment=b"\2" * 32,
        interface=shop.version.interface,
        created_by=shop.cast.asha.user,
    )
    Deployment.objects.create(version=newer, node=shop.node, state="serving")
    client = browser(shop.cast.asha)
    client.post(url("publish", *MODEL, 4))
    assert "Go back to this version" in text(client.get(url("manage", *MODEL)))
    client.post(url("publish", *MODEL, 1))
    shop.version.model.refresh_from_db()
    assert shop.version.model.published_version == shop.version


def test_a_refused_version_cannot_be_deployed_and_it_is_said_why(shop):
    answer = browser(shop.cast.asha).post(url("deploy", *MODEL, 2), {"node": shop.node.pk}, follow=True)
    assert "this version is not ready" in text(answer).lower()


def test_going_on_with_an_upload(shop):
    page = text(browser(shop.cast.asha).get(url("upload"), {"model": "digits", "version": "3"}))
    assert "Go on with version 3" in page
    assert 'data-version="3"' in page
    finished = browser(shop.cast.asha).get(url("upload"), {"model": "digits", "version": "1"})
    assert finished.headers["Location"] == url("manage", *MODEL)
