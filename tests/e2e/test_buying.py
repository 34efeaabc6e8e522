"""A buyer's way through the shop, in a browser, on the whole marketplace."""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from assay.keys import PrivateKey
from tests.e2e.conftest import ASSAY, Visitor, verify

DIGITS = "/models/asha/digits"
VECTORS = Path(__file__).parents[2] / "docs" / "vectors"
THREE = [
    [(80, 70), (110, 50), (160, 55), (180, 85), (160, 120), (125, 135)],
    [(125, 135), (165, 145), (190, 180), (170, 220), (120, 230), (85, 210)],
]  # strokes, in the canvas's own 280 pixels


def draw(page: Page, strokes=THREE) -> None:
    canvas = page.locator("#drawing")
    canvas.scroll_into_view_if_needed()
    for (x, y), *rest in strokes:
        box = canvas.bounding_box()  # each time: what is loaded late may move it
        assert box
        scale = box["width"] / 280
        page.mouse.move(box["x"] + x * scale, box["y"] + y * scale)
        page.mouse.down()
        for to_x, to_y in rest:
            page.mouse.move(box["x"] + to_x * scale, box["y"] + to_y * scale, steps=4)
        page.mouse.up()


def answer(page: Page):
    """The answer's words, once the prediction has ended."""
    expect(page.locator("#answer [data-status=certified]")).to_be_visible()
    return page.locator("#answer .answer-words")


def provider_of(visitor: Visitor, model: str = DIGITS) -> str:
    visitor.open(f"{model}/provider")
    return visitor.page.get_by_label("the public key", exact=True).inner_text().strip()


def test_from_finding_a_model_to_a_certificate_checked_without_the_marketplace(visitor):
    page = visitor.page
    visitor.open("/")
    page.get_by_label("Search the catalogue").fill("handwritten")
    expect(page.get_by_role("status")).to_contain_text("4 models for “handwritten”")
    assert "q=handwritten" in page.url
    page.locator(".card-model", has_text="asha/digits").get_by_role("link", name="Handwritten digits").click()

    draw(page)
    visitor.press("Log in to get the answer")
    page.locator("main").get_by_role("link", name="Sign up").click()
    visitor.sign_up()
    expect(page).to_have_url(visitor.base + DIGITS)
    visitor.press("Get the answer")  # the drawing was kept
    expect(answer(page)).to_have_text("3")
    expect(page.locator("#answer .bars .chosen")).to_contain_text("3")
    expect(page.get_by_label("What happened")).to_contain_text("Certificate checked")

    page.locator("#answer a.hallmark").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("asha/digits@1 answered “3”.")
    expect(page.locator("#verdict")).to_have_text("Valid")
    expect(page.locator("#checks")).to_contain_text("The input it speaks of is the one that you sent.")

    certificate = visitor.download("Certificate, JSON")
    cbor = visitor.download("CBOR")
    receipt = visitor.download("Receipt with salt")
    picture = visitor.download("What was sent")
    command = page.get_by_label("the commands", exact=True).inner_text()
    key = provider_of(visitor)
    for file in (certificate, cbor, receipt):
        assert verify(file, "--provider", key) == 0
        assert verify(file) == 3
        assert verify(file, "--provider", str(PrivateKey.generate().public)) == 1
    assert verify(receipt, "--provider", key, "--input", picture) == 0
    words = shlex.split(command.partition("\n")[2].replace("\\\n", " "))
    assert words[:2] == ["assay", "verify"]
    assert subprocess.run([ASSAY, *words[1:]], cwd=visitor.folder, check=False).returncode == 0, (
        "the page's own command"
    )


def test_facets_narrow_the_list_and_the_address_brings_it_back(visitor):
    page = visitor.page
    visitor.open("/?q=diabetes")
    expect(page.get_by_role("status")).to_contain_text("4 models")
    page.get_by_label("Search the catalogue").fill("")
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^\d{2} models$"))
    page.get_by_label("regression").check()
    expect(page.get_by_role("status")).to_contain_text("4 models")
    page.get_by_label("Order").select_option("Title")
    expect(page).to_have_url(f"{visitor.base}/?task=regression&order=title")
    page.reload()
    expect(page.get_by_label("regression")).to_be_checked()
    page.go_back()
    expect(page.get_by_label("Order")).to_have_value("")
    page.get_by_label("Search the catalogue").fill("asha")
    expect(page.get_by_role("status")).to_contain_text("1 model for")
    page.locator(".card-model").get_by_role("link").click()  # leaving the field must not take the card away
    expect(page.get_by_role("heading", level=1)).to_have_text("Diabetes progression")


