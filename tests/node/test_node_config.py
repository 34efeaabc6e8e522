"""node.toml: what `init` writes is read back; whatever else is refused names its key."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import Refused
from assay.keys import PrivateKey
from inference.repository import InstanceGroups
from node.config import Config, LimitSettings, MarketplaceSettings, TritonSettings, parse, settings, to_toml

DOCS = Path(__file__).parents[2] / "docs" / "node.md"
KEY = str(PrivateKey(bytes(32)).public)


@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}", fullmatch=True),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.integers(1, 8760),
    st.lists(st.integers(0, 1023), max_size=4),
)
def test_what_is_written_is_read_back(name, repository, hours, gpus):
    config = Config(
        name=name,
        listen="[::1]:7000",
        triton=TritonSettings(repository=repository, instances=InstanceGroups(kind="gpu", gpus=tuple(gpus))),
        marketplace=MarketplaceSettings(keys=(KEY,), url="https://example.org"),
        limits=LimitSettings(keep_hours=hours),
    )
    assert parse(to_toml(config)) == config


def test_only_a_name_is_needed():
    assert parse('name = "alice-1"') == Config(name="alice-1")


@pytest.mark.parametrize(
    ("text", "pointer", "word"),
    [
        ('name = "a"\nlissten = "x:1"', "", "lissten"),
        ('name = "a"\n[triton]\nadress = "x:1"', "/triton", "adress"),
        ('name = "a"\n[triton.instances]\ncounts = 1', "/triton/instances", "counts"),
        ('name = "a"\n[surprise]\nx = 1', "", "surprise"),
        ("", "", "name"),
        ('name = ""', "/name", "length"),
        ('name = "a"\nlisten = "nowhere"', "/listen", "address"),
        ('name = "a"\nlisten = 7000', "/listen", "str"),
        ('name = "a"\n[triton]\naddress = ":1"', "/triton/address", "address"),
        ('name = "a"\n[triton]\nbackend = "tensorflow"', "/triton/backend", "enum"),
        ('name = "a"\n[marketplace]\nkeys = ["ed25519:12"]', "/marketplace/keys/0", "public key"),
        ('name = "a"\n[limits]\nin_flight = 0', "/limits/in_flight", "2"),
        ('name = "a"\n[limits]\nkeep_hours = 0', "/limits/keep_hours", "1"),
        ('name = "a"\n[metrics]\nlisten = "x"', "/metrics/listen", "address"),
        ("name = ", "", "TOML"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(text, pointer, word):
    with pytest.raises(Refused) as refused:
        parse(text)
    assert refused.value.code == "invalid-config"
    assert refused.value.pointer == pointer
    assert word in str(refused.value)


def test_every_setting_stands_in_the_file_under_what_it_means():
    text = to_toml(Config(name="a"))
    for setting in settings(Config(name="a")):
        assert f"# {setting.meaning}\n{setting.key} = " in text
    assert set(tomllib.loads(text)) == {"name", "listen", "triton", "marketplace", "limits", "metrics"}


def test_the_documentation_lists_every_setting_with_its_default():
    told = DOCS.read_text()
    for setting in settings(Config(name="a")):
        key = f"{setting.section}.{setting.key}" if setting.section else setting.key
        rows = [line for line in told.splitlines() if line.startswith(f"| `{key}` |")]
        assert len(rows) == 1, key
        assert setting.meaning in rows[0]
