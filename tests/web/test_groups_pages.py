"""Groups on the site: found, joined, signed and changed by forms; asked, and every member's vote shown."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from assay.certificate import parse
from assay.errors import Refused
from assay.verify import anchor
from marketplace.accounts.audit import Action
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue.models import Deployment, Model, ModelVersion
from marketplace.groups import actions as groups
from marketplace.groups.models import Group, Swap
from marketplace.predictions import actions, questions
from marketplace.predictions.changes import Change
from marketplace.predictions.models import Prediction, Status
from marketplace.predictions.questions import Body
from tests.marketplace import answering
from tests.marketplace.groups import founded
from tests.marketplace.groups.conftest import deciding, forming, inviting, owners, serving, signing  # noqa: F401
from tests.marketplace.groups.deciding import ABSTAINS, ERRS, SILENT, certificate
from tests.marketplace.groups.test_group_predictions import request as asking
from tests.web.conftest import browser, url

SLUG = founded.SLUG
EVERY = ("group", "group-members", "group-api", "group-updates")


def page(name: str, *arguments, person=None) -> str:
    answer = browser(person).get(url(name, *arguments))
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def send(person, form: str, *arguments, **fields) -> str:
    """What the page says that one is led to."""
    return browser(person).post(url(form, *arguments), fields, follow=True).content.decode()


# --- for those who ask ------------------------------------------------------------------------------------


def test_the_catalogue_shows_groups_with_their_hallmark(deciding, serving):  # noqa: F811
    home = page("home")
    assert "Digits of four" in home
    assert "agreement" in home
    assert "Digits of four" in page("groups")
    assert "Digits of four" not in browser().get(url("home"), {"q": "zeppelin"}).content.decode()
    assert "Digits of four" not in browser().get(url("home"), {"mode": "direct"}).content.decode()
    facet = '<span>agreement</span><span class="count">1</span>'
    for restricted in ({}, {"mode": "direct"}, {"mode": "agreement"}, {"q": "digits"}):
        assert facet in browser().get(url("home"), restricted).content.decode()
    assert facet not in browser().get(url("home"), {"q": "zeppelin"}).content.decode()
    alone = browser().get(url("home"), {"mode": "agreement"}).content.decode()
    assert "Digits of four" in alone
    assert "Nothing fits" not in alone
    assert (
        "Digits of four"
        in browser().get(url("home"), {"q": "FOUR digits", "task": "classification"}).content.decode()
    )


def test_a_group_that_does_not_serve_is_not_in_the_catalogue(deciding, owners, serving):  # noqa: F811
    groups.withdraw(owners[0].actor, serving)
    assert "Digits of four" not in page("home")
    assert "No group serves yet" in page("groups")


def test_a_groups_pages_say_who_answers_how_it_is_counted_and_what_to_pin(deciding, owners, serving):  # noqa: F811
    owners[3].node.serving = False
    owners[3].node.save()
    ask, members, api, changes = (page(name, SLUG) for name in EVERY)
    genesis = serving.epochs.get().hex
    assert "Any one of the four may fail or lie" in ask
    assert "at least two members gave it" in ask
    assert (ask.count(">Reachable<"), ask.count(">Not reachable<")) == (3, 1)
    assert "97.0 %" in ask
    assert f"assay verify certificate.json --group {genesis}" in members
    assert str(owners[1].key.public) in members
    assert f"groups=[&quot;{genesis}&quot;]" in api
    assert "assay predict --group digits-four" in api
    assert "No member has changed its model yet" in changes


@pytest.mark.parametrize(
    ("aggregator", "f", "words"),
    [
        ("plurality", 2, "at least three members gave it"),
        ("median", 1, "no single member can move it"),
        ("trimmed-mean", 2, "the two highest and the two lowest"),
    ],
)
def test_an_aggregator_in_one_line(aggregator, f, words):
    from marketplace.web.views.groups import counting

    assert words in counting(aggregator, f)


def test_the_playground_asks_the_group(deciding, owners, serving):  # noqa: F811
    owners[0].version.examples = [{"title": "a three", "inputs": [answering.a_three()]}]
    owners[0].version.save()
    ask = page("group", SLUG)
    assert '"asked": {"group": "digits-four"}' in ask
    assert 'value="agreement"' in ask
    assert "Sample" in ask


def test_too_few_that_can_be_reached_are_said(deciding, owners, serving):  # noqa: F811
    for each in owners[:2]:
        each.node.serving = False
        each.node.save()
    assert "2 of 4 members can be reached at the moment, and it takes 3" in page("group", SLUG)


def test_a_group_on_its_way_says_so_to_its_members_alone(cast, owners, signing):  # noqa: F811
    assert browser().get(url("group", SLUG)).status_code == 404
    for name in EVERY:
        assert "Digits of four" in page(name, SLUG, person=owners[1].person)
    assert "Not serving yet" in page("group", SLUG, person=owners[1].person)


# --- votes ------------------------------------------------------------------------------------------------


def ended(owners, says, least=0, *, turned=False, **changes) -> Prediction:  # noqa: F811
    """A prediction of bela's on which the members said that."""
    person = owners[1].person
    prediction = actions.create(person.actor, questions.read(person.actor, Body(**asking(**changes))))
    prepared = certificate([each.key for each in owners], prediction, says, least, turned=turned)
    status = Status(prepared.certificate.statement.outcome)
    error = None if status != Status.FAILED else Refused("too few members of the group answered")
    actions.apply([Change(prediction.pk, Status.DISPATCHED)])
    actions.apply([Change(prediction.pk, status, certificate=prepared, error=error)])
    return Prediction.objects.select_related("certificate").get(pk=prediction.pk)


