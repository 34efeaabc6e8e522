"""Searching: what is found, by whom, in what order, in how many queries."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import Refused
from assay.jsonform import base64url
from marketplace.catalogue import actions
from marketplace.catalogue.search import Query, search

pytestmark = pytest.mark.django_db


def slugs(page) -> list[str]:
    return [card.model.slug for card in page.cards]


@pytest.fixture
def shelf(cast, many):
    digits, wine, sugar = many(3, title="Item")
    actions.edit_model(digits, title="Handwritten digits", summary="Reads one digit", card="Trained on 8x8 scans.")
    actions.edit_model(wine, title="Wine cultivars", summary="From thirteen measurements of a digit of wine")
    actions.edit_model(sugar, title="Blood sugar", card="Progression of diabetes; digit preference corrected.")
    return [model.slug for model in (digits, wine, sugar)]


def test_a_title_counts_more_than_a_summary_and_that_more_than_the_card(shelf):
    assert slugs(search(Query(text="digit"))) == shelf


@pytest.mark.parametrize("text", ["digits", "DIGIT", "handwr", "digit hand", "handwritten, digits!"])
def test_words_are_found_in_any_form_and_as_typed_so_far(shelf, text):
    assert slugs(search(Query(text=text)))[0] == shelf[0]


def test_every_word_must_be_there(shelf):
    assert slugs(search(Query(text="wine digit"))) == [shelf[1]]
    assert slugs(search(Query(text="wine zebra"))) == []


def test_an_owners_name_finds_the_owners_models(shelf):
    assert len(search(Query(text="asha")).cards) == 3
    assert len(search(Query(owner="asha")).cards) == 3
    assert search(Query(owner="bela")).cards == []


@given(text=st.text(max_size=40))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_text_is_an_operator_or_an_error(db, text):
    if "\0" in text:
        with pytest.raises(Refused):
            search(Query(text=text))
    else:
        search(Query(text=text))


@pytest.mark.parametrize("text", ["' | x", "!digit", "digit & !wine", "a:*<->b", "\\", "')); DROP TABLE x"])
def test_operators_of_the_database_are_only_text(shelf, text):
    search(Query(text=text))


def test_private_models_are_found_by_members_alone(cast, model, many):
    many(1)
    assert len(search(Query()).cards) == 1
    assert len(search(Query(), cast.bela.actor).cards) == 1
    assert len(search(Query(), cast.tariq.actor).cards) == 2


def test_a_withdrawn_model_is_found_by_nobody_else(cast, published):
    assert len(search(Query()).cards) == 1
    actions.unpublish(cast.asha.actor, published)
    assert search(Query()).cards == []


def test_facets_count_what_there_would_be(cast, many):
    many(9)
    page = search(Query(task="regression"))
    assert {facet.value: facet.count for facet in page.tasks} == {
        "classification": 3,
        "regression": 3,
        "other": 3,
    }
    assert {facet.value: facet.count for facet in page.licences} == {"MIT": 1, "CC0-1.0": 2}
    assert [facet.count for facet in page.modes] == [3]
    assert page.total == len(page.cards) == 3


@pytest.mark.parametrize("order", ["relevance", "newest", "title"])
@pytest.mark.parametrize("text", ["", "model"])
def test_pages_show_every_model_once(cast, many, order, text):
    many(25)
    seen, cursor = [], ""
    while True:
        page = search(Query(text=text, order=order, cursor=cursor, limit=7))
        seen += slugs(page)
        assert page.total == 25
        if not (cursor := page.next):
            break
    assert sorted(seen) == sorted({f"model-{i}" for i in range(25)})


def test_a_model_that_comes_in_between_shifts_no_page(cast, many):
    many(10)
    first = search(Query(order="newest", limit=5))
    many(3, title="Newer")
    second = search(Query(order="newest", limit=5, cursor=first.next))
    assert slugs(first) + slugs(second) == [f"model-{i}" for i in reversed(range(10))]


MADE_UP = [
    "x",
    "!!!!",
    "A" * 3000,
    *(
        base64url(text)
        for text in (
            b"[1]",
            b'["a", "b"]',
            b"null",
            b"[NaN]",
            b"{}",
            b'["\\u0000", 1]',
            b'["a", 1, 2]',
            b"[[1], 1]",
        )
    ),
]


@pytest.mark.parametrize("order", ["title", "relevance"])
@pytest.mark.parametrize("cursor", MADE_UP)
def test_a_cursor_that_was_made_up_is_refused(many, cursor, order):
    many(1)
    with pytest.raises(Refused) as caught:
        search(Query(order=order, text="model", cursor=cursor))
    assert caught.value.pointer == "/cursor"


def test_a_cursor_beyond_every_number_ends_the_list(many):
    many(1)
    assert search(Query(order="title", cursor=base64url(b'["Model 0", 1' + b"0" * 30 + b"]"))).cards == []


def test_an_unknown_order_is_refused(db):
    with pytest.raises(Refused) as caught:
        search(Query(order="price"))
    assert caught.value.pointer == "/order"


@pytest.mark.parametrize("count", [1, 60])
@pytest.mark.parametrize("text", ["", "model"])
def test_the_number_of_queries_does_not_grow(cast, many, django_assert_max_num_queries, count, text):
    many(count)
    actor = cast.asha.actor
    with django_assert_max_num_queries(10):
        page = search(Query(text=text, limit=100), actor)
        for card in page.cards:
            assert (card.model.organisation.slug, card.serving, card.metrics) == ("asha", False, [])
    assert len(page.cards) == count
