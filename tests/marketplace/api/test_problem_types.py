"""Every code that an error can carry is explained."""

from __future__ import annotations

import ast
from pathlib import Path

from marketplace.api.problem_types import PROBLEMS

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("sdk/assay", "wire", "inference", "verification", "node", "marketplace")
ERRORS = {"Finding", "_finding"}  # what is found in an upload has codes of its own, shown with the finding


def codes(tree: ast.AST):
    """The literal codes in a source: keyword `code` of calls, and classes' default codes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) not in ERRORS:
            values = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "default_code":
            values = [node.value]
        else:
            continue
        for value in values:
            yield from literals(value)


def literals(value: ast.AST):
    """The codes that an expression may come to: a literal, or the literals of `x or y` and `x if … else y`."""
    match value:
        case ast.Constant(value=str(code)):
            yield code
        case ast.BoolOp(values=choices):
            for each in choices:
                yield from literals(each)
        case ast.IfExp(body=one, orelse=other):
            yield from literals(one)
            yield from literals(other)
        case ast.Call(func=ast.Name(id="str"), args=[only]):
            yield from literals(only)


def test_every_code_has_a_title_and_an_explanation():
    used = {
        code
        for source in SOURCES
        for path in (ROOT / source).rglob("*.py")
        for code in codes(ast.parse(path.read_text("utf-8")))
    }
    assert len(used) > 100, "the sources were not found"
    assert used - set(PROBLEMS) == set()


def test_explanations_are_sentences():
    for code, problem in PROBLEMS.items():
        assert problem.title[0].isupper(), code
        assert problem.explanation.endswith("."), code
