"""From the founder's first word to the genesis: who may do what when, and what is refused."""

from __future__ import annotations

import pytest

from assay import cbor, jsonform
from assay.agreement.group import Epoch, require_genesis
from assay.errors import NotVerified, Refused
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue import actions as catalogue
from marketplace.errors import Conflict, Forbidden, NotFound
from marketplace.groups import access, actions, configuring
from marketplace.groups.actions.founding import Rules
from marketplace.groups.models import Group, Member
from marketplace.predictions.models import Outbox
from tests.marketplace import answering
from tests.marketplace.groups import founded

pytestmark = pytest.mark.django_db
State = Group.State


# --- founding ---------------------------------------------------------------------------------------------


def test_a_founder_is_the_first_member(owners, inviting):
    seat = inviting.members.get()
    assert (inviting.state, seat.position, seat.state, seat.version) == (
        "inviting",
        0,
        "accepted",
        owners[0].version,
    )
    assert inviting.interface["outputs"][0]["name"] == "label"


@pytest.mark.parametrize(
    ("rules", "code", "pointer"),
    [
        ({"aggregator": "mean"}, "unsafe-aggregator", "/aggregator"),
        ({"aggregator": "vote"}, "unknown-aggregator", "/aggregator"),
        ({"aggregator": "median"}, "wrong-aggregator", "/aggregator"),
        ({"size": 5}, "wrong-size", "/size"),
        ({"size": 1}, "wrong-size", "/size"),
        ({"grace": 0}, "out-of-range", "/grace"),
        ({"horizon": 24 * 3600 * 1000 + 1}, "out-of-range", "/horizon"),
    ],
    ids=str,
)
def test_rules_under_which_a_vote_means_nothing_are_refused(owners, rules, code, pointer):
    with pytest.raises(Refused) as caught:
        founded.found(owners[0], **rules)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)
    assert not Group.objects.exists()


def test_numbers_have_a_scale_and_a_median(cast):
    regression = founded.other(answering.INTERFACE, task="regression", labels=())
    owner = founded.owner(cast.asha, 0, regression)
    group = founded.found(owner, aggregator="trimmed-mean", scale=100)
    assert (group.scale, group.interface["outputs"][0]["name"]) == (100, "value")
    with pytest.raises(Refused) as caught:
        founded.found(owner, "another", aggregator="plurality")
    assert caught.value.code == "wrong-aggregator"


def test_a_model_that_answers_with_anything_else_founds_nothing(cast):
    owner = founded.owner(cast.asha, 0, founded.other(answering.INTERFACE, task="other", labels=()))
    with pytest.raises(Refused) as caught:
        founded.found(owner)
    assert caught.value.pointer == "/model"


@pytest.mark.parametrize("slug", ["", "Digits", "-x", "x" * 41, "a/b", "ä"])
def test_a_name_is_a_slug(owners, slug):
    with pytest.raises(Refused) as caught:
        founded.found(owners[0], slug)
    assert caught.value.pointer == "/name"


def test_a_name_is_one_groups(owners, inviting):
    with pytest.raises(Conflict) as caught:
        founded.found(owners[1])
    assert caught.value.code == "name-taken"


def test_only_what_is_served_is_brought(owners):
    owners[0].deployment.state = "stopped"
    owners[0].deployment.save()
    with pytest.raises(Conflict) as caught:
        founded.found(owners[0])
    assert caught.value.code == "not-serving"


def test_nobody_brings_anothers_model(owners):
    with pytest.raises(NotFound):
        actions.found(owners[0].actor, "x", owners[1].deployment, Rules("plurality"), title="X")


def test_a_teammate_who_only_buys_founds_nothing(cast, owners):
    from marketplace.accounts.access import for_user

    with pytest.raises(Forbidden):
        actions.found(for_user(cast.tariq.user, "asha"), "x", owners[0].deployment, Rules("plurality"), title="X")


# --- inviting ---------------------------------------------------------------------------------------------


def test_as_many_are_invited_as_there_are_places(owners, inviting, cast):
    for each in owners[1:]:
        actions.invite(owners[0].actor, inviting, each.slug)
        actions.invite(owners[0].actor, inviting, each.slug)
    assert sorted(inviting.members.values_list("position", flat=True)) == [0, 1, 2, 3]
    with pytest.raises(Conflict) as caught:
        actions.invite(owners[0].actor, inviting, cast.tariq.user.personal_organisation.slug)
    assert caught.value.code == "group-full"


def test_nobody_is_invited_who_is_not_here(owners, inviting):
    with pytest.raises(NotFound):
        actions.invite(owners[0].actor, inviting, "nobody")