def both(owners, prediction) -> list[str]:  # noqa: F811
    """The prediction's page and its certificate's."""
    person = owners[1].person
    return [
        page("prediction", prediction.pk, person=person),
        page("certificate", prediction.certificate.hex, person=person),
    ]


def test_every_members_vote_is_shown(deciding, owners):  # noqa: F811
    for shown in both(owners, ended(owners, {2: 8, 3: SILENT})):
        assert (shown.count(">Agrees<"), shown.count(">Dissents<"), shown.count(">Silent<")) == (2, 1, 1)
        assert "Not firm: other votes of the silent could have changed it." in shown
        for owner in owners[:3]:
            assert f"{owner.slug}/digits@1" in shown


def test_what_no_silent_member_could_change_is_firm(deciding, owners):  # noqa: F811
    for shown in both(owners, ended(owners, {3: SILENT})):
        assert "Firm: it would be the same" in shown


def test_contested_is_no_answer(deciding, owners):  # noqa: F811
    prediction = ended(owners, {0: 1, 1: 2, 2: ABSTAINS, 3: 4})
    own, certified = both(owners, prediction)
    assert "The members did not agree" in own
    assert "The members of digits-four did not agree." in certified
    for shown in (own, certified):
        assert shown.count(">Voted<") == 3
        assert shown.count("Abstained: it lacked the input, or its model was out of reach") == 1
        assert ">Agrees<" not in shown


def test_votes_that_were_asked_for_and_not_had_are_named(deciding, owners):  # noqa: F811
    own, certified = both(owners, ended(owners, {3: 4}, least=4))
    assert "The members did not agree" not in own
    assert "digits-four gave no answer: 3 of the 4 votes that were asked for agree." in certified
    for shown in (own, certified):
        assert "Contested because 3 of the 4 votes that were asked for agree." in shown


def test_the_rows_that_too_few_agreed_on_are_counted(deciding, owners):  # noqa: F811
    rows = answering.a_three() | {"shape": [3, 64], "data": [3.0] * 64 + [5.0] * 128}
    for shown in both(owners, ended(owners, {1: 5}, least=4, inputs=[rows])):
        assert "fewer than the 4 votes that were asked for agree on 1 of 3 rows" in shown


