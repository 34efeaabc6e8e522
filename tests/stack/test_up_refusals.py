"""When `make up` cannot start it says why, and has touched nothing that is in use."""

from __future__ import annotations

import json
import os
import socket

import pytest

from stack import ports, up
from stack.console import Console
from stack.lock import only_one
from stack.tree import Tree


@pytest.fixture
def make_up(tmp_path, monkeypatch):
    """`make up` in a folder of its own."""
    monkeypatch.setattr(up, "TREE", Tree(tmp_path / "var"))
    monkeypatch.setattr(up, "DEMO", tmp_path / "var" / "demo.json")

    def run(port):
        monkeypatch.setattr("sys.argv", ["make up", "--port", str(port)])
        with pytest.raises(SystemExit) as end:
            up.main()
        return end.value.code

    return run


def test_a_second_one_in_the_same_folder_is_refused_with_the_firsts_pid(make_up, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "demo.json").write_text("the first one's")
    with only_one(tmp_path / "var" / "up.lock"):
        message = make_up(ports.free_ports(1)[0])
    assert message == f"make up: this folder's marketplace is running already, as process {os.getpid()}"
    assert (tmp_path / "var" / "demo.json").read_text() == "the first one's"


def test_a_taken_port_is_refused_with_its_holder_and_nothing_is_started(make_up, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        message = make_up(port)
    assert message.startswith(f"make up: port {port} is taken by ")
    assert f"(pid {os.getpid()}); try `make up PORT=9000`" in message
    assert {entry.name for entry in (tmp_path / "var").iterdir()} == {"up.lock"}


@pytest.mark.parametrize("port", ["", "0", "65536", "-1", "８０", "80a", "1e3"])
def test_what_is_no_port_is_refused(make_up, port, capsys):
    assert make_up(port) == 2
    assert f"{port!r} is not a port (1 to 65535)" in capsys.readouterr().err


def test_ports_are_the_same_next_time_unless_somebody_took_one(tmp_path):
    file = tmp_path / "ports.json"
    first = ports.remembered(file, ["a", "b"], taken=frozenset())
    assert ports.remembered(file, ["a", "b", "c"], taken=frozenset()).items() >= first.items()
    with socket.create_server(("127.0.0.1", first["a"])):
        second = ports.remembered(file, ["a", "b"], taken=frozenset())
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
    assert ports.remembered(file, ["b"], taken=frozenset({first["b"]}))["b"] != first["b"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": "x"}', '{"a": 99999}', '{"a": true}', '{"a": -1}'])
def test_a_damaged_list_of_ports_is_drawn_anew(tmp_path, content):
    file = tmp_path / "ports.json"
    file.write_text(content)
    drawn = ports.remembered(file, ["a"], taken=frozenset())
    assert ports.LOWEST <= drawn["a"] < ports.HIGHEST
    assert json.loads(file.read_text()) == drawn


def test_a_console_for_nobody_needs_no_terminal(capsys):
    console = Console()
    console.starting("web")
    console.ready("web", 1.25)
    console.failed("node", "exit status 1", ["[no] key"])
    console.close()
    assert capsys.readouterr().out.splitlines() == [
        "ready web (1.2 s)",
        "node did not start: exit status 1",
        "  | [no] key",
    ]
