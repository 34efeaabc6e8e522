"""What our pages name exists: files and folders, tests, commands of make, decisions."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from marketplace.environment import ADDRESSES, CLIENT, variables
from node.home import VARIABLE as VARIABLE_OF_NODE
from tests.docs.repository import ROOT, markdown, texts, tracked

PATH = re.compile(r"^[\w.-]+(?:/[\w.<>*-]+)*/?$")
MADE = ("var/", "docker/secrets", "docker/.env")  # there only once something has run
TEST = re.compile(r"^test_\w+$")
VARIABLE = re.compile(r"\bASSAY_[A-Z0-9_]+")
OF_COMPOSE = {"ASSAY_UID", "ASSAY_GID", "ASSAY_PORT"}  # what docker/compose.yaml itself is told
TARGET = re.compile(r"^([a-z][a-z-]*):.*## ", re.MULTILINE)


def pages_and_recipes() -> list[Path]:
    return [path for path in texts() if path.suffix == ".md" or path.parts[0] == "docker"]


def spans(text: str) -> list[str]:
    """What stands in `back quotes`, fenced blocks aside."""
    prose = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


@cache
def top() -> frozenset[str]:
    return frozenset(path.parts[0] for path in tracked())


def is_path(span: str) -> bool:
    return bool(PATH.match(span)) and "/" in span and span.partition("/")[0] in top() and not span.startswith(MADE)


@cache
def every_test() -> frozenset[str]:
    """The names of all tests."""
    files = [ROOT / path for path in tracked() if path.match("test_*.py")]
    trees = [ast.walk(ast.parse(file.read_text("utf-8"))) for file in files]
    functions = (
        node for tree in trees for node in tree if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return frozenset(function.name for function in functions)


def unknown(text: str) -> list[str]:
    wrong = []
    targets = set(TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    for span in spans(text):
        if TEST.match(span):
            wrong += [span] if span not in every_test() else []
        elif span.startswith("make "):
            goals = [word for word in span.split()[1:] if "=" not in word]
            wrong += [span] if not set(goals) <= targets else []
        elif is_path(span) and not any(ROOT.glob(span.rstrip("/"))):
            wrong.append(span)
    return wrong


@pytest.mark.parametrize("page", sorted(markdown()), ids=str)
def test_what_a_page_names_exists(page):
    assert unknown(markdown()[page]) == []


def test_what_does_not_exist_is_found():
    text = "`sdk/assay/nowhere.py` `docs/adr/` `make up PORT=9000` `make nothing` `wire/tls.py` `and/or`\n"
    text += "`test_nothing` `test_what_does_not_exist_is_found`"
    assert unknown(text) == ["sdk/assay/nowhere.py", "make nothing", "test_nothing"]


def settings() -> set[str]:
    """Every variable that a program of ours reads."""
    rows = {row.name for row in variables().values()}
    return rows | CLIENT | OF_COMPOSE | {VARIABLE_OF_NODE} | {f"{address}_FILE" for address in ADDRESSES}


@pytest.mark.parametrize("page", sorted(pages_and_recipes()), ids=str)
def test_settings_that_are_named_exist(page):
    named = set(VARIABLE.findall(texts()[page]))
    assert {name for name in named if not name.endswith("_")} - settings() == set()