def test_why_a_member_abstained_is_shown_where_it_is_known(deciding, owners):  # noqa: F811
    """A model that its node had stopped serving before; not one that it stopped to serve long afterwards."""
    prediction = ended(owners, {2: ABSTAINS})
    generic, known = "it lacked the input, or its model was out of reach", "its node did not serve its model"
    for shown in both(owners, prediction):
        assert (generic in shown, known in shown) == (True, False)
    lost = Deployment.objects.filter(pk=owners[2].deployment.pk)
    lost.update(state="failed", updated=prediction.completed - timedelta(minutes=1))
    for shown in both(owners, prediction):
        assert (generic in shown, known in shown) == (False, True)
    lost.update(updated=prediction.completed + timedelta(minutes=1))
    for shown in both(owners, prediction):
        assert (generic in shown, known in shown) == (True, False)


def test_two_members_with_one_model_are_marked(deciding, owners, serving):  # noqa: F811
    for name in ("group", "group-members"):
        assert "Same model" not in page(name, SLUG)
    same = bytes(owners[1].version.commitment)
    ModelVersion.objects.filter(pk=owners[3].version.pk).update(commitment=same)
    said = "bela and owner3 answer with one and the same model: their votes are not independent of each other."
    for shown in (
        page("group", SLUG),
        page("group-members", SLUG),
        page("your-group", SLUG, person=owners[0].person),
    ):
        assert said in shown
        assert shown.count(">Same model<") == 3


def test_a_withdrawn_group_counts_nobody_as_reachable(owners, serving):  # noqa: F811
    assert "4 of 4" in page("your-groups", person=owners[1].person)
    groups.withdraw(owners[0].actor, serving)
    assert "not asked any more" in page("your-groups", person=owners[1].person)
    for name in ("your-group", "group", "group-members"):
        assert ">Reachable<" not in page(name, SLUG, person=owners[1].person)


def test_the_command_that_checks_a_certificate_is_one_line(deciding, owners):  # noqa: F811
    """Wrapped for the reader alone: a backslash would stand alone on a narrow page."""
    prediction = ended(owners, {})
    shown = page("certificate", prediction.certificate.hex, person=owners[1].person)
    command = next(line for line in shown.splitlines() if line.startswith("assay verify "))
    assert "\\" not in command
    assert {"--group", "--input", "--salt"} < set(command.split())


def test_a_group_that_failed_says_who_was_heard(deciding, owners):  # noqa: F811
    own, certified = both(owners, ended(owners, {1: ERRS, 2: SILENT, 3: SILENT}))
    assert "Too few members of the group answered" in own
    assert "digits-four gave no answer." in certified
    for shown in (own, certified):
        assert "1 of 4 members answered, and it takes 3" in shown
        assert "Its model could not answer" in shown


def test_rows_are_shown_beside_each_other(deciding, owners):  # noqa: F811
    rows = answering.a_three() | {"shape": [3, 64], "data": [3.0] * 64 + [5.0] * 128}
    for shown in both(owners, ended(owners, {1: 5}, inputs=[rows])):
        assert "Dissents on 1 of 3 rows" in shown
        assert shown.count('<span class="state warn">5</span>') == 1


def test_a_certificate_names_the_group_to_pin_and_who_committed(deciding, owners, serving):  # noqa: F811
    prediction = ended(owners, {})
    genesis = serving.epochs.get().hex
    shown = page("certificate", prediction.certificate.hex, person=owners[1].person)
    assert "digits-four answered “3”." in shown
    assert f"--group {genesis}" in shown
    assert "committed to by asha, bela, sam (3 of 4 members)" in shown


