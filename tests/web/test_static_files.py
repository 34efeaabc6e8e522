"""Collecting the static files as it is done in earnest: hashed names, every reference found, imports rewritten."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command
from django.template.loader import render_to_string


@pytest.fixture
def collected(settings, tmp_path):
    from marketplace import settings as own

    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = own.STORAGES
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]  # ours, not the admin's
    call_command("collectstatic", interactive=False, verbosity=0)
    return tmp_path


def test_every_file_has_a_name_with_its_digest_and_modules_import_by_it(collected):
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]
    modules = [name for name in names if name.startswith("js/") and name.endswith(".js")]
    assert len(modules) > 10
    for name in modules:
        content = (collected / names[name]).read_text("utf-8")
        for target in re.findall(r'^import .*?"(\.[^"]+)";$', content, re.MULTILINE):
            assert re.search(r"\.[0-9a-f]{12}\.js$", target), f"{name} imports {target}"
    assert "url(" in (collected / names["css/theme.css"]).read_text()
    assert re.search(r"woff2\"?\)", (collected / names["css/theme.css"]).read_text())


def test_the_page_for_our_own_errors_needs_nothing_but_the_files(collected):
    page = render_to_string("500.html")
    assert re.search(r"css/theme\.[0-9a-f]{12}\.css", page)
