"""What no tracked file may hold, and what each must begin with."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.repository import ROOT, texts

LONGEST = 500  # lines of one file of code
CODE = {".py", ".c", ".h", ".js", ".mjs", ".css", ".html", ".sh"}
GENERATED = ("static/vendor/", "requirements/", "docs/vectors/", "docs/openapi.json")

# places that exist on somebody's machine only; what every Linux has (/etc, /usr, /dev) is no such place
HOMES = re.compile(r"(?<![\w.~-])/(?:root|home|Users|work|mnt/c)/[A-Za-z0-9_.-]+")
# put together from parts, or this file would be the first to hold them
REGISTRIES = re.compile(
    r"\b(?:"
    + "|".join(
        re.escape(f"{host}.{domain}")
        for host, domain in (
            ("pypi", "org"),
            ("files.pythonhosted", "org"),
            ("registry.npmjs", "org"),
            ("npmjs", "com"),
            ("deb.debian", "org"),
            ("crates", "io"),
            ("hub.docker", "com"),
            ("proxy.golang", "org"),
        )
    )
    + r")\b"
)


def ours() -> dict[Path, str]:
    return {path: text for path, text in texts().items() if not str(path).startswith(GENERATED)}


def found(pattern: re.Pattern[str], files: dict[Path, str]) -> list[str]:
    return [
        f"{path}:{number}: {match[0]}"
        for path, text in files.items()
        for number, line in enumerate(text.splitlines(), 1)
        for match in [pattern.search(line)]
        if match
    ]


def test_no_file_names_a_place_on_one_machine():
    here = re.compile(re.escape(str(ROOT)) + r"\b")
    assert found(HOMES, ours()) + found(here, texts()) == []


def test_no_file_names_a_package_registry():
    assert found(REGISTRIES, {path: text for path, text in texts().items() if "vendor" not in path.parts}) == []


def test_locks_hold_hashes_and_no_addresses():
    locks = {path: text for path, text in texts().items() if path.match("requirements/*.txt")}
    assert locks
    assert found(re.compile(r"https?://|--(?:extra-)?index-url|--find-links"), locks) == []
    for path, text in locks.items():
        listed, hashed = r"(?m)^[\w.-]+==", r"(?m)^[\w.-]+==[^\n]*\\\n    --hash=sha256:"
        assert (path, len(re.findall(listed, text))) == (path, len(re.findall(hashed, text)))


def test_no_file_of_code_is_too_long():
    lengths = {
        str(path): len(text.splitlines())
        for path, text in ours().items()
        if path.suffix in CODE and "migrations" not in path.parts
    }
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_every_python_file_says_first_what_it_is_for():
    silent = [
        str(path)
        for path, text in ours().items()
        if path.suffix == ".py" and "migrations" not in path.parts and not ast.get_docstring(ast.parse(text))
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (HOMES, "cd /home" + "/alice/assay"),
        (HOMES, "see /work" + "/main/x.py"),
        (REGISTRIES, "--index https://pypi" + ".org/simple"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern, line):
    assert found(pattern, {Path("x"): line}) == ["x:1: " + pattern.search(line)[0]]


@pytest.mark.parametrize(
    "line", ["/etc/assay/node.toml", "https://example.com/ho" + "me/x", "/usr/bin/python3", "~/ro" + "ot/x"]
)
def test_the_patterns_leave_the_rest_alone(line):
    assert found(HOMES, {Path("x"): line}) == []
