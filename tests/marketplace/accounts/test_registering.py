"""Registering: a person and a personal organisation, both or neither."""

from __future__ import annotations

import pytest

from assay.errors import Refused
from marketplace.accounts import access, actions
from marketplace.accounts.models import Membership, Organisation, Role, User
from marketplace.errors import NotFound
from tests.marketplace.people import PASSWORD

pytestmark = pytest.mark.django_db


def test_a_new_person_administers_a_personal_organisation():
    user = actions.register("Asha@Example.ORG", PASSWORD, "Asha Rao")
    actor = access.for_user(user)
    assert user.email == "asha@example.org"
    assert actor.organisation.slug == "asha-rao"
    assert actor.roles == {actor.organisation.pk: Role.ADMIN}


def test_namesakes_get_different_slugs():
    slugs = {
        actions.register(f"x{i}@example.org", PASSWORD, "Asha Rao").personal_organisation.slug for i in range(3)
    }
    assert len(slugs) == 3


@pytest.mark.parametrize("name", ["Admin", "API", "Assay", "staff"])
def test_a_slug_never_sounds_like_the_site_itself(name):
    slug = actions.register("x@example.org", PASSWORD, name).personal_organisation.slug
    assert slug != name.lower()


@pytest.mark.parametrize("name", ["李雷", "!!!", "-" * 60, "a" * 120])
def test_any_name_makes_a_valid_slug(name):
    Organisation.full_clean(actions.register("x@example.org", PASSWORD, name).personal_organisation)


def test_an_address_is_registered_once_whatever_its_case():
    actions.register("asha@example.org", PASSWORD, "Asha")
    with pytest.raises(Refused) as caught:
        actions.register("ASHA@example.org", PASSWORD, "Impostor")
    assert caught.value.code == "email-taken"
    assert User.objects.count() == Organisation.objects.count() == Membership.objects.count() == 1


@pytest.mark.parametrize(
    ("email", "password", "name", "pointer"),
    [
        ("nonsense", PASSWORD, "Asha", "/email"),
        ("a@example.org", "short", "Asha", "/password"),
        ("a@example.org", "password1234", "Asha", "/password"),
        ("a@example.org", PASSWORD, "  ", "/name"),
        ("a@example.org", PASSWORD, "x" * 121, "/name"),
        ("a@example.org", PASSWORD, "As\0ha", "/name"),
        ("a@example.org", PASSWORD, "As\ud800ha", "/name"),
        ("a@example.org", PASSWORD, "evil\u202etxt", "/name"),
        ("a\0@example.org", PASSWORD, "Asha", "/email"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_kept(email, password, name, pointer):
    with pytest.raises(Refused) as caught:
        actions.register(email, password, name)
    assert caught.value.pointer == pointer
    assert not User.objects.exists()
    assert not Organisation.objects.exists()


def test_one_can_act_only_for_organisations_one_is_a_member_of(cast):
    assert access.for_user(cast.tariq.user, "asha").organisation == cast.asha.organisation
    with pytest.raises(NotFound):
        access.for_user(cast.sam.user, "asha")
    with pytest.raises(NotFound):
        access.for_user(cast.sam.user, "no-such")
