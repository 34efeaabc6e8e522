"""The catalogue's page: the address holds the state, with htmx comes only what changes, and nothing is empty."""

from __future__ import annotations

from tests.marketplace import answering
from tests.web.conftest import browser, url


def text(**query: str) -> str:
    return browser().get(url("home"), query).content.decode()


def test_a_search_is_in_the_address_and_shown_in_the_form(shop):
    page = text(q="digits", task="classification", order="title")
    assert 'value="digits"' in page
    assert 'value="classification" form="search" checked' in page
    assert 'value="title" selected' in page
    assert "1 model for “digits”" in page


def test_a_card_shows_what_was_measured_and_whether_it_serves(shop):
    page = text()
    assert "98.6 %" in page
    assert ">Serving<" in page
    shop.node.serving = False
    shop.node.save()
    assert ">Not serving<" in text()


def test_nothing_found_says_what_to_do(shop):
    page = text(q="zeppelin")
    assert "Nothing fits all of that" in page
    assert "Predictions that come with" not in page


def test_an_empty_shop_says_so(db):
    assert "No model is for sale yet" in text()


def test_with_htmx_comes_the_list_alone_and_caches_are_told(shop):
    answer = browser().get(url("home"), {"q": "digits"}, headers={"HX-Request": "true"})
    assert "<html" not in answer.content.decode()
    assert "HX-Request" in answer.headers["Vary"]
    back = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in browser().get(url("home"), {"q": "digits"}, headers=back).content.decode()


def test_nonsense_in_the_address_is_no_error(shop):
    for query in ({"cursor": "nonsense"}, {"order": "nonsense"}, {"q": "'&|!:*"}, {"owner": "<script>"}):
        answer = browser().get(url("home"), query)
        assert answer.status_code == 200
        assert "<script>" not in answer.content.decode()


def test_further_pages_keep_the_search(cast):
    for i in range(25):
        answering.digits(cast.asha, slug=f"digits-{i}")
    first = text(q="digits")
    more = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert "q=digits" in more
    second = browser().get(more).content.decode()
    assert second.count("card-model") == 1
    assert "First page" in second
