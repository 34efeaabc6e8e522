"""Copy-resistant groups on the site: chosen when founding, told where buyers look, and what was withheld shown."""

from __future__ import annotations

import pytest

from marketplace.catalogue.models import Model, ModelVersion
from marketplace.groups import statistics
from marketplace.groups.models import Group
from tests.marketplace.groups import founded
from tests.marketplace.groups.conftest import owners  # noqa: F401
from tests.marketplace.groups.deciding import SILENT, WITHHOLDS
from tests.marketplace.groups.test_group_withheld import resistant, settle  # noqa: F401
from tests.web.conftest import browser, url

pytestmark = pytest.mark.django_db
SLUG = founded.SLUG
SAID = "Members commit to their answers before any is shown"
WITHHELD = "Withheld: it had committed to an answer, and did not show it"


def page(name: str, *arguments, person=None) -> str:
    answer = browser(person).get(url(name, *arguments))
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


@pytest.mark.parametrize("chosen", [True, False])
def test_a_founder_chooses_it_by_a_box_that_says_what_it_gives_and_costs(owners, chosen):  # noqa: F811
    asha = owners[0]
    form = page("found-group", person=asha.person)
    for words in ("commit to their answers before any is shown", "about twice the time", "answered from memory"):
        assert words in form
    fields = {
        "name": "resistant",
        "title": "Resistant",
        "model": f"{asha.version}/{asha.node.pk}",
        "size": "4",
        "scale": "1000",
        "grace": "250",
        "horizon": "600000",
        "aggregator": "plurality",
        **({"copy_resistant": "yes"} if chosen else {}),
    }
    answer = browser(asha.person).post(url("found-group"), fields)
    assert answer.status_code == 302, answer.content
    assert Group.objects.get(slug="resistant").copy_resistant is chosen


def test_a_form_that_is_refused_keeps_the_choice(owners):  # noqa: F811
    answer = browser(owners[0].person).post(url("found-group"), {"name": "x", "copy_resistant": "yes"})
    assert answer.status_code == 422
    assert 'name="copy_resistant" value="yes" checked' in answer.content.decode()


def test_its_pages_say_so(owners, resistant):  # noqa: F811
    assert ", copy-resistant" in page("groups")
    for name in ("group", "group-members"):
        assert SAID in page(name, SLUG)
    assert "members commit to their answers" in page("your-group", SLUG, person=owners[1].person)


def test_a_group_that_is_not_says_that_too(owners):  # noqa: F811
    founded.formed(founded.signed(founded.complete(founded.found(owners[0]), owners), owners))
    assert "copy-resistant" not in page("groups")
    members = page("group-members", SLUG)
    assert "who answers late can have seen what others answered" in members
    assert ">Withheld<" not in members
    assert SAID not in page("group", SLUG)


def test_what_was_withheld_is_told_on_the_groups_page_and_the_owners(owners, resistant, settle):  # noqa: F811
    predictions = [settle({2: WITHHOLDS}) for _ in range(2)]
    assert 'id="withheld"' not in page("group-updates", SLUG)
    members = page("group-members", SLUG)
    assert 'id="withheld"' in members
    assert f'<span class="state bad">{owners[2].slug}</span>' in members
    assert '<td data-label="Withheld">2</td>' in members
    for version in ModelVersion.objects.all():
        Model.objects.filter(pk=version.model_id).update(visibility="public", published_version=version)
    provider = page("model-provider", owners[2].slug, "digits")
    assert "Withheld 2 answers" in provider
    assert f"{url('group-members', SLUG)}#withheld" in provider
    first, second = (each.certificate.hex for each in predictions)
    assert (first in members, second in members, second in provider) == (True, True, True)
    assert "certificates/" not in members + provider  # which a stranger is not shown
    assert "Strikes" not in page("model-provider", owners[3].slug, "digits")
    ever, _ = statistics.windows(resistant, list(resistant.epochs.all()))
    assert [each.withheld for each in ever.members] == [0, 0, 2, 0]


def test_the_certificate_is_opened_by_its_buyer_and_by_the_member_and_says_who_withheld(cast, owners, settle):  # noqa: F811
    prediction = settle({2: WITHHOLDS, 3: SILENT}, cast.asha)
    address = url("certificate", prediction.certificate.hex)
    for person in (cast.asha, owners[2].person):
        assert f'href="{address}"' in page("group-members", SLUG, person=person)
        assert WITHHELD in page("certificate", prediction.certificate.hex, person=person)
    members = page("group-members", SLUG, person=owners[3].person)
    assert f'href="{address}"' not in members
    assert browser(owners[3].person).get(address).status_code == 404


def test_who_withheld_is_told_on_its_own_page_of_the_group(cast, owners, settle):  # noqa: F811
    prediction = settle({2: WITHHOLDS}, cast.asha)
    assert "Withheld 1 answer<" in (own := page("your-group", SLUG, person=owners[2].person))
    assert url("certificate", prediction.certificate.hex) in own
    assert "Strikes" not in page("your-group", SLUG, person=owners[3].person)


def test_the_member_is_shown_neither_question_nor_salt(cast, owners, settle):  # noqa: F811
    prediction = settle({2: WITHHOLDS}, cast.asha)
    shown = page("certificate", prediction.certificate.hex, person=owners[2].person)
    for kept in (bytes(prediction.salt).hex(), url("prediction", prediction.pk), "Receipt with salt", "--salt"):
        assert kept not in shown
        assert kept in page("certificate", prediction.certificate.hex, person=cast.asha)
    receipt = browser(owners[2].person).get(url("receipt", prediction.certificate.hex))
    assert receipt.status_code == 404


def test_what_silent_and_withholding_members_could_have_changed_is_said_alike(cast, settle):  # noqa: F811
    for word, whose in ((SILENT, "the silent"), (WITHHOLDS, "those who withheld theirs")):
        loose = settle({0: 1, 1: 1, 2: 5, 3: word}, cast.asha).certificate.hex
        assert f"Not firm: other votes of {whose} could" in page("certificate", loose, person=cast.asha)
        firm = settle({0: 1, 1: 1, 2: 1, 3: word}, cast.asha).certificate.hex
        assert f"whatever {whose} had voted" in page("certificate", firm, person=cast.asha)
