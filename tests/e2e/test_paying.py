"""A buyer's money, on the whole marketplace: quoted, charged, listed; the owner's share; a cap that refuses."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from assay import Client, PaymentRequired
from assay.money import Money, number
from stack.chaos.money import proven
from tests.e2e.conftest import Visitor
from tests.e2e.test_buying import DIGITS, VECTORS, answer

MODEL = DIGITS.removeprefix("/models/")
PICTURE = VECTORS / "good" / "digit.input.png"
FEE = 1000  # ASSAY_FEE as it is where nobody sets it: hundredths of a percent


def dollars(micros: int) -> str:
    """An amount as pages write it."""
    return f"${number(micros)}"


def ask_a_sample(visitor: Visitor) -> None:
    visitor.page.get_by_role("radio", name="Sample").check(force=True)
    visitor.page.locator("input[name=sample]").first.check(force=True)
    visitor.press("Get the answer")


@pytest.fixture
def key(visitor) -> str:
    """Of somebody who has just signed up, for a program that may do everything."""
    visitor.open("/signup")
    visitor.sign_up()
    visitor.open("/keys")
    visitor.page.get_by_label("Name", exact=True).fill("programs")
    for scope in visitor.page.get_by_role("checkbox").all():
        scope.check()
    visitor.press("Make the key")
    made: str = visitor.page.get_by_label("the key", exact=True).inner_text().strip()
    return made


@pytest.fixture
def buyer(visitor, key) -> Iterator[Client]:
    with Client(visitor.base, key) as client:
        yield client


def by_rest(visitor: Visitor, key: str, path: str, **body: Any) -> Any:
    """The answer's JSON: of a GET, or of a POST where there is a body."""
    sent = {"headers": {"Authorization": f"Bearer {key}"}, "trust_env": False, "timeout": 30}
    url = f"{visitor.base}/api/v1/{path}"
    return (httpx.post(url, json=body, **sent) if body else httpx.get(url, **sent)).json()


def on_its_way(visitor: Visitor, owner: dict[str, str]) -> dict[str, int]:
    """What an owner has earned and may not use yet, micro-units by the day on which it is available."""
    lots = by_rest(visitor, owner["api_key"], "earnings")["lots"]
    return {lot["available_on"]: lot["amount"]["micros"] for lot in lots}


def narrow(visitor: Visitor, *paths: str) -> None:
    """None of these is wider than a phone."""
    visitor.page.set_viewport_size({"width": 390, "height": 800})
    for path in paths:
        visitor.open(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_what_is_quoted_is_charged_and_listed_and_a_part_of_it_is_the_owners(visitor, buyer, people, chromium):
    page, begun, before = visitor.page, buyer.balance().available.micros, on_its_way(visitor, people["asha"])
    price = buyer.quote(MODEL).total.micros
    assert 0 < price < begun
    visitor.open(DIGITS)
    expect(page.locator("#purse")).to_contain_text(dollars(begun))
    expect(page.locator("#total")).to_have_text(f"This row costs {dollars(price)} at most.")
    ask_a_sample(visitor)
    answer(page)
    expect(page.locator("#cost")).to_have_text(f"It cost {dollars(price)}, as quoted.")
    expect(page.locator("#purse")).to_contain_text(dollars(begun - price))  # without loading the page anew
    assert buyer.balance().available.micros == begun - price

    visitor.open("/billing")
    expect(page.locator(".sums")).to_contain_text(f"Available{dollars(begun - price)}")
    row = page.locator(".history tbody tr").first
    expect(row.locator("td").last).to_have_text(f"−{dollars(price)}")
    row.get_by_role("link", name="asha/digits@").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Prediction by Handwritten digits")
    page.go_back()
    row.get_by_role("link", name="Certificate").click()
    expect(page.locator("#verdict")).to_have_text("Valid")

    lots = on_its_way(visitor, people["asha"])
    assert sum(lots.values()) - sum(before.values()) == price - price * FEE // 10_000
    with chromium.new_context() as context:
        owner = Visitor(context.new_page(), visitor.base, [], [], visitor.folder)
        owner.log_in(people["asha"])
        owner.open("/owner/earnings")
        expect(owner.page.locator(".lots dd").last).to_have_text(dollars(lots[max(lots)]))
        expect(owner.page.locator(".lots dt").last).to_contain_text(
            re.compile(rf"^{int(max(lots)[-2:])} \w+ \d{{4}}$")
        )
        narrow(owner, "/billing", "/owner/earnings", "/stakes", "/dashboard/asha/digits")
    narrow(visitor, "/billing", "/predictions", DIGITS)


def test_a_cap_refuses_on_the_page_by_rest_and_in_the_client_and_each_says_what_is_missing(visitor, buyer, key):
    price = buyer.quote(MODEL).total.micros
    visitor.open("/billing")
    caps = visitor.page.locator(".caps > li").first
    caps.locator("summary").click()
    caps.get_by_label("A month").fill(number(price * 3 // 2))
    caps.get_by_role("button", name="Set", exact=True).click()
    expect(visitor.page.get_by_role("status").first).to_have_text("The cap is set, from the next request on.")
    paid = buyer.predict(MODEL, image=PICTURE)
    assert paid.cost
    assert paid.cost.charged
    assert paid.cost.charged.micros == price

    missing = price - price // 2
    with pytest.raises(PaymentRequired) as refused:
        buyer.predict(MODEL, image=PICTURE)
    assert refused.value.code == "cap-reached"
    assert refused.value.missing == Money(missing, paid.cost.quoted.currency)

    picture = {"content_type": "image/png", "content": base64.b64encode(PICTURE.read_bytes()).decode()}
    told = by_rest(visitor, key, "predictions", model=MODEL, inputs=[picture], verification={"mode": "direct"})
    assert (told["status"], told["missing"]["micros"]) == (402, missing)

    visitor.open(DIGITS)
    ask_a_sample(visitor)
    expect(visitor.page.locator("#refusal")).to_contain_text(f"by USD {number(missing)}")
    visitor.page.locator("#refusal").get_by_role("link", name="Open Billing").click()
    expect(visitor.page.get_by_role("status").first).to_contain_text("has reached its cap")
    assert buyer.balance().spent.micros == price
    assert all("402" in each for each in visitor.complaints)
    visitor.complaints.clear()


def test_the_ledger_is_right_after_all_of_it(site):
    assert list(proven(site)) == []
