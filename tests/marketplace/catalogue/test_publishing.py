"""Models: described, published, withdrawn, rolled back; and who may see what on the way."""

from __future__ import annotations

import pytest

from assay.errors import Refused
from marketplace.accounts.models import AuditEntry
from marketplace.catalogue import access, actions
from marketplace.catalogue.models import Deployment, Model, ModelVersion, Offer
from marketplace.errors import Conflict, Forbidden, NotFound
from verification.registry import MODES

pytestmark = pytest.mark.django_db
Version = ModelVersion.State

OF_MODELS = [mode.name for mode in MODES.values() if mode.asks == "model"]


def another_serving(cast, model, node) -> ModelVersion:
    first = model.versions.get(number=1)
    version = ModelVersion.objects.create(
        model=model,
        number=model.versions.count() + 1,
        state=Version.READY,
        weights="delivered",
        interface=first.interface,
        created_by=cast.asha.user,
    )
    Deployment.objects.create(version=version, node=node, state=Deployment.State.SERVING)
    return version


def test_a_new_model_is_its_organisations_alone(cast, model):
    assert access.model(cast.asha.actor, "asha", "levels") == model
    assert access.model(cast.tariq.actor, "asha", "levels") == model
    for stranger in (None, cast.bela.actor, cast.sam.actor):
        with pytest.raises(NotFound):
            access.model(stranger, "asha", "levels")


def test_a_published_model_is_everybodys_to_see(cast, published):
    for anybody in (None, cast.asha.actor, cast.bela.actor):
        assert access.model(anybody, "asha", "levels") == published
    assert set(published.offers.values_list("mode", flat=True)) == set(OF_MODELS)


def test_publishing_needs_a_version_that_serves(cast, ready):
    with pytest.raises(Conflict) as caught:
        actions.publish(cast.asha.actor, ready)
    assert caught.value.code == "not-serving"


@pytest.mark.parametrize("state", ["uploading", "validating", "rejected", "retired"])
def test_publishing_needs_a_version_that_passed_its_check(cast, ready, serving, state):
    ModelVersion.objects.filter(pk=ready.pk).update(state=state)
    with pytest.raises(Conflict) as caught:
        actions.publish(cast.asha.actor, ready)
    assert caught.value.code == "version-not-ready"


def test_a_mode_that_the_check_ruled_out_is_not_offered(cast, ready, serving):
    ready.report["findings"].append(
        {"level": "warning", "code": "test", "detail": "", "modes_ruled_out": OF_MODELS}
    )
    ready.save()
    with pytest.raises(Conflict) as caught:
        actions.publish(cast.asha.actor, ready)
    assert caught.value.code == "no-mode"
    assert not Offer.objects.exists()


def test_publishing_twice_changes_nothing_and_is_audited_once(cast, ready, published):
    actions.publish(cast.asha.actor, ready)
    assert AuditEntry.objects.filter(action="model.published").count() == 1
    assert published.offers.count() == len(OF_MODELS)


def test_withdrawing_hides_every_version_and_publishing_undoes_it(cast, published, ready):
    actions.unpublish(cast.asha.actor, published)
    with pytest.raises(NotFound):
        access.model(None, "asha", "levels")
    ready.refresh_from_db()
    assert ready.state == Version.READY
    assert actions.publish(cast.asha.actor, ready).published_version == ready
    assert access.model(None, "asha", "levels") == published


def test_rolling_back_is_publishing_an_earlier_version(cast, published, ready, node):
    newer = another_serving(cast, published, node)
    actions.publish(cast.asha.actor, newer)
    assert actions.publish(cast.asha.actor, ready).published_version == ready
    seen = access.visible_versions(None, published)
    assert [version.number for version in seen] == [2, 1], "who pinned version 2 keeps it"


def test_a_version_that_was_never_published_is_the_organisations_alone(cast, published, node):
    another_serving(cast, published, node)
    assert [each.number for each in access.visible_versions(cast.tariq.actor, published)] == [2, 1]
    for stranger in (None, cast.bela.actor):
        assert [each.number for each in access.visible_versions(stranger, published)] == [1]
        with pytest.raises(NotFound):
            access.version(stranger, "asha", "levels", 2)


def test_the_last_provider_of_a_published_version_stays(cast, published, serving, node):
    with pytest.raises(Conflict) as caught:
        actions.undeploy(cast.asha.actor, serving)
    assert caught.value.code == "last-provider"
    with pytest.raises(Conflict):
        actions.retire_node(cast.asha.actor, node)
    actions.unpublish(cast.asha.actor, published)
    assert actions.retire_node(cast.asha.actor, node).retired is not None
    serving.refresh_from_db()
    assert serving.state == Deployment.State.STOPPED


def test_a_teammate_without_the_role_may_look_but_not_change(cast, published):
    assert access.model(cast.tariq.actor, "asha", "levels")
    with pytest.raises(Forbidden) as caught:
        access.managed_model(access_for_team(cast), "asha", "levels")
    assert caught.value.code == "role-missing"


def access_for_team(cast):
    from marketplace.accounts.access import for_user

    return for_user(cast.tariq.user, "asha")


def test_a_stranger_who_would_change_a_public_model_is_told_it_does_not_exist(cast, published):
    for stranger in (cast.bela.actor, cast.sam.actor):
        with pytest.raises(NotFound):
            access.managed_model(stranger, "asha", "levels")


def test_a_key_without_the_scope_may_not_change(cast, published):
    from marketplace.accounts.actions import authenticate_key

    with pytest.raises(Forbidden) as caught:
        access.managed_model(authenticate_key(cast.asha.key("read", "predict")), "asha", "levels")
    assert caught.value.code == "scope-missing"


def test_a_key_that_may_not_read_sees_what_anybody_sees(cast, model):
    from marketplace.accounts.actions import authenticate_key

    with pytest.raises(NotFound):
        access.model(authenticate_key(cast.asha.key("predict")), "asha", "levels")


def test_names_are_unique_within_an_organisation_only(cast, model):
    with pytest.raises(Conflict) as caught:
        actions.create_model(cast.asha.actor, "levels", "regression", title="Again")
    assert caught.value.pointer == "/name"
    assert actions.create_model(cast.bela.actor, "levels", "regression", title="Mine").pk != model.pk


@pytest.mark.parametrize(
    ("slug", "task", "words", "pointer"),
    [
        ("Levels", "other", {"title": "T"}, "/name"),
        ("-levels", "other", {"title": "T"}, "/name"),
        ("../../etc", "other", {"title": "T"}, "/name"),
        ("levels\n", "other", {"title": "T"}, "/name"),
        ("", "other", {"title": "T"}, "/name"),
        ("x" * 41, "other", {"title": "T"}, "/name"),
        ("levels", "magic", {"title": "T"}, "/task"),
        ("levels", "other", {}, "/title"),
        ("levels", "other", {"title": "  "}, "/title"),
        ("levels", "other", {"title": "x" * 121}, "/title"),
        ("levels", "other", {"title": "T", "card": "\0"}, "/card"),
        ("levels", "other", {"title": "T", "summary": "x" * 241}, "/summary"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_made(cast, slug, task, words, pointer):
    with pytest.raises(Refused) as caught:
        actions.create_model(cast.asha.actor, slug, task, **words)
    assert caught.value.pointer == pointer
    assert not Model.objects.exists()


def test_editing_changes_what_is_given_and_nothing_else(cast, model):
    actions.edit_model(model, summary="  Three\tlevels ")
    model.refresh_from_db()
    assert (model.title, model.summary, model.licence) == ("Levels", "Three levels", "CC0-1.0")
