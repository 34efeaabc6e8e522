"""`python -m stack.manage`: the marketplace's own commands, on the one that runs in a folder."""

from __future__ import annotations

import json

import pytest

from stack import manage
from stack.tree import Tree


@pytest.fixture
def tree(tmp_path, monkeypatch):
    made = Tree(tmp_path / "var")
    monkeypatch.setattr(manage, "TREE", made)
    monkeypatch.setattr(manage, "DEMO", made.folder() / "demo.json")
    return made


def test_where_nothing_is_ready_it_says_so_and_does_nothing(tree):
    with pytest.raises(SystemExit) as end:
        manage.main()
    assert "nothing is ready in this folder" in str(end.value.code)
    assert list(tree.var.iterdir()) == []


def test_it_reaches_what_runs_there_as_what_serves_does(tree, monkeypatch):
    tree.folder("run").joinpath("ports.json").write_text(json.dumps({"redis": 16_000}))
    tree.folder().joinpath("demo.json").write_text(json.dumps({"url": "http://127.0.0.1:9000"}))
    monkeypatch.setattr("sys.argv", ["stack.manage", "ledger", "check"])
    ran = []
    monkeypatch.setattr("os.execve", lambda path, command, environment: ran.append((command[1:], environment)))
    manage.main()
    ((command, environment),) = ran
    assert command == ["manage.py", "ledger", "check"]
    assert environment["DATABASE_URL"].startswith("postgresql://assay_app@/")
    assert environment["ASSAY_URL"] == "http://127.0.0.1:9000"
    assert environment["BROKER_URL"].endswith("@127.0.0.1:16000/0")
