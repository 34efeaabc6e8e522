"""What owners are told to put into their nodes' configuration."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from assay.keys import PrivateKey, PublicKey
from marketplace.catalogue import peers


@pytest.fixture(autouse=True)
def read_anew():
    peers.identity.cache_clear()
    yield
    peers.identity.cache_clear()


def test_the_public_half_of_the_workers_key_is_printed():
    out = StringIO()
    call_command("dispatch_key", stdout=out)
    assert PublicKey.parse(out.getvalue()) == PrivateKey.load(django_settings.ENV.identity).public


def test_a_process_without_the_key_says_which_setting_is_missing(monkeypatch):
    monkeypatch.setattr(django_settings, "ENV", replace(django_settings.ENV, identity=None))
    with pytest.raises(CommandError, match="ASSAY_DISPATCH_KEY_FILE"):
        call_command("dispatch_key")


def test_a_web_process_shows_the_public_half_without_holding_the_other(monkeypatch):
    shown = PrivateKey.generate().public
    monkeypatch.setattr(django_settings, "ENV", replace(django_settings.ENV, identity=None, public_identity=shown))
    assert peers.public_identity() == shown


def test_owners_are_shown_the_whole_command(client, cast):
    client.force_login(cast.asha.user)
    page = " ".join(
        client.get("/nodes").content.decode().replace("\\\n", " ").split()
    )  # one line, as a shell reads it
    key = PrivateKey.load(django_settings.ENV.identity).public
    assert f"--marketplace-url {django_settings.ENV.url} --marketplace-key {key}" in page
