"""The locks still answer pyproject.toml: what is asked for is pinned, at a version that is asked for."""

from __future__ import annotations

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.repository import ROOT

LOCKS = {"dev": ("web", "demo", "dev"), "web": ("web",), "node": ()}
HERE = {"sys_platform": "linux", "python_version": "3.11", "python_full_version": "3.11.9"}


def asked(extras: tuple[str, ...]) -> list[Requirement]:
    server = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    client = tomllib.loads((ROOT / "sdk" / "pyproject.toml").read_text())["project"]
    lines = [*client["dependencies"], *client["optional-dependencies"]["reproducible"], *server["dependencies"]]
    for extra in extras:
        lines += server["optional-dependencies"][extra]
    return [each for each in map(Requirement, lines) if each.name != client["name"]]


def pinned(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    pins = [Requirement(line.rstrip(" \\")) for line in text.splitlines() if line[:1].isalnum()]
    here = [each for each in pins if each.marker is None or each.marker.evaluate(HERE)]
    return {canonicalize_name(each.name): next(iter(each.specifier)).version for each in here}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_answers_what_is_asked_for(lock):
    pins = pinned(lock)
    unanswered = [
        str(each)
        for each in asked(LOCKS[lock])
        if not each.specifier.contains(pins.get(canonicalize_name(each.name), "0"), prereleases=True)
    ]
    assert unanswered == [], "run `make lock`"


def test_every_extra_is_in_a_lock():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras) == set(LOCKS["dev"])