def test_a_certificate_of_a_later_epoch_names_its_members_and_whose_keys_are_trusted(deciding, owners, serving):  # noqa: F811
    prediction = ended(owners, {3: 8}, turned=True)  # the founder, who is last there
    genesis, latest = serving.epochs.get().hex, anchor(parse(bytes(prediction.certificate.document))).epochs[-1]
    for shown in both(owners, prediction):
        assert re.search(r"owner3\b.*\bsam\b.*\bbela\b.*\basha\b.*Dissents", shown, re.DOTALL)
    assert "committed to by owner3, sam, bela (3 of 4 members)" in shown
    assert "To believe it is to trust the keys of 2f + 1 members of each of epochs 0 and 1." in shown
    assert f"--group {genesis}" in shown
    assert latest.hex() in shown
    assert "To believe it" not in both(owners, ended(owners, {}))[1]


def test_why_a_member_abstained_is_said_of_that_member_wherever_its_place_is(deciding, owners, serving):  # noqa: F811
    unserved = Deployment.objects.get(node=owners[0].node, version=owners[0].version)
    Deployment.objects.filter(pk=unserved.pk).update(state=Deployment.State.FAILED)
    for place, turned in ((0, False), (3, True)):
        for abstaining, known in ((place, True), (3 - place, False)):
            shown = both(owners, ended(owners, {abstaining: ABSTAINS}, turned=turned))[1]
            assert ("its node did not serve its model" in shown) == known


def test_the_list_names_groups_and_keeps_to_its_queries(deciding, owners):  # noqa: F811
    client, person = browser(owners[1].person), owners[1].person
    ended(owners, {})

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert "digits-four" in client.get(url("predictions")).content.decode()
        return len(captured)

    before = queries()
    ended(owners, {0: 1, 1: 2, 2: 4})
    assert queries() == before
    assert "contested" in page("predictions", person=person)


# --- for owners -------------------------------------------------------------------------------------------


def form(owner, **changes):
    return {
        "name": SLUG,
        "title": "Digits of four",
        "summary": "",
        "model": f"{owner.version}/{owner.node.pk}",
        "aggregator": "plurality",
        "size": "4",
        "scale": "1000",
        "grace": "250",
        "horizon": "600000",
        "invite": "bela, sam",
    } | changes


def test_from_founding_to_signing_by_forms(owners):  # noqa: F811
    asha, bela, sam, dana = owners
    said = send(asha.person, "found-group", **form(asha))
    assert "The group is founded" in said
    assert "1 place free" in said
    assert f"{dana.slug} is invited." in send(asha.person, "group-invite", SLUG, organisation=dana.slug)
    assert "Choose a model, or decline" in page("your-groups", person=bela.person)
    for each in (bela, sam, dana):
        value = f"{each.version}/{each.node.pk}"
        assert value in page("your-group", SLUG, person=each.person)
        said = send(each.person, "group-accept", SLUG, seat=each.slug, model=value)
        assert "Your model has its place" in said
    assert "assay-node accept digits-four" in said
    assert "nobody yet" in said
    group = Group.objects.get()
    groups.sign(bela.actor, bela.seat(group), *founded.signature(group, bela))
    assert "asha, sam, owner3" in page("your-group", SLUG, person=asha.person)
    part = browser(asha.person).get(url("your-group", SLUG), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 5s"' in part


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"aggregator": "mean"}, "One liar moves a plain mean at will"),
        ({"aggregator": "median"}, "This aggregator does not count that kind of vote"),
        ({"name": "Ä b"}, "Not a name"),
        ({"title": ""}, "A text is missing"),
        ({"size": "5"}, "Not a size that a group can have"),
        ({"grace": "x"}, "Not a number"),
        ({"horizon": "1"}, "Out of range"),
        ({"model": ""}, "No model is chosen"),
        ({"model": "asha/digits@9/1"}, "No such version of yours is served"),
        ({"invite": "bela nobody"}, "No such organisation: nobody."),
        ({"invite": "bela sam bela"}, "Invited twice: bela."),
        ({"invite": "bela asha"}, "The founder is a member already: asha."),
        ({"invite": "bela sam owner3 tariq"}, "Every place is taken"),
    ],
    ids=str,
)
def test_what_cannot_be_founded_is_said_beside_its_field_and_the_form_stays_filled(owners, change, words):  # noqa: F811
    answer = browser(owners[0].person).post(url("found-group"), form(owners[0], summary="kept", **change))
    assert answer.status_code in (404, 409, 422)
    shown = answer.content.decode()
    assert words in shown
    assert "is-invalid" in shown
    assert 'value="kept"' in shown
    assert not Group.objects.exists()


