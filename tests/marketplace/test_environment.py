"""Settings: one typed table, printed as the docs; nothing misspelt goes unnoticed, no secret is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay.errors import Refused
from marketplace.environment import environment, markdown, variables

DOCS = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_the_docs_are_the_table():
    """After a change that is meant: python -m marketplace.environment > docs/settings.md"""
    assert DOCS.read_text("utf-8") == markdown()


def test_without_any_variable_there_are_defaults():
    settings = environment({"HOME": "/root"})
    assert settings.database["NAME"] == "assay"
    assert settings.rate_limit == int(
        next(v.default for v in variables().values() if v.name == "ASSAY_RATE_LIMIT")
    )


@pytest.mark.parametrize("name", ["ASSAY_URI", "ASSAY_", "ASSAY_RATELIMIT"])
def test_a_misspelt_setting_is_an_error_that_names_it(name):
    with pytest.raises(Refused) as caught:
        environment({name: "x"})
    assert (caught.value.code, caught.value.pointer) == ("unknown-setting", name)


def test_an_operator_is_told_in_one_line_without_a_traceback():
    manage = [sys.executable, str(DOCS.parents[1] / "manage.py"), "check"]
    told = subprocess.run(manage, env=os.environ | {"ASSAY_URI": "x"}, check=False, capture_output=True, text=True)
    assert told.returncode == 1
    assert told.stderr.startswith("manage.py: ASSAY_URI: unknown setting (expected ")
    assert told.stderr.count("\n") == 1


def test_the_clients_own_variable_is_left_alone():
    environment({"ASSAY_API_KEY": "assay_…"})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://me:s%40crt@db.example:5433/shop?sslmode=require",
            {"USER": "me", "PASSWORD": "s@crt", "HOST": "db.example", "PORT": "5433", "NAME": "shop"},
        ),
        ("postgresql://assay@/assay?host=/run/pg%20x", {"USER": "assay", "HOST": "/run/pg x", "PORT": ""}),
        ("postgresql:///assay", {"USER": "", "PASSWORD": "", "HOST": "", "NAME": "assay"}),
    ],
)
def test_a_database_url_becomes_djangos_settings(url, expected):
    database = environment({"DATABASE_URL": url}).database
    assert expected.items() <= database.items()
    assert database["ENGINE"] == "marketplace.db"


def test_other_parameters_of_the_url_go_to_libpq():
    database = environment({"DATABASE_URL": "postgresql:///a?sslmode=require&application_name=x"}).database
    assert database["OPTIONS"] == {"sslmode": "require", "application_name": "x"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://host/x"),
        ("DATABASE_URL", "postgresql://host:port/x"),
        ("BROKER_URL", "amqp://host"),
        ("ASSAY_URL", "ftp://host"),
        ("ASSAY_URL", "https://"),
        ("ASSAY_URL", "https://host/path"),
        ("ASSAY_RATE_LIMIT", "many"),
        ("ASSAY_RATE_LIMIT", "-1"),
        ("ASSAY_RATE_LIMIT", "0"),
        ("ASSAY_DATABASE_CONNECTIONS", "1" * 50),
        ("ASSAY_DATABASE_CONNECTIONS", "٣"),
        ("ASSAY_DEMO", "yes"),
        ("ASSAY_DISPATCH_KEY_FILE", "/nowhere/key"),
    ],
)
def test_a_value_that_does_not_fit_is_an_error_that_names_its_variable(name, value):
    with pytest.raises(Refused) as caught:
        environment({name: value})
    assert caught.value.pointer.startswith(name)


def test_a_secret_is_read_from_its_file_and_shown_nowhere(tmp_path):
    file = tmp_path / "secret"
    file.write_text("s3cret-" * 8 + "\n")
    settings = environment({"ASSAY_SECRET_KEY_FILE": str(file)})
    assert settings.secret_key == "s3cret-" * 8
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings)


def test_a_short_secret_is_refused_without_telling_it(tmp_path):
    file = tmp_path / "secret"
    file.write_text("hunter2")
    with pytest.raises(Refused) as caught:
        environment({"ASSAY_SECRET_KEY_FILE": str(file)})
    assert "hunter2" not in str(caught.value)


def test_without_a_file_every_process_makes_up_its_own_secret():
    assert environment({}).secret_key != environment({}).secret_key


def test_an_address_may_come_from_a_file_but_not_from_both(tmp_path):
    file = tmp_path / "url"
    file.write_text("postgresql://me:pw@db/shop\n")
    assert environment({"DATABASE_URL_FILE": str(file)}).database["PASSWORD"] == "pw"
    with pytest.raises(Refused, match="both"):
        environment({"DATABASE_URL_FILE": str(file), "DATABASE_URL": "postgresql:///x"})


def test_the_public_address_makes_host_origin_and_cookies():
    settings = environment({"ASSAY_URL": "https://assay.example/", "ASSAY_ALLOWED_HOSTS": "a, b"})
    assert settings.https
    assert settings.allowed_hosts == ["assay.example", "a", "b"]
    assert settings.trusted_origins == ["https://assay.example"]
