"""A buyer asks a group, in a browser, on the whole marketplace: every vote, and a certificate of the group."""

from __future__ import annotations

from playwright.sync_api import expect

from stack.chaos.questions import geneses
from tests.e2e.conftest import verify
from tests.e2e.test_buying import answer, draw


def test_from_the_catalogue_to_a_certificate_of_a_group_checked_without_the_marketplace(site, visitor, people):
    page = visitor.page
    visitor.log_in(people["bela"])
    visitor.open("/")
    page.locator(".card-model", has_text="Reads one handwritten digit").locator('a[href="/groups/digits"]').click()
    expect(page.locator("input[name=mode]:checked")).to_have_value("agreement")
    draw(page)
    visitor.press("Get the answer")
    expect(answer(page)).to_have_text("3")
    votes = page.locator("#answer .ballot li")
    expect(votes).to_have_count(4)
    expect(votes.filter(has_text="Agrees").first).to_be_visible()
    page.locator("#answer a.hallmark").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("digits answered “3”.")
    expect(page.locator("#verdict")).to_have_text("Valid")
    expect(page.locator("#checks")).to_contain_text("The input it speaks of is the one that you sent.")
    for configuration in geneses(site):  # as the owners' nodes hold them
        page.get_by_label("Which group do you expect?").fill(configuration.digest.hex())
        visitor.press("Compare")
        expect(page.locator("#pin-verdict")).to_contain_text("Yes." if configuration.slug == "digits" else "No.")
    path = visitor.download("Certificate, JSON")
    visitor.open("/groups/digits/members")
    genesis = page.get_by_label("the genesis digest", exact=True).first.inner_text().strip()
    assert verify(path, "--group", genesis) == 0
    assert verify(path, "--group", "ab" * 32) == 1
    assert verify(path) == 3


def test_no_page_of_a_group_is_wider_than_a_phone(visitor, people):
    visitor.log_in(people["asha"])
    visitor.page.set_viewport_size({"width": 390, "height": 800})
    tabs = [f"/groups/digits{tab}" for tab in ("", "/members", "/api", "/changes")]
    own = ("/your-groups", "/your-groups/digits", "/your-groups/digits/propose", "/found-a-group")
    for path in ("/groups", *tabs, *own):
        visitor.open(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390, path