def test_a_misfit_is_shown_with_its_reason_and_cannot_be_chosen(owners, inviting):  # noqa: F811
    bela = owners[1]
    labels = founded.other(answering.INTERFACE, labels=("cat", "dog"))
    misfit = founded.deployed(bela.person, bela.node, b"\x72" * 32, labels, "pets")
    groups.invite(owners[0].actor, inviting, "bela")
    shown = page("your-group", SLUG, person=bela.person)
    assert "Does not fit: the model&#x27;s labels" in shown
    said = send(bela.person, "group-accept", SLUG, seat="bela", model=f"{misfit.version}/{bela.node.pk}")
    assert "labels must be the group" in said
    assert inviting.members.get(organisation__slug="bela").state == "invited"


def test_an_invitation_is_declined_or_taken_back(owners, inviting):  # noqa: F811
    groups.invite(owners[0].actor, inviting, "bela")
    groups.invite(owners[0].actor, inviting, "sam")
    assert "You belong to no group yet" in send(owners[1].person, "group-decline", SLUG, seat="bela")
    assert "sam has no place any more" in send(owners[0].person, "group-revoke", SLUG, organisation="sam")
    assert "Nobody else of this name is invited" in send(
        owners[0].person, "group-revoke", SLUG, organisation="sam"
    )


def test_who_owns_nothing_that_serves_is_told_what_to_do(cast, owners, inviting):  # noqa: F811
    assert "No model of yours is served now" in page("found-group", person=cast.tariq)
    owners[1].deployment.state = "stopped"
    owners[1].deployment.save()
    groups.invite(owners[0].actor, inviting, "bela")
    assert "is served now. Deploy one" in page("your-group", SLUG, person=owners[1].person)


def test_a_teammate_sees_but_has_no_buttons(cast, owners, inviting):  # noqa: F811
    shown = page("your-group", SLUG, person=cast.tariq)
    assert "Digits of four" in shown
    assert "Withdraw the group" not in shown
    assert "Invite an owner" not in shown
    assert "Withdraw the group" in page("your-group", SLUG, person=owners[0].person)


def test_a_member_changes_its_model_by_a_form(owners, serving):  # noqa: F811
    bela = owners[1]
    better = founded.deployed(bela.person, bela.node, b"\x70" * 32)
    shown = page("your-group", SLUG, person=bela.person)
    assert f"{better.version}/{bela.node.pk}" in shown
    assert f"{bela.version}/{bela.node.pk}" not in shown
    said = send(bela.person, "group-swap", SLUG, seat="bela", model=f"{better.version}/{bela.node.pk}")
    assert "Your node is told" in said
    assert Swap.objects.get().after == better.version
    assert "Waiting" in said
    assert "No member has changed" in page("group-updates", SLUG)


def test_a_change_that_waits_for_its_owner_shows_the_command_and_can_be_withdrawn(owners, serving):  # noqa: F811
    bela = owners[1]
    better = founded.deployed(bela.person, bela.node, b"\x70" * 32)
    made = groups.swap(bela.actor, bela.seat(serving), better)
    Swap.objects.filter(pk=made.pk).update(awaits_owner=True, detail="Its owner has to allow it")
    command = f"assay-node adopt {SLUG} {bytes(better.version.commitment).hex()}"
    for name in ("your-group", "group-updates"):
        assert page(name, SLUG, person=bela.person).count(f">{command}<") == 1
        assert command not in page(name, SLUG, person=owners[2].person)  # who sees that it waits, and for whom
        assert "Waiting for its owner" in page(name, SLUG, person=owners[2].person)
    assert command not in page("group-updates", SLUG)
    own = page("your-group", SLUG, person=bela.person)
    assert "Answer with another model" not in own
    assert "Withdraw the change" in own
    said = send(bela.person, "group-keep", SLUG, seat="bela")
    assert "The change is withdrawn" in said
    assert "Answer with another model" in said