def test_who_declines_leaves_the_place_to_another_and_may_be_asked_again(owners, inviting):
    _, bela, sam, dana = owners
    for each in (bela, sam):
        actions.invite(owners[0].actor, inviting, each.slug)
    actions.decline(bela.actor, bela.seat(inviting))
    assert actions.invite(owners[0].actor, inviting, dana.slug).position == 1
    assert actions.invite(owners[0].actor, inviting, bela.slug).position == 3
    with pytest.raises(Conflict):
        actions.decline(owners[0].actor, owners[0].seat(inviting))


def test_an_invitation_is_taken_back(owners, inviting):
    actions.invite(owners[0].actor, inviting, owners[1].slug)
    actions.revoke(owners[0].actor, inviting, owners[1].slug)
    assert inviting.members.count() == 1
    for nobody in (owners[1].slug, owners[0].slug):
        with pytest.raises(NotFound):
            actions.revoke(owners[0].actor, inviting, nobody)


# --- choosing a model -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"labels": tuple("9876543210")}, "labels"),
        ({"preprocessing": founded.other(answering.INTERFACE.preprocessing, invert=False)}, "preprocessing"),
        ({"task": "regression"}, "task"),
    ],
    ids=["labels", "preprocessing", "task"],
)
def test_a_misfit_is_refused_and_the_reason_shown(owners, inviting, change, field):
    bela = owners[1]
    misfit = founded.deployed(
        bela.person, bela.node, b"\x77" * 32, founded.other(answering.INTERFACE, **change), "misfit"
    )
    actions.invite(owners[0].actor, inviting, bela.slug)
    with pytest.raises(Refused) as caught:
        actions.accept(bela.actor, bela.seat(inviting), misfit)
    assert field in caught.value.pointer
    why = {
        each.pk: configuring.why_not(inviting, each) for each in configuring.choices(bela.person.organisation.pk)
    }
    assert why[bela.deployment.pk] == ""
    assert field in why[misfit.pk]


def test_another_model_may_be_chosen_while_others_are_awaited(owners, inviting):
    bela = owners[1]
    better = founded.deployed(bela.person, bela.node, b"\x78" * 32)
    actions.invite(owners[0].actor, inviting, bela.slug)
    actions.accept(bela.actor, bela.seat(inviting), bela.deployment)
    assert actions.accept(bela.actor, bela.seat(inviting), better).version == better.version


def test_a_node_at_anothers_address_is_no_member_beside_it(owners, inviting):
    """It would move later, and all who look for the other would be sent along."""
    owners[3].node.address = owners[1].node.address
    owners[3].node.save()
    with pytest.raises(Refused, match="same address"):
        founded.complete(inviting, owners)
    inviting.refresh_from_db()
    assert inviting.state == Group.State.INVITING


def test_when_all_have_chosen_the_configuration_is_fixed(owners, signing):
    epoch = signing.epochs.get()
    configuration = configuring.proposed(bytes(epoch.configuration))
    assert signing.state == State.SIGNING
    assert [each.owner for each in configuration.members] == [each.slug for each in owners]
    assert [each.key for each in configuration.members] == [each.key.public.raw for each in owners]
    assert [each.model.commitment for each in configuration.members] == [
        bytes(each.version.commitment) for each in owners
    ]
    assert (bytes(epoch.digest), configuration.slug) == (configuration.digest, founded.SLUG)
    with pytest.raises(Conflict):
        actions.accept(owners[1].actor, owners[1].seat(signing), owners[1].deployment)
    with pytest.raises(Conflict):
        actions.invite(owners[0].actor, signing, "asha")


# --- signing ----------------------------------------------------------------------------------------------


def test_the_last_signature_makes_the_genesis_and_has_every_node_told(owners, signing):
    for i, each in enumerate(owners):
        assert signing.state == State.SIGNING
        for _ in range(2):
            actions.sign(each.actor, each.seat(signing), *founded.signature(signing, each))
        signing.refresh_from_db()
        assert signing.epochs.get().consents.count() == i + 1
    assert signing.state == State.FORMING
    epoch = jsonform.convert(cbor.decode(bytes(signing.epochs.get().document)), Epoch)
    assert require_genesis(epoch).slug == founded.SLUG
    told = Outbox.objects.filter(kind="groups.form").values_list("payload__member", flat=True)
    assert sorted(told) == sorted(signing.members.values_list("pk", flat=True))
    assert AuditEntry.objects.filter(action="group.signed").count() == 4


def test_a_signature_by_another_key_counts_for_nobody(owners, signing):
    digest, theirs = founded.signature(signing, owners[1])
    for signature in (theirs, b"", bytes(64), theirs[:-1]):
        with pytest.raises(NotVerified) as caught:
            actions.sign(owners[0].actor, owners[0].seat(signing), digest, signature)
        assert caught.value.pointer == "/signature"
    assert not signing.epochs.get().consents.exists()


