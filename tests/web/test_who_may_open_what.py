"""Every page and every form, opened by everybody: who gets in, who is asked to sign in, who learns nothing.

The table is held against the URL configuration, so that a page without a row fails.
"""

from __future__ import annotations

from marketplace.catalogue.models import Model
from marketplace.groups import access
from marketplace.groups import actions as groups
from marketplace.groups.actions.founding import Rules
from marketplace.groups.models import Group
from marketplace.web.urls import urlpatterns
from tests.marketplace import people
from tests.marketplace.groups import founded
from tests.web.conftest import Shop, browser, url

ANYBODY = {"nobody": 200, "bela": 200, "asha": 200, "tariq": 200, "sam": 200}
SIGNED_IN = ANYBODY | {"nobody": 302}
BELAS = {"nobody": 302, "bela": 200, "asha": 404, "tariq": 404, "sam": 404}
ASHAS = {"nobody": 302, "bela": 404, "asha": 200, "tariq": 403, "sam": 404}
MEMBERS = {"nobody": 404, "bela": 404, "asha": 200, "tariq": 200, "sam": 404}
ASHAS_TO_CHANGE = ASHAS | {"asha": 302}

MODEL = ("asha", "digits")


def one(shop: Shop) -> tuple[object, ...]:
    return (shop.certified.pk,)


def certificate(shop: Shop) -> tuple[object, ...]:
    return (shop.certificate,)


def draft(shop: Shop) -> tuple[object, ...]:
    """A model that may be discarded."""
    Model.objects.get_or_create(organisation=shop.cast.asha.organisation, slug="draft", task="other")
    return ("asha", "draft")


def group(shop: Shop) -> tuple[object, ...]:
    """One that asha has founded and that waits for its members."""
    if not Group.objects.filter(slug="four").exists():
        groups.found(shop.cast.asha.actor, "four", shop.deployment, Rules("plurality"), title="Four")
    return ("four",)


def serving(shop: Shop) -> tuple[object, ...]:
    """One that asha has founded with three owners who are nobody here."""
    persons = [shop.cast.asha, *(people.person(f"owner{i}") for i in range(3))]
    owners = [founded.owner(each, i, slug="serving", name="serving") for i, each in enumerate(persons)]
    founded.formed(founded.signed(founded.complete(founded.found(owners[0], "serving"), owners), owners))
    return ("serving",)


def proposal(shop: Shop) -> tuple[object, ...]:
    """Asha's, of its next epoch."""
    (slug,) = serving(shop)
    seat = access.seat(shop.cast.asha.actor, str(slug))
    return (slug, groups.propose(shop.cast.asha.actor, seat, grace=400).pk)


# name → (arguments of the address, who gets which status)
PAGES = {
    "home": ((), ANYBODY),
    "model": (MODEL, ANYBODY),
    "model-api": (MODEL, ANYBODY),
    "model-versions": (MODEL, ANYBODY),
    "model-provider": (MODEL, ANYBODY),
    "groups": ((), ANYBODY),
    "group": (group, MEMBERS),
    "group-members": (group, MEMBERS),
    "group-api": (group, MEMBERS),
    "group-updates": (group, MEMBERS),
    "group-propose": (serving, ASHAS),
    "your-groups": ((), SIGNED_IN),
    "your-group": (group, MEMBERS | {"nobody": 302}),
    "found-group": ((), SIGNED_IN),
    "check": ((), ANYBODY),
    "verification": ((), ANYBODY),
    "problems": ((), ANYBODY),
    "problem": (("not-found",), ANYBODY),
    "login": ((), ANYBODY),
    "signup": ((), ANYBODY),
    "predictions": ((), SIGNED_IN),
    "prediction": (one, BELAS),
    "prediction-live": (one, BELAS),
    "prediction-input": (one, BELAS),
    "certificate": (certificate, BELAS),
    "certificate-json": (certificate, BELAS),
    "certificate-cbor": (certificate, BELAS),
    "receipt": (certificate, BELAS),
    "models": ((), SIGNED_IN),
    "create": ((), SIGNED_IN),
    "upload": ((), SIGNED_IN),
    "manage": (MODEL, ASHAS),
    "measure": ((*MODEL, 1), ASHAS),
    "discard-version": ((*MODEL, 2), ASHAS),
    "discard": (draft, ASHAS),
    "nodes": ((), SIGNED_IN),
    "keys": ((), SIGNED_IN),
    "stakes": ((), SIGNED_IN),
    "billing": ((), SIGNED_IN),
    "billing-csv": ((), SIGNED_IN),
    "earnings": ((), SIGNED_IN),
    "earnings-csv": ((), SIGNED_IN),
}
FORMS = {
    "logout": ((), dict.fromkeys(ANYBODY, 302)),
    "edit": (MODEL, ASHAS_TO_CHANGE),
    "unpublish": (MODEL, ASHAS_TO_CHANGE),
    "publish": ((*MODEL, 1), ASHAS_TO_CHANGE),
    "abandon": ((*MODEL, 3), ASHAS_TO_CHANGE),
    "deploy": ((*MODEL, 1), ASHAS_TO_CHANGE),
    "undeploy": (lambda shop: (shop.deployment.pk,), ASHAS_TO_CHANGE),
    "retire": (lambda shop: (shop.node.pk,), ASHAS_TO_CHANGE),
    "prediction-withdraw": (one, BELAS | {"bela": 302}),
    "revoke": (lambda shop: (shop.key.pk,), BELAS | {"bela": 302}),
    "group-edit": (group, ASHAS_TO_CHANGE),
    "group-invite": (group, ASHAS_TO_CHANGE),
    "group-revoke": (group, ASHAS_TO_CHANGE),
    "group-accept": (group, ASHAS_TO_CHANGE),
    "group-decline": (group, ASHAS_TO_CHANGE),
    "group-swap": (group, ASHAS_TO_CHANGE),
    "group-keep": (group, ASHAS_TO_CHANGE),
    "unpropose": (proposal, ASHAS_TO_CHANGE),
    "group-withdraw": (group, ASHAS_TO_CHANGE),
    "model-price": (MODEL, ASHAS_TO_CHANGE),
    "vote-price": (group, ASHAS_TO_CHANGE),
    "cap": ((), dict.fromkeys(ANYBODY, 302)),  # each for oneself
}