def test_what_nodes_answered_is_shown_while_a_group_forms(owners, forming):  # noqa: F811
    forming.members.filter(position=2).update(detail="cannot connect to the node: <b>refused</b>")
    shown = page("your-group", SLUG, person=owners[0].person)
    assert "cannot connect to the node: &lt;b&gt;refused" in shown
    assert shown.count(">Not yet<") == 4


@pytest.mark.parametrize(("reached", "words"), [(4, "3 of 3"), (3, "2 of 3"), (0, "0 of 3")])
def test_an_owner_sees_whom_the_own_node_reaches(owners, serving, reached, words):  # noqa: F811
    assert "Your node reaches" not in page("your-group", SLUG, person=owners[1].person)
    serving.members.filter(position=1).update(reached=reached)
    assert f"Your node reaches {words} others" in page("your-group", SLUG, person=owners[1].person)
    groups.withdraw(owners[0].actor, serving)
    assert "Your node reaches" not in page("your-group", SLUG, person=owners[1].person)


def test_the_founder_changes_title_and_summary_and_nobody_else(cast, owners, serving):  # noqa: F811
    asha, bela = owners[:2]
    said = send(asha.person, "group-edit", SLUG, title="Digits, <b>four", summary="Of four owners")
    assert "Saved." in said
    assert "Digits, &lt;b&gt;four" in page("group", SLUG)
    assert "Of four owners" in page("groups")
    assert "A text is missing" in send(asha.person, "group-edit", SLUG, title="", summary="")
    assert browser(bela.person).post(url("group-edit", SLUG), {"title": "Mine"}).status_code == 409
    assert "What its page says" not in page("your-group", SLUG, person=bela.person)
    send(asha.person, "group-edit", SLUG, title="Digits, <b>four", summary="Of four owners")
    logged = AuditEntry.objects.filter(action=Action.GROUP_EDITED).values_list("subject", flat=True)
    assert list(logged) == [f"{SLUG}: title, summary"]


def test_a_version_that_a_group_answers_with_is_not_stopped_and_the_page_says_why(owners, serving):  # noqa: F811
    bela = owners[1]
    said = send(bela.person, "undeploy", bela.deployment.pk)
    assert f"The group {SLUG} answers with it" in said
    assert "Change to another model in the group" in said
    bela.deployment.refresh_from_db()
    assert bela.deployment.state == "serving"
    assert f"The group {SLUG} answers with it" in send(bela.person, "retire", bela.node.pk)


def test_a_founder_withdraws(owners, serving):  # noqa: F811
    assert "The group is withdrawn" in send(owners[0].person, "group-withdraw", SLUG)
    assert browser().get(url("group", SLUG)).status_code == 404
    assert "What it certified stays valid" in page("group", SLUG, person=owners[1].person)


def test_pages_keep_to_their_number_of_queries(deciding, owners, serving):  # noqa: F811
    client = browser(owners[0].person)

    def queries(name: str, *arguments) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url(name, *arguments)).status_code == 200
        return len(captured)

    before = queries("home"), queries("groups"), queries("your-groups")
    for i in range(3):
        founded.formed(founded.signed(founded.complete(founded.found(owners[0], f"other-{i}"), owners), owners))
    assert (queries("home"), queries("groups"), queries("your-groups")) == before
    assert {name: count for name in EVERY if (count := queries(name, SLUG)) > 14} == {}
    with CaptureQueriesContext(connection) as captured:
        assert "Digits of four" in page("home")
    assert len(captured) <= 10
    assert Model.objects.count() == 4