def test_a_signature_under_something_else_is_told_so(owners, signing):
    _, signature = founded.signature(signing, owners[0])
    with pytest.raises(Conflict) as caught:
        actions.sign(owners[0].actor, owners[0].seat(signing), bytes(32), signature)
    assert caught.value.code == "wrong-epoch"


def test_nothing_is_signed_before_all_have_chosen(owners, inviting):
    with pytest.raises(Conflict) as caught:
        actions.sign(owners[0].actor, owners[0].seat(inviting), bytes(32), bytes(64))
    assert caught.value.code == "nothing-to-sign"


@pytest.mark.parametrize("leaving", ["declines", "is thrown out"])
def test_who_leaves_before_the_genesis_voids_what_was_signed(owners, signing, leaving):
    actions.sign(owners[0].actor, owners[0].seat(signing), *founded.signature(signing, owners[0]))
    old = signing.epochs.get().hex
    if leaving == "declines":
        actions.decline(owners[2].actor, owners[2].seat(signing))
    else:
        actions.revoke(owners[0].actor, signing, owners[2].slug)
    signing.refresh_from_db()
    assert signing.state == State.INVITING
    assert not signing.epochs.exists()
    actions.invite(owners[0].actor, signing, owners[2].slug)
    another = founded.deployed(owners[2].person, owners[2].node, b"\x79" * 32)
    actions.accept(owners[2].actor, owners[2].seat(signing), another)
    assert signing.epochs.get().hex != old
    assert not signing.epochs.get().consents.exists()


def test_after_the_genesis_nobody_leaves(owners, forming):
    for leave in (
        lambda: actions.decline(owners[1].actor, owners[1].seat(forming)),
        lambda: actions.revoke(owners[0].actor, forming, owners[1].slug),
    ):
        with pytest.raises(Conflict) as caught:
            leave()
        assert caught.value.code == "group-settled"


# --- withdrawing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["inviting", "signing", "forming", "serving"])
def test_a_founder_gives_up_at_any_time(owners, stage, request):
    group = request.getfixturevalue(stage)
    stood = stage in ("forming", "serving")
    for _ in range(2):
        actions.withdraw(owners[0].actor, group)
    group.refresh_from_db()
    assert group.state == State.WITHDRAWN
    assert group.epochs.exists() == stood
    assert AuditEntry.objects.filter(action="group.withdrawn").count() == 1
    assert not access.visible_groups(None).exists()


# --- who may --------------------------------------------------------------------------------------------


def test_until_it_serves_a_group_is_its_members_alone(cast, owners, signing):
    stranger = founded.people.person("stranger")
    for actor in (None, stranger.actor):
        with pytest.raises(NotFound):
            access.group(actor, signing.slug)
    for each in owners:
        assert access.group(each.actor, signing.slug) == signing
    assert access.group(cast.tariq.actor, signing.slug) == signing  # a teammate of the founder's
    with pytest.raises(Forbidden):
        access.founded(cast.tariq.actor, signing.slug)
    with pytest.raises(Conflict) as caught:
        access.founded(owners[1].actor, signing.slug)
    assert caught.value.code == "not-founder"
    with pytest.raises(NotFound):
        access.founded(stranger.actor, signing.slug)
    with pytest.raises(NotFound):
        access.seat(stranger.actor, signing.slug)


def test_who_declined_sees_it_no_more(owners, inviting):
    actions.invite(owners[0].actor, inviting, owners[1].slug)
    actions.decline(owners[1].actor, owners[1].seat(inviting))
    with pytest.raises(NotFound):
        access.group(owners[1].actor, inviting.slug)


# --- what a group rests on stays --------------------------------------------------------------------------


def test_what_a_group_answers_with_is_neither_stopped_nor_retired_nor_discarded(owners, signing):
    bela = owners[1]
    for change in (
        lambda: catalogue.undeploy(bela.actor, bela.deployment),
        lambda: catalogue.retire_node(bela.actor, bela.node),
    ):
        with pytest.raises(Conflict) as caught:
            change()
        assert caught.value.code == "in-group"
    with pytest.raises(Conflict):
        catalogue.discard_model(bela.actor, bela.version.model)
    actions.withdraw(owners[0].actor, signing)
    assert catalogue.undeploy(bela.actor, bela.deployment).state == "stopped"
    with pytest.raises(Conflict):
        catalogue.discard_model(bela.actor, bela.version.model)
    assert Member.objects.filter(version=bela.version).exists()