def test_the_certificate_page_tells_the_key_one_expects_from_another(visitor, people):
    visitor.log_in(people["bela"])
    key = provider_of(visitor)
    visitor.open(DIGITS)
    draw(visitor.page)
    visitor.press("Get the answer")
    answer(visitor.page)
    visitor.page.locator("#answer a.hallmark").click()
    expected = visitor.page.get_by_label("Whose signature do you expect?")
    verdict = visitor.page.locator("#pin-verdict")
    for typed, said in (
        (key, "Yes."),
        (str(PrivateKey.generate().public), "No."),
        ("nonsense", "not a public key"),
    ):
        expected.fill(typed)
        visitor.press("Compare")
        expect(verdict).to_contain_text(said)


def test_anybody_checks_a_file_in_the_browser_and_a_changed_one_is_refused(visitor, people):
    visitor.log_in(people["bela"])
    visitor.open("/predictions")
    visitor.page.locator("tr", has_text="Certified").first.get_by_role("link").click()
    visitor.follow("Certificate")
    file = visitor.download("CBOR")
    visitor.open("/check")
    visitor.page.locator("#file").set_input_files(file)
    expect(visitor.page.locator("#verdict")).to_have_text("Valid")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    visitor.page.locator("#file").set_input_files(
        {"name": "changed.cbor", "mimeType": "application/cbor", "buffer": bytes(content)}
    )
    expect(visitor.page.locator("#checked-name")).to_have_text("changed.cbor")
    expect(visitor.page.locator("#verdict")).to_have_text("Not valid")


def test_a_browser_without_these_signatures_says_that_it_did_not_check(visitor):
    visitor.page.add_init_script(
        """const original = SubtleCrypto.prototype.importKey;
        SubtleCrypto.prototype.importKey = function (format, key, algorithm, ...rest) {
          if (algorithm === "Ed25519") return Promise.reject(new DOMException("", "NotSupportedError"));
          return original.call(this, format, key, algorithm, ...rest);
        };"""
    )
    visitor.open("/check")
    visitor.page.locator("#file").set_input_files(VECTORS / "good" / "digit.cbor")
    expect(visitor.page.locator("#verdict")).to_have_text("Not checked")
    expect(visitor.page.locator("#checks")).to_contain_text("It has no Ed25519")


def test_by_keyboard_alone_a_sample_is_chosen_and_asked(visitor, people):
    visitor.log_in(people["bela"])
    visitor.open(DIGITS)
    page = visitor.page
    page.get_by_role("radio", name="Draw").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-way=sample]")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(answer(page)).to_have_text(page.locator("input[name=sample]:checked + img").get_attribute("alt")[-1])


def test_a_picture_is_asked_and_what_is_no_picture_is_refused_in_words(visitor, people):
    visitor.log_in(people["bela"])
    visitor.open(DIGITS)
    draw(visitor.page)
    png = visitor.page.evaluate("document.getElementById('drawing').toDataURL('image/png')")
    jpeg = visitor.page.evaluate("document.getElementById('drawing').toDataURL('image/jpeg')")
    visitor.page.get_by_text("Picture", exact=True).click()
    for name, kind, data in (("a.png", "image/png", png), ("a.jpg", "image/jpeg", jpeg)):
        content = base64.b64decode(data.partition(",")[2])
        visitor.page.locator("#picture").set_input_files({"name": name, "mimeType": kind, "buffer": content})
        visitor.press("Get the answer")
        expect(answer(visitor.page)).to_have_text("3")
    broken = {"name": "b.png", "mimeType": "image/png", "buffer": base64.b64decode(png.partition(",")[2])[:200]}
    visitor.page.locator("#picture").set_input_files(broken)
    visitor.press("Get the answer")
    expect(visitor.page.locator("#refusal")).to_contain_text("/inputs/0/content")
    # the browser reports a request that was refused, and that it cannot show half a picture
    assert all("422" in each or "ERR" in each for each in visitor.complaints)
    visitor.complaints.clear()


