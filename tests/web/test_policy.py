"""What every page must keep to: the security policy, own addresses only, links that lead somewhere, weight."""

from __future__ import annotations

import gzip
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.staticfiles import finders

from tests.web.conftest import Shop, browser
from tests.web.test_who_may_open_what import PAGES, at

MAX_WEIGHT = 180_000  # bytes of a page with all it loads, as they travel; far below the 250 KB it may weigh
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
LOADING = {"script": "src", "link": "href", "img": "src"}
DOWNLOADS = (
    *("prediction-input", "certificate-json", "certificate-cbor", "receipt"),
    *("billing-csv", "earnings-csv"),
)
HTML = [name for name in PAGES if name not in DOWNLOADS]


class Page(HTMLParser):
    """What a page holds: elements with their attributes; ids; whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()

    def all(self, tag: str):
        return [attributes for name, attributes in self.elements if name == tag]


def opened(shop: Shop, name: str):
    arguments, who = PAGES[name]
    person = next(each for each in ("asha", "bela") if who[each] == 200)
    return browser(getattr(shop.cast, person)).get(at(shop, name, arguments))


@pytest.mark.parametrize("name", HTML)
def test_a_page_keeps_to_the_rules(shop, name):
    answer = opened(shop, name)
    parsed = Page(answer.content.decode())
    for rule in RULES:
        rule(answer, parsed)


def the_policy_allows_nothing_inline(answer, parsed):
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "default-src 'self'" in policy
    for attributes in parsed.all("script"):
        assert "src" in attributes or attributes.get("type") == "application/json"
    for _, attributes in parsed.elements:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
    assert not parsed.all("style")


def elements_are_closed_and_ids_are_unique(answer, parsed):
    assert parsed.open == []
    ids = [attributes["id"] for _, attributes in parsed.elements if "id" in attributes]
    assert sorted(ids) == sorted(set(ids))


def what_has_a_label_exists_and_fields_have_one(answer, parsed):
    ids = {attributes["id"] for _, attributes in parsed.elements if "id" in attributes}
    labelled = {attributes["for"] for attributes in parsed.all("label") if "for" in attributes}
    assert labelled <= ids
    for tag in ("input", "select", "textarea"):
        for attributes in parsed.all(tag):
            wrapped = attributes.get("type") in ("hidden", "radio", "checkbox", "file")
            assert wrapped or attributes.get("id") in labelled, attributes
    for _, attributes in parsed.elements:
        for name in ("aria-labelledby", "aria-describedby", "aria-controls"):
            assert set(attributes.get(name, "").split()) <= ids
    assert all("alt" in attributes for attributes in parsed.all("img"))


def it_has_a_language_a_title_and_one_heading(answer, parsed):
    if parsed.all("html"):  # else it is a part of a page
        assert parsed.all("html")[0]["lang"] == "en"
        assert len(parsed.all("title")) == len(parsed.all("h1")) == 1


def nothing_is_loaded_from_elsewhere(answer, parsed):
    for tag, attribute in LOADING.items():
        for attributes in parsed.all(tag):
            target = attributes.get(attribute, "")
            assert not urlsplit(target).netloc
            assert urlsplit(target).scheme in ("", "data")


def every_link_leads_somewhere(answer, parsed):
    client = answer.client
    here = answer.request["PATH_INFO"]
    targets = {urljoin(here, attributes["href"]) for attributes in parsed.all("a") if "href" in attributes}
    for target in sorted(targets):
        assert not urlsplit(target).netloc, target
        path = target.partition("#")[0]
        assert path == here or client.get(path).status_code == 200, target


def every_file_named_is_there_and_all_together_are_light(answer, parsed):
    files = {
        attributes[name] for tag, name in LOADING.items() for attributes in parsed.all(tag) if name in attributes
    }
    own = {file.removeprefix("/static/") for file in files if file.startswith("/static/")}
    loaded = {Path(found(name)) for name in own}
    for script in [each for each in loaded if each.suffix == ".js"]:
        loaded |= imported(script)
    for sheet in [each for each in loaded if each.name == "theme.css"]:
        loaded |= set((sheet.parent.parent / "vendor" / "plex").glob("*.woff2"))
    weights = {each.name: travelling(each.name, each.read_bytes()) for each in loaded}
    weight = travelling("page.html", answer.content) + sum(weights.values())
    assert weight <= MAX_WEIGHT, sorted((size, name) for name, size in weights.items())


def travelling(name: str, content: bytes) -> int:
    """Bytes on the wire: a font is compressed as it is, everything else on the way."""
    return len(content if name.endswith(".woff2") else gzip.compress(content))


def found(name: str) -> str:
    path = finders.find(name)
    assert path is not None, f"{name} is named but not there"
    return path


def imported(script: Path) -> set[Path]:
    """A module's imports, theirs included."""
    reached: set[Path] = set()
    waiting = [script]
    while waiting:
        module = waiting.pop()
        for line in module.read_text("utf-8").splitlines():
            if line.startswith("import ") and line.endswith('";'):
                target = (module.parent / line.split('"')[1]).resolve()
                assert target.exists(), f"{module.name} imports {target}"
                if target not in reached:
                    reached.add(target)
                    waiting.append(target)
    return reached


RULES = (
    the_policy_allows_nothing_inline,
    elements_are_closed_and_ids_are_unique,
    what_has_a_label_exists_and_fields_have_one,
    it_has_a_language_a_title_and_one_heading,
    nothing_is_loaded_from_elsewhere,
    every_link_leads_somewhere,
    every_file_named_is_there_and_all_together_are_light,
)
