"""What a visitor sees of an error that nobody foresaw, and what we see of it."""

from __future__ import annotations

import re

from django.test import Client

from marketplace.web.views import catalogue


def test_its_page_names_the_request_and_the_log_tells_under_that_name_what_happened(db, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr(catalogue, "search", broken)
    answer = Client(raise_request_exception=False).get("/")
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "secret" not in page
    (told,) = re.findall(r"<code>(.+)</code>", page)
    assert told == answer["X-Request-Id"]
    ours = [record for record in caplog.records if record.name.startswith("marketplace")]
    assert [record.getMessage() for record in ours] == [f"request {told}: an error nobody foresaw"]
    assert "a secret detail" in caplog.text