def test_a_row_is_asked_from_a_form_and_a_wrong_field_is_named(visitor, people):
    visitor.log_in(people["bela"])
    visitor.open("/models/dana/breast-cancer")
    visitor.press("Get the answer")
    expect(answer(visitor.page)).to_have_text("malignant")
    field = visitor.page.locator("[data-field]").nth(2)
    field.fill("a lot")
    visitor.press("Get the answer")
    expect(visitor.page.locator("#refusal")).to_contain_text(
        f"/inputs/0/content/0/{field.get_attribute('data-field')}"
    )
    assert all("422" in each for each in visitor.complaints)
    visitor.complaints.clear()


def test_without_the_event_stream_the_page_asks_again_by_itself(visitor, people):
    visitor.log_in(people["bela"])
    visitor.page.route("**/events", lambda route: route.abort())
    visitor.open(DIGITS)
    draw(visitor.page)
    visitor.press("Get the answer")
    expect(answer(visitor.page)).to_have_text("3")
    assert all("events" in each or "ERR_FAILED" in each for each in visitor.complaints)
    visitor.complaints.clear()


def test_nothing_drawn_is_said_without_asking_the_server(visitor, people):
    visitor.log_in(people["bela"])
    visitor.open(DIGITS)
    visitor.press("Get the answer")
    expect(visitor.page.locator("#refusal")).to_contain_text("Nothing is drawn yet")


def test_the_chosen_theme_stays(visitor):
    visitor.open("/")
    toggle = visitor.page.get_by_role("button", name="Theme")
    toggle.click()
    toggle.click()
    expect(visitor.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    visitor.open("/verification")
    expect(visitor.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(visitor.page.get_by_role("button", name="Theme: dark")).to_be_visible()


def test_the_menu_opens_on_a_phone(visitor):
    visitor.page.set_viewport_size({"width": 390, "height": 800})
    visitor.open("/")
    login = visitor.page.get_by_role("link", name="Log in")
    expect(login).to_be_hidden()
    visitor.press("Menu")
    expect(login).to_be_visible()


def test_no_page_is_wider_than_a_phone(visitor, people):
    visitor.log_in(people["asha"])
    visitor.page.set_viewport_size({"width": 390, "height": 800})
    own = (
        "/dashboard",
        "/dashboard/asha/digits",
        "/dashboard/create",
        "/dashboard/upload",
        "/nodes",
        "/keys",
        "/predictions",
    )
    tabs = [DIGITS + tab for tab in ("", "/api", "/versions", "/provider")]
    for path in ("/", *tabs, "/verification", "/check", "/problems", *own):
        visitor.open(path)
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_the_programs_on_the_api_page_run_as_they_stand(visitor, people):
    visitor.open(f"{DIGITS}")
    draw(visitor.page)
    png = visitor.page.evaluate("document.getElementById('drawing').toDataURL('image/png')")
    (visitor.folder / "picture.png").write_bytes(base64.b64decode(png.partition(",")[2]))
    visitor.open(f"{DIGITS}/api")
    texts = {
        name: visitor.page.get_by_label(f"the {name} example", exact=True).inner_text()
        for name in ("curl", "Python")
    }
    environment = {**os.environ, "ASSAY_API_KEY": people["bela"]["api_key"]}

    python = subprocess.run(
        [sys.executable, "-c", texts["Python"]],
        env=environment,
        cwd=visitor.folder,
        capture_output=True,
        check=True,
    )
    assert python.stdout.decode().split() == ["3"]
    assert verify(visitor.folder / "receipt.json", "--provider", provider_of(visitor)) == 0

    words = shlex.split(texts["curl"].replace("$ASSAY_API_KEY", people["bela"]["api_key"]))
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    reply = httpx.post(words[1], headers=headers, content=words[-1], timeout=30, trust_env=False)
    assert reply.json()["status"] == "certified"