def test_every_address_has_its_row():
    assert sorted(pattern.name for pattern in urlpatterns) == sorted([*PAGES, *FORMS])


def person(shop: Shop, name: str):
    return None if name == "nobody" else getattr(shop.cast, name)


def at(shop: Shop, name: str, arguments) -> str:
    return url(name, *(arguments(shop) if callable(arguments) else arguments))


def test_a_page_opens_for_whom_it_is(shop):
    clients = {who: browser(person(shop, who)) for who in ANYBODY}
    for name, (arguments, expected) in PAGES.items():
        address = at(shop, name, arguments)
        assert (name, {who: clients[who].get(address).status_code for who in expected}) == (name, expected)


def test_a_form_is_taken_from_whom_it_is(shop):
    sent = {"node": shop.node.pk, "title": "Digits", "amount": "0.001"}
    modes = {"model-price": "direct", "vote-price": "agreement"}
    for name, (arguments, expected) in FORMS.items():
        sent["mode"] = modes.get(name, "")
        address = at(shop, name, arguments)
        # whoever may do it comes last, for it changes what there is
        order = sorted(expected, key=lambda who: expected[who] == 302 and who != "nobody")
        got = {who: browser(person(shop, who)).post(address, sent).status_code for who in order}
        assert (name, got) == (name, expected)


def test_a_form_is_never_taken_by_get(shop):
    client = browser(shop.cast.asha)
    got = {name: client.get(at(shop, name, arguments)).status_code for name, (arguments, _) in FORMS.items()}
    assert got == dict.fromkeys(FORMS, 405)


def test_a_form_from_another_site_is_refused(shop):
    client = browser(shop.cast.asha)
    client.handler.enforce_csrf_checks = True
    answer = client.post(url("unpublish", *MODEL))
    assert answer.status_code == 403
    assert "This form has expired" in answer.content.decode()
    shop.version.model.refresh_from_db()
    assert shop.version.model.visibility == "public"


def test_who_is_asked_to_sign_in_comes_back(shop):
    wanted = url("certificate", shop.certificate)
    answer = browser().get(wanted)
    assert answer.headers["Location"] == f"{url('login')}?next={wanted}"


def test_a_private_model_is_not_told_apart_from_none(shop):
    model = shop.version.model
    model.visibility = "private"
    model.save()
    private, missing = (browser(shop.cast.sam).get(url("model", "asha", name)) for name in ("digits", "no-such"))
    assert private.status_code == missing.status_code == 404
    assert private.content.replace(b"digits", b"no-such").count(b"no such model") == missing.content.count(
        b"no such model"
    )
    assert browser(shop.cast.tariq).get(url("model", "asha", "digits")).status_code == 200


def test_private_pages_are_kept_in_no_cache(shop):
    answer = browser(shop.cast.bela).get(url("certificate", shop.certificate))
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_page_that_does_not_exist_is_a_page(shop):
    answer = browser().get("/no/such/page")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
